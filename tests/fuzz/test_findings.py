"""What the fuzzing broke once: each with the file that did it, as small as it can be."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import readers
import run_readers
from bounds import bounded
from more_readers import MORE
from readers import STAGES, write
from run_readers import RUNS

from asi_repro.errors import AsiReproError, DataError
from asi_repro.plain_yaml import plain_yaml

READERS = STAGES | RUNS | MORE

# PyYAML's safe loader answers each of these with an error of Python's own, not with a YAMLError.
BAD_YAML = {
    "AttributeError": "a: !!timestamp x",
    "KeyError": "a: !!bool x",
    "IndexError": "a: !!int ''",
    "ValueError of a date": "a: 2001-99-99",
    "ValueError of a number": "a: 0x_",
    "ValueError of digits": f"a: {'9' * 5000}",
    "RecursionError": "[" * 3000,
    "object tag": "a: !!python/object/apply:os.system [id]",
    "surrogate": "a: \ud800",
}


@pytest.mark.parametrize("text", BAD_YAML.values(), ids=BAD_YAML)
def test_yaml_that_the_parser_breaks_on_is_not_yaml(text: str) -> None:
    with pytest.raises(DataError, match="not YAML") as caught:
        plain_yaml(text, where="the file", hint="mend it")
    assert (caught.value.where, caught.value.hint) == ("the file", "mend it")


def test_aliases_that_stand_for_gigabytes_are_refused_at_the_first() -> None:
    names = "abcdefghijklmnopqrstuvwxyz"
    lines = [f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]" for before, name in pairwise(names)]
    with bounded(seconds=2, megabytes=50), pytest.raises(DataError, match="aliases"):
        plain_yaml("a: &a [x]\n" + "\n".join(lines), where="the file")


def test_yaml_bytes_that_are_not_utf8_are_refused() -> None:
    with pytest.raises(DataError, match=r"not UTF-8 \(byte 3\)"):
        plain_yaml(b"a: \xbb", where="the file")
    assert plain_yaml("a: [1, é, 2001-01-01]".encode(), where="the file")["a"][:2] == [1, "é"]


@pytest.mark.parametrize(
    "name", ["params.yaml", "selection.yaml", "DVC pin", "cognition entry", "cognition entries", "prompt"]
)
@pytest.mark.parametrize("bad", ["a: !!timestamp x", "a: !!bool x", b"\xbb"])
def test_every_reader_of_yaml_refuses_it(name: str, bad: str | bytes, tmp_path: Path) -> None:
    reader = READERS[name]
    path = reader.make(tmp_path)
    data = bad.encode() if isinstance(bad, str) else bad
    write(path, b"---\n" + data + b"\n---\n\n# User\n\ntext\n" if path.suffix == ".md" else data)
    with pytest.raises(AsiReproError):
        reader.read(tmp_path)


def change(path: Path, edit: Callable[[Any], None]) -> None:
    value = json.loads(path.read_text())
    edit(value)
    path.write_text(json.dumps(value))


LEDGERS: dict[str, Callable[[Any], None]] = {
    "no claims": lambda ledger: ledger.pop("claims"),
    "claims of null": lambda ledger: ledger.update(claims=None),
    "a claim that is a text": lambda ledger: ledger.update(claims=["x"]),
    "measured of null": lambda ledger: ledger.update(measured=None),
    "no summary": lambda ledger: ledger.pop("summary"),
    "a summary of lists": lambda ledger: ledger.update(summary={"reproduced": []}),
    "a list for an id": lambda ledger: ledger["claims"][0].update(id=[]),
    "two claims of one id": lambda ledger: ledger["claims"].append(ledger["claims"][0]),
    "no statement": lambda ledger: ledger["claims"][0].pop("statement"),
    "a number for a text": lambda ledger: ledger["claims"][0].update(found=3),
    "parts that are no list": lambda ledger: ledger["claims"][0].update(parts=1.5),
    "a part that is a text": lambda ledger: ledger["claims"][0].update(parts=["x"]),
    "evidence without a total": lambda ledger: ledger["claims"][0]["evidence"][0].pop("total"),
    "a row that is no object": lambda ledger: ledger["claims"][0]["evidence"][0].update(rows=[3]),
    "rows of true": lambda ledger: ledger["claims"][0]["evidence"][0].update(rows=True),
    "notes of numbers": lambda ledger: ledger["claims"][0].update(notes=[3]),
    "figures that are a list": lambda ledger: ledger["claims"][0].update(found_figures=[]),
}


@pytest.mark.parametrize("edit", LEDGERS.values(), ids=LEDGERS)
def test_a_ledger_of_another_shape_is_damaged(edit: Callable[[Any], None], tmp_path: Path) -> None:
    change(readers.make_claims(tmp_path), edit)
    with pytest.raises(DataError, match="damaged ledger"):
        readers.read_claims(tmp_path)


def test_the_committed_ledger_is_a_ledger() -> None:
    from asi_repro.claims.ledger import read_ledger

    assert len(read_ledger(readers.ROOT / "artifacts" / "claims.json").claims) > 30


def test_a_curve_with_a_cell_beyond_the_csv_modules_limit(tmp_path: Path) -> None:
    readers.make_training(tmp_path)
    write(tmp_path / "curve.csv", "step,tokens\n1," + "x" * 140_000 + "\n")
    with pytest.raises(DataError, match="not a loss curve"):
        readers.read_trained(tmp_path)


def test_a_span_without_a_parent_field(tmp_path: Path) -> None:
    rows = run_readers.a_trace().to_rows()
    del rows[0]["parent"]
    write(tmp_path / "trace.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(DataError, match="parent: Field required"):
        run_readers.read_trace_lines(tmp_path)


@pytest.mark.parametrize(
    "line", [b"experiment x 0", b"experiment 0000001 \xbb", b"experiment 0000\x0000 0", b""]
)
def test_a_list_of_commits_that_is_none(line: bytes, tmp_path: Path) -> None:
    from asi_repro.discover.run.folder import DiscoveryRun
    from asi_repro.discover.run.listing import list_runs
    from asi_repro.discover.run.recorded import check_reproduction
    from asi_repro.project import Project

    folder = tmp_path / "artifacts" / "recorded" / "one"
    write(run_readers.make_commits(folder), line + b"\n")
    with pytest.raises(DataError, match="not a list of commits"):
        check_reproduction(DiscoveryRun(folder))
    [row] = list_runs(Project(tmp_path))
    assert (row.kind, row.note) == ("damaged", "the file is not a list of commits")


@pytest.mark.parametrize(
    "text", ["{% for x in y %}", "{% include 'not-there' %}", "{% include '../researcher' %}", "{{ a b }}"]
)
def test_a_prompt_whose_template_is_none(text: str, tmp_path: Path) -> None:
    path = run_readers.make_prompt(tmp_path)
    write(path, path.read_text() + text)
    with pytest.raises(DataError):
        run_readers.read_prompt(tmp_path)


@pytest.mark.parametrize(
    "line", ['{"key": [], "result": {}}', '{"key": "a"}', '{"key": "a", "result": 1.5}', "[]", "{"]
)
def test_a_shared_run_whose_records_a_replay_could_not_read(line: str, tmp_path: Path) -> None:
    run_readers.rebundle(tmp_path, "lab.jsonl", line.encode() + b"\n")
    with pytest.raises(DataError, match=r"no key or no result|not JSON|not a JSON object"):
        run_readers.receive(tmp_path)
    assert not list((tmp_path / "there" / "artifacts" / "runs").iterdir())


def test_a_training_whose_result_is_no_object(tmp_path: Path) -> None:
    path = run_readers.make_lab(tmp_path)
    line = json.loads(path.read_text().splitlines()[0])
    del line["sum"]  # as lines were before they had one
    write(path, json.dumps({**line, "result": 1.5}) + "\n")
    with pytest.raises(DataError, match="no key or no result"):
        run_readers.read_lab(tmp_path)


def test_a_recorded_request_with_nan_does_not_have_its_key(tmp_path: Path) -> None:
    path = run_readers.make_llm(tmp_path)
    write(path, path.read_text().replace('"max_tokens":9', '"max_tokens":NaN'))
    with pytest.raises(DataError, match="does not match its key"):
        run_readers.read_llm(tmp_path)


def with_bad_text(path: Path, column: str) -> None:
    """Half a UTF-8 character in a text column: Arrow writes and reads it as it is."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    raw = [b"\xf4"] + [value.encode() for value in table[column].to_pylist()[1:]]
    bad = pa.array(raw, pa.binary()).view(pa.string())
    place = table.schema.get_field_index(column)
    pq.write_table(table.set_column(place, table.schema.field(place), bad), path)


def test_text_in_a_trace_that_is_not_utf8(tmp_path: Path) -> None:
    with_bad_text(run_readers.make_trace_table(tmp_path), "name")
    with pytest.raises(DataError, match="the Parquet file is damaged"):
        run_readers.read_trace_table(tmp_path)


@pytest.mark.parametrize(
    ("table", "column"), [("experiments", "name"), ("programs", "source"), ("cognition", "id")]
)
def test_text_in_an_archive_that_is_not_utf8(table: str, column: str, tmp_path: Path) -> None:
    reader = READERS[f"archive {table}"]
    with_bad_text(reader.make(tmp_path), column)
    with pytest.raises(DataError, match="the Parquet file is damaged"):
        reader.read(tmp_path)


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("run times", b'{"index": 2, "spans": [{"session": "2", "sequence": 0, "start_ns": 5}]}\n'),
        ("run times", b'{"index": 2, "spans": {"session": "2"}}\n'),
        (
            "run times",
            b'{"index": 2, "spans": [{"session": [], "sequence": 0, "start_ns": 5, "end_ns": 6}]}\n',
        ),
        ("failed experiment", b'{"why": "x", "turned_down": []}\n'),
        ("failed experiment", b'{"why": "x", "turned_down": [], "trace": [{"session": "5"}]}\n'),
    ],
)
def test_traces_of_a_run_whose_records_are_damaged(name: str, bad: bytes, tmp_path: Path) -> None:
    reader = READERS[name]
    path = reader.make(tmp_path)
    assert reader.read(tmp_path)
    path.write_bytes(bad)
    with pytest.raises(DataError):
        reader.read(tmp_path)


def test_a_shared_trace_that_is_not_text(tmp_path: Path) -> None:
    reader = READERS["shared trace.jsonl"]
    reader.make(tmp_path).write_bytes(b"\xff\n")
    with pytest.raises(DataError, match="not text"):
        reader.read(tmp_path)


@pytest.mark.parametrize(
    "bad",
    [
        b'{"id": "b", "tokens": 1, "usd": NaN}',
        b'{"id": "b", "tokens": 1, "usd": Infinity}',
        b'{"id": "b", "tokens": -900, "usd": 0}',
        b'{"id": "b", "tokens": 1e400, "usd": 0}',
        b'{"id": "b", "tokens": 1.5, "usd": 0}',
        b'{"id": "b", "pid": 999999999999999999999, "until": 2e9, "tokens": 1, "usd": 0}',
        b"[" * 5000,
    ],
)
def test_spending_that_no_limit_could_be_held_to(bad: bytes, tmp_path: Path) -> None:
    """A NaN is neither over a limit nor under it; less than nothing makes room."""
    reader = READERS["run spending"]
    path = reader.make(tmp_path)
    assert reader.read(tmp_path) == (40, 0.25)
    with path.open("ab") as stream:
        stream.write(bad + b"\n")
    with pytest.raises(DataError, match="a line is not a record of spending|not JSON"):
        reader.read(tmp_path)


def test_a_table_with_a_column_and_parts_of_it(tmp_path: Path) -> None:
    reader = READERS["sweep times"]
    path = reader.make(tmp_path)
    assert reader.read(tmp_path)
    path.write_text(path.read_text().replace("name,title,", "loss,title,", 1).replace("\n0151", "\n7", 1))
    with pytest.raises(DataError, match="columns loss and"):
        reader.read(tmp_path)


@pytest.mark.parametrize("pool", ['"words"', "5", "null", "[]", "{}"])
def test_a_pool_that_is_no_object_is_an_error_that_says_so(pool: str, tmp_path: Path) -> None:
    from asi_repro.replay.policy import policy_of

    (tmp_path / "settings.json").write_text(f'{{"discover": {{"pool": {pool}}}}}')
    with pytest.raises(DataError, match="the pool's settings cannot be read"):
        policy_of(tmp_path)
