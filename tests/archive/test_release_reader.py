"""The release reader against hostile and broken input: refused, with record and field named."""

from __future__ import annotations

import copy
import json
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from synthetic_release import write_synthetic_release

from asi_repro.archive.release import (
    COGNITION,
    GALLERY,
    TREE,
    parse_count,
    read_release,
)
from asi_repro.archive.tables import write_archive
from asi_repro.errors import AsiReproError, DataError, MissingInput
from asi_repro.store.hostile_json import parse_json

Edit = Callable[[Any], Any]


@pytest.fixture
def release(tmp_path: Path) -> Path:
    folder = tmp_path / "release"
    write_synthetic_release(folder, 40)
    return folder


def edit(release: Path, file: str, change: Edit) -> None:
    path = release / file
    value = json.loads(path.read_text())
    changed = change(value)
    path.write_text(json.dumps(changed if isinstance(changed, (dict, list)) else value))


def in_tree(position: int, **fields: Any) -> tuple[str, Edit]:
    return TREE, lambda v: v["results"][position].update(fields)


def in_gallery(**fields: Any) -> tuple[str, Edit]:
    return GALLERY, lambda v: v[0].update(fields)


def in_result(field: str, old: str, new: str) -> tuple[str, Edit]:
    def change(value: Any) -> None:
        value[0]["result"][field] = value[0]["result"][field].replace(old, new, 1)

    return GALLERY, change


def drop(file: str, path: list[Any]) -> tuple[str, Edit]:
    def change(value: Any) -> None:
        for step in path[:-1]:
            value = value[step]
        del value[path[-1]]

    return file, change


# fault -> (file, change, what the error has to name)
REFUSED: dict[str, tuple[tuple[str, Edit], list[str]]] = {
    "parent cycle": (
        (TREE, lambda v: v["results"][1].update(parent=v["results"][1]["index"])),
        ["itself", "parent"],
    ),
    "long cycle": (
        (
            TREE,
            lambda v: (
                v["results"][4].update(parent=v["results"][5]["index"]),
                v["results"][5].update(parent=v["results"][4]["index"]),
            ),
        ),
        ["descends from itself", "→"],
    ),
    "parent that is not there": (in_tree(3, parent=9999), ["experiment 4", "9999", "parent"]),
    "duplicate index": (in_tree(3, index=1), ["record 3", "index 1", "twice"]),
    "index as text": (in_tree(3, index="4"), ["record 3", "field index", "integer"]),
    "index as a float": (in_tree(3, index=4.0), ["record 3", "field index"]),
    "index as a boolean": (in_tree(3, index=True), ["record 3", "field index"]),
    "index too large": (in_tree(3, index=2**40), ["record 3", "field index"]),
    "negative index": (in_tree(3, index=-4), ["record 3", "field index"]),
    "score as text": (in_tree(3, score="1.5"), ["record 3 (index 4)", "field score"]),
    "name missing": (drop(TREE, ["results", 3, "name"]), ["record 3 (index 4)", "field name"]),
    "name null": (in_tree(3, name=None), ["record 3 (index 4)", "field name"]),
    "name empty": (in_tree(3, name=""), ["record 3 (index 4)", "field name"]),
    "name with a path": (
        in_tree(3, name="../../etc/passwd"),
        ["record 3 (index 4)", "field name", "separator"],
    ),
    "name with a backslash": (in_tree(3, name="a\\b"), ["field name", "separator"]),
    "name with an escape sequence": (in_tree(3, name="a\x1b[2J"), ["field name", "escape", "\\\\x1b"]),
    "name with a line break": (in_tree(3, name="a\nb"), ["field name", "control"]),
    "name with an override": (in_tree(3, name="a\u202eb"), ["field name", "control"]),
    "display name with an escape": (in_tree(3, name_new="\x9b31m"), ["field name_new"]),
    "name too long": (in_tree(3, name="a" * 10_000), ["field name", "200"]),
    "unknown field": (in_tree(3, surprise=1), ["record 3 (index 4)", "field surprise"]),
    "results not a list": ((TREE, lambda v: v.update(results={})), ["field results", "list"]),
    "results empty": ((TREE, lambda v: v.update(results=[], total_records=0)), ["field results"]),
    "count that is off": ((TREE, lambda v: v.update(total_records=7)), ["total_records", "7"]),
    "a list for the tree": ((TREE, lambda v: []), ["data/tree.json"]),
    "gallery index not in the tree": (in_gallery(index=99999), ["99999", "data/106.json", "index"]),
    "gallery index twice": ((GALLERY, lambda v: v[1].update(index=v[0]["index"])), ["record 1", "twice"]),
    "program not text": (in_gallery(program=["x"]), ["record 0", "field program"]),
    "50 MB of text": (in_gallery(motivation="x" * 50_000_000), ["record 0", "field motivation", "50000000"]),
    "parameters": (in_gallery(parameters="many"), ["record 0", "field parameters", "many"]),
    "curve of another": (in_result("train", "\nmixer", "\nother"), ["result.train", "other"]),
    "curve with a word": (in_result("train", "11", "eleven"), ["result.train", "eleven"]),
    "curve with infinity": (in_result("train", "\n", ",9999\n"), ["result.train", "columns"]),
    "curve overflow": (in_result("train", "1", "1e999"), ["result.train"]),
    "steps out of order": (in_result("train", ",100,", ",1,"), ["result.train", "step 1 comes after"]),
    "three lines": (in_result("test", "\n", "\n\n"), ["result.test", "3 lines"]),
    "unknown task": (in_result("test", "piqa", "pica"), ["result.test", "pica"]),
    "task twice": (in_result("test", "piqa", "boolq"), ["result.test", "boolq", "twice"]),
    "benchmark with NaN in disguise": (in_result("test", "nan", "n/a"), ["result.test", "n/a"]),
    "cognition field missing": (
        drop(f"{COGNITION}/paper_0.json", [0, "BACKGROUND"]),
        ["paper_0", "record 0", "BACKGROUND"],
    ),
    "cognition not a list": ((f"{COGNITION}/paper_0.json", lambda v: {}), ["paper_0"]),
    "half a surrogate": (in_gallery(summary="\ud800"), ["record 0", "field summary", "unicode"]),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_faults_are_refused_by_name(fault: str, release: Path) -> None:
    (file, change), words = REFUSED[fault]
    edit(release, file, change)
    with pytest.raises(DataError) as caught:
        read_release(release)
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert len(message) < 1000
    assert "\x1b" not in message
    assert "\u202e" not in message


RAW = {
    "not JSON": (b'{"total_records": 1,', "line 1"),
    "NaN": (b'{"total_records": NaN}', "NaN is not a JSON number"),
    "Infinity": (b'{"total_records": -Infinity}', "Infinity"),
    "not UTF-8": (b'{"a": "\xff"}', "UTF-8"),
    "deep nesting": (b"[" * 200_000, "nested too deeply"),
    "deep nesting, closed": (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
    "repeated key": (b'{"total_records": 1, "total_records": 2}', "twice"),
    "empty": (b"", "not JSON"),
    "huge number": (b'{"total_records": ' + b"9" * 5000 + b"}", "tree.json"),
    "byte order mark": (b"\xef\xbb\xbf{}", "tree.json"),
}


@pytest.mark.parametrize("fault", RAW)
def test_broken_bytes_are_refused(fault: str, release: Path) -> None:
    data, words = RAW[fault]
    (release / TREE).write_bytes(data)
    with pytest.raises(DataError) as caught:
        read_release(release)
    assert words in str(caught.value)
    assert "tree.json" in str(caught.value)


@pytest.mark.parametrize("file", [TREE, GALLERY])
def test_a_missing_file_says_what_to_run(file: str, release: Path) -> None:
    (release / file).unlink()
    with pytest.raises(MissingInput, match="asi-repro pull"):
        read_release(release)


def test_nan_and_nothing_become_nulls(release: Path) -> None:
    def prepend(value: Any) -> None:
        result = value[0]["result"]
        header, cells = result["train"].split("\n")
        name, losses = cells.split(",", 1)
        result["train"] = f"{header.replace(',1,', ',1,2,3,')}\n{name},nan,,{losses}"

    edit(release, GALLERY, prepend)
    run = read_release(release)
    index = json.loads((release / GALLERY).read_text())[0]["index"]
    losses = [row["loss"] for row in run.curves if row["index"] == index]
    assert losses[:2] == [None, None]
    assert None not in losses[2:]
    perplexities = [row["value"] for row in run.benchmarks if row["column"] == "lam_ppl"]
    assert perplexities == [None] * 8


@given(st.decimals(min_value="0.01", max_value="999", places=2), st.sampled_from("KMB"))
def test_counts(number: Any, unit: str) -> None:
    assert parse_count(f"{number}{unit}") == round(number * {"K": 10**3, "M": 10**6, "B": 10**9}[unit])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(st.binary(max_size=200) | json_values.map(lambda v: json.dumps(v).encode()))
def test_the_parser_parses_or_refuses(data: bytes) -> None:
    try:
        parse_json(data, "file")
    except DataError as error:
        assert "file" in str(error)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("small")
    write_synthetic_release(folder, 12, gallery=2)
    return folder, {f: json.loads((folder / f).read_text()) for f in (TREE, GALLERY)}


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_one_change_is_read_or_refused_never_a_crash(
    data: st.DataObject, small: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder, originals = small
    file = data.draw(st.sampled_from([TREE, GALLERY]))
    value = copy.deepcopy(originals[file])
    parent, key = value, None
    for _ in range(data.draw(st.integers(1, 4))):
        keys = list(parent) if isinstance(parent, dict) else list(range(len(parent)))
        if not keys:
            break
        key = data.draw(st.sampled_from(keys))
        if not isinstance(parent[key], (dict, list)):
            break
        parent, last = parent[key], parent
    else:
        parent = last
    if key is not None:
        parent[key] = data.draw(json_values | st.text(string.printable, max_size=40))
    (folder / file).write_text(json.dumps(value))
    try:
        write_archive(read_release(folder), tmp_path / "archive")
    except AsiReproError as error:
        assert file in str(error) or "experiment" in str(error)
    finally:
        (folder / file).write_text(json.dumps(originals[file]))
