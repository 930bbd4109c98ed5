"""`asi-repro cognition`: old uses keep working, and the new verbs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from asi_repro.cli import app

ENTRY = """---
id: open-gates
source: {title: A paper on gates, authors: [Ada Author], year: 2024}
---

## Trigger

Loss stalls once the gates have closed for good.

## Insight

Gates that start open keep learning.

## Mechanism

g = sigmoid(w x + b), with b = 2 at the start.

## Guidance

Leave the bias out of weight decay.
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "dvc.yaml").write_text("stages: {}\n")
    (root / "params.yaml").write_text("seed: 1\nclaims: {resamples: 100}\n")
    monkeypatch.setenv("ASI_REPRO_HOME", str(root))
    return root


def run(*words: str) -> str:
    done = CliRunner().invoke(app, ["cognition", *words])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def documented_keys(title: str) -> list[str]:
    page = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "json.md").read_text(
        encoding="utf-8"
    )
    section = re.split(rf"^## {title}$", page, flags=re.M)[1].split("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \|", section, flags=re.M)


def test_what_is_added_is_listed_and_recalled(project: Path, tmp_path: Path) -> None:
    path = tmp_path / "paper.md"
    path.write_text(ENTRY)
    assert "open-gates.md" in run("add", str(path))
    assert (project / "cognition" / "open-gates.md").is_file()
    listed = json.loads(run("entries", "--json"))
    assert {"open-gates", "delta-rule"} <= {entry["id"] for entry in listed}
    assert list(listed[0]) == documented_keys("note")
    found = json.loads(run("recall", "the", "gates", "closed", "and", "loss", "stalls", "--json"))
    assert found["recalled"][0]["id"] == "open-gates"
    assert len(found["recalled"]) == 3
    assert list(found["recalled"][0]) == [*documented_keys("note"), "similarity"]
    own = json.loads(run("recall", "the gates closed and loss stalls", "--base", "own", "-n", "1", "--json"))
    assert own["recalled"][0]["id"] != "open-gates"
    text = run("recall", "the gates closed and loss stalls", "-n", "1")
    assert "Leave the bias out of weight decay." in text


def test_words_without_a_verb_still_search_the_release(release_archive: Path) -> None:
    archive = ["--archive", str(release_archive)]
    found = json.loads(run("delta", "rule", "--json", "-n", "2", *archive))
    assert found == json.loads(run("find", "delta", "rule", "--json", "-n", "2", *archive))
    assert len(found["cognition"]) == 2
    assert len(json.loads(run("--json", *archive))) == 230
    entry = json.loads(run("arxiv.org_abs_1706.03762#0", "--json", *archive))
    assert entry["id"] == "arxiv.org_abs_1706.03762#0"


def test_errors_say_what_to_do(project: Path, tmp_path: Path) -> None:
    path = tmp_path / "paper.txt"
    path.write_text("Gates that start open.")
    done = CliRunner().invoke(app, ["cognition", "add", str(path)])
    assert done.exit_code == 3
    assert "--llm" in done.stderr
    done = CliRunner().invoke(app, ["cognition", "recall", "x", "--base", "everything"])
    assert done.exit_code == 5
    assert "use one of: own, added, release" in done.stderr
