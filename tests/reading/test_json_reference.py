"""docs/reference/json.md says the keys that the commands print, in their order."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from asi_repro.cli import app

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "json.md"


def documented() -> dict[str, list[str]]:
    sections = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.M)[1:]
    return {s.split("\n", 1)[0].strip(): re.findall(r"^\| `(\w+)` \|", s, flags=re.M) for s in sections}


@pytest.fixture(scope="module")
def keys() -> dict[str, list[str]]:
    return documented()


def ask(folder: Path, verb: str, *arguments: str) -> Any:
    done = CliRunner().invoke(app, [verb, "--json", "--archive", str(folder), *arguments])
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def test_list_show_and_lineage(plain_archive: Path, keys: dict[str, list[str]]) -> None:
    experiment = keys["experiment"]
    assert list(ask(plain_archive, "list")[0]) == experiment
    found = ask(plain_archive, "show", "12", "--program")
    assert list(found) == [*experiment, *keys["show"]]
    assert list(found["program"]) == keys["show.program"]
    assert list(ask(plain_archive, "lineage", "8")[0]) == [*experiment, *keys["lineage"]]


def test_diff_search_cognition_and_fsck(plain_archive: Path, keys: dict[str, list[str]]) -> None:
    assert list(ask(plain_archive, "diff", "12")) == keys["diff"]
    found = ask(plain_archive, "search", "kernel", "gate")
    assert list(found) == keys["search"]
    assert list(found["experiments"][0]) == [*keys["experiment"], *keys["hit"]]
    assert list(found["cognition"][0]) == ["id", *keys["hit"]]
    assert list(ask(plain_archive, "cognition", "paper_0#1")) == keys["cognition"]
    assert list(ask(plain_archive, "fsck")) == keys["fsck"]
