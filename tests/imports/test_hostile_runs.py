"""Runs that are damaged or meant to harm: named and refused, or taken with a notice; never half imported."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from import_places import DATA, HEADER, contents, imported, make_project, write_neutral
from in_process import call

from asi_repro.archive.nodes import read_nodes
from asi_repro.archive.reader import Archive
from asi_repro.errors import AsiReproError, DataError
from asi_repro.imports.export import export_records, share_import
from asi_repro.imports.formats import read_run
from asi_repro.imports.spans import imported_spans


@pytest.fixture
def openevolve(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA / "openevolve", tmp_path / "oe"))


def said(place: Path) -> str:
    return " | ".join(f"{n.kind}: {n.text}" for n in read_run(place).notices)


def test_a_cut_off_database_is_refused(tmp_path: Path) -> None:
    whole = (DATA / "shinka" / "programs.sqlite").read_bytes()
    for size in (0, 50, 100, 4096, len(whole) // 2, len(whole) - 4096):
        (tmp_path / "programs.sqlite").write_bytes(whole[:size])
        with pytest.raises(DataError) as error:
            read_run(tmp_path)
        assert error.value.where == "programs.sqlite"


def test_a_database_with_changed_bytes_is_read_or_refused_with_words(tmp_path: Path) -> None:
    whole = bytearray((DATA / "shinka" / "programs.sqlite").read_bytes())
    for at in range(0, len(whole), 6151):
        damaged = bytes(whole[:at]) + bytes([whole[at] ^ 0xFF]) + bytes(whole[at + 1 :])
        (tmp_path / "programs.sqlite").write_bytes(damaged)
        try:
            read_run(tmp_path)
        except AsiReproError as error:
            assert error.what


def test_a_database_that_is_written_meanwhile_is_read_as_it_stands_or_refused(tmp_path: Path) -> None:
    shutil.copytree(DATA / "shinka", tmp_path / "s")
    with sqlite3.connect(tmp_path / "s" / "programs.sqlite", isolation_level=None) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA wal_autocheckpoint = 0")
        database.execute("UPDATE programs SET generation = 77 WHERE rowid = 1")
        run = read_run(tmp_path / "s")
    assert any(node.generation == 77 for node in run.nodes)
    assert "may still be going on" in " ".join(notice.text for notice in run.notices)


def test_a_transaction_that_is_half_written_is_not_read(tmp_path: Path) -> None:
    shutil.copytree(DATA / "shinka", tmp_path / "s")
    place = tmp_path / "s" / "programs.sqlite"
    before = place.read_bytes()
    with closing(sqlite3.connect(place, isolation_level=None)) as database:
        database.execute("PRAGMA cache_size = 1")
        database.execute("PRAGMA cache_spill = 1")
        database.execute("BEGIN EXCLUSIVE")
        database.execute("UPDATE programs SET generation = 77, text_feedback = ?", ["x" * 20_000])
        assert place.read_bytes() != before, "pages were written before the end of the transaction"
        run = read_run(tmp_path / "s")
        database.execute("ROLLBACK")
    assert [node.generation for node in run.nodes] == [
        node.generation for node in read_run(DATA / "shinka").nodes
    ]
    assert "rollback journal" in " ".join(notice.text for notice in run.notices)


def test_a_view_in_place_of_the_table_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "programs.sqlite") as database:
        database.execute("CREATE VIEW programs AS SELECT 'x' AS id")
    with pytest.raises(DataError, match="no table programs"):
        read_run(tmp_path)


def test_half_written_json_is_kept_and_noted(openevolve: Path, tmp_path: Path) -> None:
    [program] = [*openevolve.glob("checkpoints/checkpoint_5/programs/d5503a9f*.json")]
    program.write_bytes(program.read_bytes()[:50])
    trace = openevolve / "evolution_trace.jsonl"
    trace.write_bytes(trace.read_bytes()[:-30])
    (openevolve / "checkpoints" / "checkpoint_10" / "metadata.json").write_text('{"islands": [[')
    notes = said(openevolve)
    assert notes.count("damaged") == 3
    assert "half written" in notes
    imported(openevolve, tmp_path / "r")
    export_records(tmp_path / "r", tmp_path / "back")
    assert contents(tmp_path / "back") == contents(openevolve)


@pytest.mark.parametrize("name", ["asi_evolve", "aide"])
def test_a_half_written_document_is_refused(name: str, tmp_path: Path) -> None:
    shutil.copytree(DATA / name, tmp_path / name)
    [file] = [*(tmp_path / name).rglob("nodes.json"), *(tmp_path / name).rglob("journal.json")]
    for size in (0, 1, 20, 1000, file.stat().st_size - 1):
        file.write_bytes(file.read_bytes()[:size])
        with pytest.raises(DataError):
            read_run(tmp_path / name)
        shutil.copytree(DATA / name, tmp_path / name, dirs_exist_ok=True)


@pytest.mark.parametrize(
    "document",
    ["[]", "null", '{"nodes": 3}', '{"nodes": {"0": 3}}', '{"nodes": []}', "[" * 100_000, '{"nodes": {"0": {"score": "x"}}, "nodes": {}}'],
)  # fmt: skip
def test_a_document_of_another_form_ends_in_words(document: str, tmp_path: Path) -> None:
    for name in ("nodes.json", "journal.json"):
        folder = tmp_path / name.split(".")[0]
        folder.mkdir()
        (folder / name).write_text(document)
        with pytest.raises(DataError):
            imported(folder, tmp_path / "r")
        assert not (tmp_path / "r").exists()


def test_unknown_fields_and_versions_are_named(openevolve: Path, tmp_path: Path) -> None:
    [program] = [*openevolve.glob("checkpoints/checkpoint_5/programs/d5503a9f*.json")]
    program.write_text(json.dumps(json.loads(program.read_text()) | {"colour": 3}))
    assert "the field colour" in said(openevolve)
    with pytest.raises(DataError, match="asi_repro.run/9"):
        read_run(write_neutral(tmp_path / "n.jsonl", [], format="asi_repro.run/9"))
    assert "unknown: " in said(write_neutral(tmp_path / "n.jsonl", [{"id": "a", "colour": 3}]))


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        (
            [{"id": "a", "parents": ["b"]}, {"id": "b", "parents": ["a"]}],
            "descend from themselves: a → b → a",
        ),
        ([{"id": "a", "parents": ["a"]}], "descend from themselves: a → a"),
        ([{"id": "a"}, {"id": "a"}], "two experiments have the id a"),
        ([{"id": "x" * 501}], "id"),
        ([{"id": 3}], "id"),
        ([{"id": "a", "score": "best"}], "score"),
        ([{"id": "a", "status": "winner"}], "status"),
        ([{"id": "a", "program": "\ud800"}], "program"),
        ([], "no experiment"),
    ],
)
def test_what_cannot_be_a_run_is_refused(nodes: list[dict[str, object]], words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        imported(write_neutral(tmp_path / "n.jsonl", nodes), tmp_path / "r")
    assert words in error.value.what
    assert not (tmp_path / "r").exists()


def test_a_run_of_damaged_lines_alone_says_what_is_wrong_with_them(tmp_path: Path) -> None:
    place = write_neutral(tmp_path / "n.jsonl", [])
    with place.open("a") as stream:
        stream.write('{"id": "a", "score": ' + "9" * 5000 + "}\n")
    with pytest.raises(DataError, match=r"no experiment \(n.jsonl, line 2 is not usable"):
        imported(place, tmp_path / "r")


def test_ids_with_separators_and_escapes_are_shown_and_kept_safely(tmp_path: Path) -> None:
    ids = ["../../etc/passwd", "/root", "\x1b[2Jred", "a\nb", "..", "\u202egpj.exe", "=cmd()"]
    nodes = [
        {"id": key, "parents": ids[:1] if n else [], "program": "x", "name": key} for n, key in enumerate(ids)
    ]
    place = write_neutral(tmp_path / "n.jsonl", nodes)
    imported(place, tmp_path / "r")
    run = Archive(tmp_path / "r" / "archive")
    assert {node.native_id for node in read_nodes(run).values()} == set(ids)
    for e in run.experiments.values():
        assert "/" not in e.name
        assert e.name.isprintable()
    share_import(tmp_path / "r", tmp_path / "s.jsonl")
    imported(tmp_path / "s.jsonl", tmp_path / "again")
    assert contents(tmp_path / "again") == contents(tmp_path / "r")


@pytest.mark.parametrize("name", ["/tmp/out.txt", "../out.txt", "a/../../out.txt"])
def test_a_record_never_leaves_the_folder_it_is_exported_to(name: str, tmp_path: Path) -> None:
    lines = [
        {**HEADER, "sources": []},
        {"id": "a"},
        {"record": {"file": name, "place": 0, "node": "a", "content": "eA=="}},
    ]
    place = tmp_path / "n.jsonl"
    place.write_text("".join(json.dumps(line) + "\n" for line in lines))
    imported(place, tmp_path / "r")
    with pytest.raises(DataError, match="not a path inside"):
        export_records(tmp_path / "r", tmp_path / "back" / "files")
    assert not (tmp_path / "back" / "files").exists()
    assert not (tmp_path / "out.txt").exists()


def test_a_link_out_of_the_folder_is_not_followed(openevolve: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text('{"id": "secret", "code": "hidden", "metrics": {"combined_score": 9}}')
    (openevolve / "checkpoints" / "checkpoint_5" / "programs" / "link.json").symlink_to(secret)
    (openevolve / "checkpoints" / "checkpoint_99").symlink_to("/etc")
    run = read_run(openevolve)
    assert "secret" not in {node.id for node in run.nodes}
    assert "2 symbolic links were not followed, such as checkpoints/checkpoint_5/programs/link.json" in {
        notice.text for notice in run.notices
    }


@pytest.mark.parametrize(("system", "link"), [("openevolve", "checkpoints"), ("asi_evolve", "database_data")])
def test_a_folder_that_is_a_link_is_not_followed(system: str, link: str, tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / link).symlink_to(DATA / system / link)
    with pytest.raises(DataError, match="no known system"):
        read_run(tmp_path / "r")


@pytest.mark.parametrize(
    "wrong", [5, "x", {"data": 1}, [3], [{"data": 5}], [{"data": [7, {"final_value": "x"}]}]]
)
def test_a_metric_of_another_form_is_none(wrong: object, tmp_path: Path) -> None:
    node = {"id": "a", "metric": {"value": {"metric_names": wrong}}, "is_buggy": False}
    (tmp_path / "journal.json").write_text(json.dumps({"nodes": [node]}))
    [found] = read_run(tmp_path).nodes
    assert (found.status, found.score) == ("failed", None)


def test_a_flag_that_is_no_number_does_not_end_the_trace(tmp_path: Path) -> None:
    node = {"id": "a", "metric": {"value": 1.0}, "is_buggy": float("nan"), "analysis": "said"}
    (tmp_path / "journal.json").write_text(json.dumps({"nodes": [node]}))
    imported(tmp_path, tmp_path / "r")
    assert [span["name"] for span in imported_spans(Archive(tmp_path / "r" / "archive"))] == [
        "experiment", "analysis",
    ]  # fmt: skip


def test_the_place_of_a_wrong_field_can_be_printed(tmp_path: Path) -> None:
    (tmp_path / "nodes.json").write_text(json.dumps({"nodes": {"\ud800": {}}}))
    with pytest.raises(DataError) as error:
        read_run(tmp_path)
    assert str(error.value.where).isprintable()


@pytest.mark.slow
def test_a_program_of_50_mb_is_kept_in_the_records_alone(tmp_path: Path) -> None:
    nodes = [{"id": "small", "program": "x = 1\n"}, {"id": "huge", "program": "x" * 50_000_000}]
    run = read_run(write_neutral(tmp_path / "n.jsonl", nodes))
    assert [node.program for node in run.nodes] == ["x = 1\n", None]
    assert "50,000,000 characters" in run.notices[0].text


def test_the_command_says_it_and_imports_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASI_REPRO_HOME", str(make_project(tmp_path / "project")))
    place = write_neutral(tmp_path / "n.jsonl", [{"id": "a", "parents": ["a"]}])
    found = call("import", str(place))
    assert found.returncode == 3
    assert "descend from themselves" in found.stderr
    assert not (tmp_path / "project" / "artifacts" / "runs").exists() or not [
        *(tmp_path / "project" / "artifacts" / "runs").iterdir()
    ]
    for arguments in (("nowhere",), (str(place), "--run", "../x"), (str(tmp_path), "--format", "nothing")):
        assert call("import", *arguments).returncode in (1, 4, 5)
