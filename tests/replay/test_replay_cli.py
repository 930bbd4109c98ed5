"""`asi-repro replay` as a person and a program call it."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from synthetic_release import write_synthetic_release
from typer.testing import CliRunner

from asi_repro.archive.release import read_release
from asi_repro.archive.tables import write_archive
from asi_repro.cli import app


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("replay")
    write_synthetic_release(folder / "release", 320)
    write_archive(read_release(folder / "release"), folder / "archive")
    return folder / "archive"


def documented(section: str) -> list[str]:
    page = Path(__file__).resolve().parents[2] / "docs" / "reference" / "json.md"
    text = page.read_text(encoding="utf-8").split(f"## {section}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \|", text, flags=re.M)


def ask(archive: Path, *arguments: str) -> str:
    done = CliRunner().invoke(app, ["replay", "release", "--archive", str(archive), *arguments])
    assert done.exit_code == 0, done.stderr
    return done.stdout


def test_json_and_csv_hold_the_same_steps(archive: Path, tmp_path: Path) -> None:
    table = tmp_path / "steps.csv"
    found = json.loads(ask(archive, "--json", "--csv", str(table), "--from", "200", "--to", "300"))
    assert list(found) == documented("replay")
    assert list(found["steps"][0]) == documented("replay.steps")
    with table.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(found["steps"]) > 90
    for row, step in zip(rows, found["steps"], strict=True):
        assert list(row) == list(step)
        assert [int(i) for i in row["allowed"].split()] == step["allowed"]
        assert row["parent_rank"] == ("" if step["parent_rank"] is None else str(step["parent_rank"]))
    assert {step["index"] for step in found["steps"]} <= set(range(200, 301))


def test_every_thins_the_steps_and_not_the_summary(archive: Path) -> None:
    every = json.loads(ask(archive, "--json"))
    some = json.loads(ask(archive, "--json", "--every", "7"))
    assert some["steps"] == every["steps"][::7]
    assert some["summary"] == every["summary"]


def test_a_person_sees_a_step_a_refresh_and_the_summary(archive: Path) -> None:
    text = ask(archive)
    steps = text.split("\n\n")[0].splitlines()
    assert len(steps) == 1 + 7
    assert "cold start, 1–200" in text
    assert "after the cold start" in text
    assert "not recorded" in text


def test_late_results_are_another_policy(archive: Path) -> None:
    on_time, late = (json.loads(ask(archive, "--json", "--late", n)) for n in ("0", "1"))
    assert late["policy"]["late"] == 1
    assert late["steps"][260]["pool_given"] == on_time["steps"][260]["pool_given"] - 50


def test_an_empty_stretch_and_an_unknown_run_are_explained(archive: Path, tmp_path: Path) -> None:
    none = CliRunner().invoke(app, ["replay", "--archive", str(archive), "--from", "9999"])
    assert none.exit_code == 5
    assert "indices run from 1 to" in none.stderr
    (tmp_path / "dvc.yaml").touch()
    (tmp_path / "params.yaml").touch()
    unknown = CliRunner(env={"ASI_REPRO_HOME": str(tmp_path)}).invoke(app, ["replay", "nosuch"])
    assert unknown.exit_code == 5
    assert "nosuch" in unknown.stderr
    assert "release" in unknown.stderr
