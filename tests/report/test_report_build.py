"""Building: the same bytes, all or nothing, clear errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from ledgers import ledger
from report_runs import claim, contents, make_claims, make_project, make_run
from report_searches import add_search
from trained_models import add_results

from asi_repro.archive.tables import Run
from asi_repro.errors import AsiReproError, DataError, MissingInput
from asi_repro.project import Project
from asi_repro.report.build import build_report
from asi_repro.report.content import make_content
from asi_repro.report.drawing import render
from asi_repro.report.inputs import Inputs

ROOT = Path(__file__).parents[2]


def run_cli(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "asi_repro.cli", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "ASI_REPRO_HOME": str(project), **environment},
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def test_same_inputs_same_bytes_in_another_process(hostile_project: Project, tmp_path: Path) -> None:
    project = make_project(tmp_path / "again")
    add_results(project)
    add_search(project)
    done = run_cli(
        tmp_path / "again", "report", "build", "--json",
        PYTHONHASHSEED="12345", TZ="Asia/Tokyo", LC_ALL="C", MPLBACKEND="svg", SOURCE_DATE_EPOCH="1",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, second = contents(hostile_project.report), contents(tmp_path / "again/artifacts/report")
    assert sorted(first) == sorted(second)
    assert [name for name in first if first[name] != second[name]] == []
    said = json.loads(done.stdout)
    assert said["bytes"] == sum(map(len, first.values()))
    assert said["claims"]["not checkable"] == 5


def lone_project(root: Path) -> Project:
    """One experiment and nothing else: few figures, quickly drawn."""
    run = make_run(size=1)
    run.experiments[0]["score"] = None
    run.sources.clear()
    return make_project(root, run=run, claims=[claim("only", "reproduced")])


def test_a_person_s_matplotlib_settings_change_nothing(tmp_path: Path) -> None:
    import matplotlib

    project = lone_project(tmp_path)
    build_report(project)
    before = contents(project.report)
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.fonttype": "none"}):
        build_report(project)
        assert matplotlib.rcParams["font.size"] == 30
    assert contents(project.report) == before


def test_what_is_expected_is_there(hostile_project: Project) -> None:
    names = set(contents(hostile_project.report))
    figures = {
        "figure1", "tree", "score-trend", "parent-rank", "gallery-rank", "parameters", "training-curves",
        "table2", "overview",
    }  # fmt: skip
    assert {f"figures/{f}.{kind}" for f in figures for kind in ("svg", "png")} <= names
    assert {"index.html", "report.md", "metrics.json", "plots/score_trend.csv"} <= names


def test_no_archive(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match="no archive"):
        build_report(Project(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_no_ledger(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    project.claims.unlink()
    with pytest.raises(MissingInput, match="claims"):
        build_report(project)
    assert not project.report.exists()


BROKEN: dict[str, Any] = {
    "not json": "{",
    "nothing": "",
    "another version": ledger([claim("a", "reproduced")], schema_version=99),
    "no claims": ledger([]),
    "claims are no list": ledger({"a": 1}),
    "a claim is no object": ledger(["a"]),
    "a key is missing": ledger([{"id": "a", "verdict": "reproduced"}]),
    "the verdict is no text": ledger([{**claim("a", "x"), "verdict": ["x"]}]),
    "deep": "[" * 200_000,
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_ledger_is_refused(name: str, tmp_path: Path) -> None:
    project = make_project(tmp_path, run=make_run(size=4))
    text = BROKEN[name] if isinstance(BROKEN[name], str) else json.dumps(BROKEN[name])
    project.claims.write_text(text)
    with pytest.raises(DataError) as caught:
        build_report(project)
    assert "claims.json" in str(caught.value)
    assert "dvc repro" in str(caught.value)


def test_empty_archive(tmp_path: Path) -> None:
    project = make_project(tmp_path, run=Run())
    with pytest.raises(DataError, match="no experiment"):
        build_report(project)


def test_run_with_one_experiment_and_nothing_else(tmp_path: Path) -> None:
    project = lone_project(tmp_path)
    built = build_report(project)
    assert built.figures == ["tree", "table2"]
    page = (project.report / "index.html").read_text(encoding="utf-8")
    assert "Not shown: the archive has no gallery." in page
    assert "commit not recorded" in page


@pytest.mark.parametrize("size", [2, 4])
def test_small_runs_draw_without_a_warning(size: int, tmp_path: Path) -> None:
    project = make_project(tmp_path, run=make_run(size=size), claims=make_claims(size)[1:])
    drawings = make_content(Inputs(project)).drawings
    assert {"tree", "score-trend", "parent-rank"} <= {drawing.id for drawing in drawings}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for drawing in drawings:
            if drawing.id != "table2":  # which does not depend on the run
                render(drawing)


def test_failure_keeps_the_report_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = lone_project(tmp_path)
    project.report.mkdir()
    (project.report / "index.html").write_text("the old page")
    calls: list[object] = []

    def full(path: Path, data: bytes) -> int:
        calls.append(path)
        if len(calls) > 5:
            raise OSError(28, "No space left on device", str(path))
        return len(data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(AsiReproError, match="No space left"):
        build_report(project)
    monkeypatch.undo()
    assert contents(project.report) == {"index.html": b"the old page"}
    assert [p.name for p in project.artifacts.iterdir() if p.name.startswith(".")] == []


def test_cli_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").touch()
    (tmp_path / "params.yaml").touch()
    done = run_cli(tmp_path, "report", "build")
    assert done.returncode == MissingInput.exit_code
    assert "dvc repro archive" in done.stderr
    assert "Traceback" not in done.stderr
    opened = run_cli(tmp_path, "report", "open")
    assert opened.returncode == MissingInput.exit_code
    assert "dvc repro report" in opened.stderr


@pytest.mark.slow
def test_real_release_builds_alike_twice(release_project: Project) -> None:
    build_report(release_project)
    first = contents(release_project.report)
    build_report(release_project)
    assert contents(release_project.report) == first
    assert len(first["index.html"]) < 4_000_000
    assert len(first["figures/overview.png"]) < 150_000
