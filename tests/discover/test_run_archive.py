"""A discovered run is read by the code that reads the release; runs are listed and compared."""

from __future__ import annotations

import csv
import json
import shutil

import pyarrow.parquet as pq
import pytest
from fake_team import begin, do_all, fake_job
from typer.testing import CliRunner

from asi_repro.archive.history.writing import write_history
from asi_repro.archive.reader import Archive
from asi_repro.archive.tables import write_archive
from asi_repro.cli import app
from asi_repro.discover.run.archive import write_run_archive
from asi_repro.discover.run.folder import DiscoveryRun
from asi_repro.discover.run.recorded import record_run
from asi_repro.discover.run.traces import write_run_traces
from asi_repro.traces.parquet import read_traces


@pytest.fixture(scope="module")
def project(whole, tmp_path_factory):
    """A checkout with the run `fake`, its record, and another run of the same arm."""
    root = tmp_path_factory.mktemp("project")
    (root / "dvc.yaml").write_text("stages: {}\n")
    (root / "params.yaml").write_text("seed: 1\nclaims:\n  resamples: 500\n")
    runs = root / "artifacts" / "runs"
    shutil.copytree(whole[0].folder, runs / "fake")
    write_run_archive(DiscoveryRun(runs / "fake"))
    record_run(DiscoveryRun(runs / "fake"), root / "artifacts" / "recorded" / "kept")
    other = begin(runs / "other", seed=8)
    do_all(fake_job(other.folder, 6))
    write_run_archive(other)
    return root


@pytest.fixture
def asked(project, monkeypatch):
    """Call the command line in that checkout; standard output of a call that must succeed."""
    monkeypatch.setenv("ASI_REPRO_HOME", str(project))

    def call(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(app, list(arguments))
        assert result.exit_code == code, (result.output, result.exception)
        return result.stdout

    return call


def test_the_archive_has_every_committed_experiment(project, whole):
    run = DiscoveryRun(project / "artifacts" / "runs" / "fake")
    archive = Archive(run.folder / "archive")
    assert set(archive.experiments) == set(run.store.commits())
    rows = {row["index"]: row for row in pq.read_table(archive.folder / "fitness.parquet").to_pylist()}
    for index, experiment in archive.experiments.items():
        assert rows[index]["commit"] == run.store.commits()[index]
        assert rows[index]["fitness"] == experiment.score
        assert experiment.in_gallery == bool(rows[index]["passed"])
    assert rows[1]["fitness"] == 0.5
    assert rows[1]["judge_term"] is None
    assert len(archive.rows("curves", 1)) == 2
    assert archive.program(1).source == "# the first program\n"


def test_the_same_run_gives_the_same_tables(project, tmp_path):
    first = DiscoveryRun(project / "artifacts" / "runs" / "fake").folder / "archive"
    before = {path.name: path.read_bytes() for path in first.iterdir()}
    write_run_archive(DiscoveryRun(first.parent))
    assert {path.name: path.read_bytes() for path in first.iterdir()} == before
    assert {"fitness.parquet", "analyses.parquet"} <= set(before)


def test_a_history_can_be_made_of_it(project, tmp_path):
    archive = Archive(project / "artifacts" / "runs" / "fake" / "archive")
    assert write_history(archive, tmp_path / "history.bundle").experiments == len(archive.experiments)


def test_the_verbs_that_read_take_a_runs_name(asked, project):
    listed = json.loads(asked("list", "--run", "fake", "--json"))
    run = DiscoveryRun(project / "artifacts" / "runs" / "fake")
    assert [row["index"] for row in listed] == sorted(run.store.commits())
    shown = json.loads(asked("show", "2", "--archive", "fake", "--json"))
    assert shown["parent"] == 1
    assert "change_" in asked("lineage", "2", "--run", "fake")


def test_the_certificates_of_a_run_stand_in_its_folder_and_touch_no_others(asked, project):
    others = project / "artifacts" / "certificates"
    others.mkdir(exist_ok=True)
    (others / "0900.json").write_text("{}")
    found = json.loads(asked("verify", "1", "--run", "fake", "--json"))
    folder = project / "artifacts" / "runs" / "fake" / "certificates"
    assert found["certificates"] == str(folder)
    assert found["made"] == len(list(folder.glob("[0-9]*.json"))) == 1
    assert [path.name for path in others.iterdir()] == ["0900.json"]
    assert json.loads(asked("certificate", "1", "--run", "fake", "--json"))["index"] == 1


def test_a_name_that_is_no_run_is_said(asked, monkeypatch):
    asked("list", "--run", "nothing", code=5)
    monkeypatch.setenv("ASI_REPRO_RUN", "other")
    assert len(json.loads(asked("list", "--json"))) <= 6


def test_runs_lists_live_and_recorded_ones(asked):
    rows = {row["name"]: row for row in json.loads(asked("runs", "--json"))}
    assert {name: row["kind"] for name, row in rows.items()} == {
        "fake": "live",
        "other": "live",
        "kept": "recorded",
    }
    assert rows["kept"]["experiments"] == rows["fake"]["experiments"]
    assert rows["kept"]["failed"] == rows["fake"]["failed"]
    assert rows["fake"]["beat_baseline"] >= rows["fake"]["verified"]
    assert "fake" in asked("runs")


def test_the_traces_of_a_run_have_every_experiment_and_its_times(asked, project, monkeypatch):
    run = DiscoveryRun(project / "artifacts" / "runs" / "fake")
    assert write_run_traces(run, project) > 16 * 5
    spans = read_traces(project / "traces" / "fake.parquet")
    assert {int(span["session.id"]) for span in spans} == run.finished()
    assert all(span["start_time_ns"] is not None for span in spans)
    assert "analyse" in asked("trace", "2", "--run", "fake")


def test_compare_counts_what_beat_the_baseline(asked, project, tmp_path):
    found = json.loads(asked("compare", "fake", "other", "--csv", str(tmp_path / "c.csv"), "--json"))
    archive = project / "artifacts" / "runs" / "fake" / "archive"
    rows = pq.read_table(archive / "fitness.parquet").to_pylist()
    side = found["groups"][0]
    assert side["discoveries"] == sum(row["beats_baseline"] for row in rows)
    assert side["experiments"] == 15  # the failed ones count, the baseline does not
    rate = side["rates"][0]["interval"]
    assert rate["estimate"] == pytest.approx(100 * side["discoveries"] / 15)
    assert rate["low"] <= rate["estimate"] <= rate["high"]
    curves = csv.DictReader((tmp_path / "c.csv").read_text().splitlines())
    last = [row for row in curves if row["run"] == "fake"][-1]
    assert int(last["discoveries"]) == side["discoveries"]
    assert "a run of our own and not the paper's" in asked("compare", "fake", "other")


def test_compare_takes_groups_by_glob_comma_and_name_and_says_what_is_not_recorded(asked, project, tmp_path):
    shutil.rmtree(project / "artifacts" / "runs" / "other" / "timings.jsonl", ignore_errors=True)
    (project / "artifacts" / "runs" / "other" / "timings.jsonl").unlink(missing_ok=True)
    found = json.loads(asked("compare", "fa*", "fake,other", "--group", "both=other,fake", "--json"))
    assert [side["name"] for side in found["groups"]] == ["fa*", "fake,other", "both"]
    assert [run["name"] for run in found["runs"]] == ["fake", "fake", "other", "other", "fake"]
    fake, other = found["runs"][0], found["runs"][2]
    assert (other["spent"]["seconds"], fake["spent"]["tokens"]) == (None, 0)
    assert fake["spent"]["evaluations"] >= 15
    assert fake["spent"]["seconds"] > 0
    budgets = {budget["unit"]: budget for budget in found["budgets"]}
    assert budgets["experiments"]["amount"] == 5
    assert budgets["seconds"]["groups"][1]["best"] is None
    assert budgets["experiments"]["groups"][1]["best"]["count"] == 2
    page = asked("compare", "fake", "other", "--noise", "0.1", "--report", str(tmp_path / "page"))
    assert "not recorded" in page
    assert "assumed" in page
    before = {path.name: path.read_bytes() for path in (tmp_path / "page").iterdir()}
    assert {"report.md", "comparison.json", "curves.csv", "progress.svg", "progress.png"} == set(before)
    asked("compare", "fake", "other", "--noise", "0.1", "--report", str(tmp_path / "page"))
    assert {path.name: path.read_bytes() for path in (tmp_path / "page").iterdir()} == before
    asked("compare", "nothing*", code=5)
    asked("compare", "fake", "--group", "nameless", code=5)


def test_extra_tables_are_written_with_the_others_or_not_at_all(project, tmp_path):
    from asi_repro.archive.tables import Run

    assert write_archive(Run(), tmp_path / "archive")["experiments"] == 0
    assert not (tmp_path / "archive" / "fitness.parquet").exists()


def test_the_report_of_a_run_says_whose_it_is_and_is_the_same_again(asked, project):
    folder = project / "artifacts" / "runs" / "fake"
    page = asked("report", "run", "fake").strip()
    text = (folder / "report" / "report.md").read_text()
    assert page.endswith("report/report.md")
    tables = [line for line in text.splitlines() if line.startswith("**")]
    assert len(tables) >= 5
    assert all("a run of our own" in line for line in tables)
    rows = pq.read_table(folder / "archive" / "fitness.parquet").to_pylist()
    assert f"{sum(row['beats_baseline'] for row in rows)} discoveries in 15 experiments" in text
    before = {path: path.read_bytes() for path in (folder / "report").rglob("*") if path.is_file()}
    assert len(before) == 5
    asked("report", "run", "fake")
    assert {path: path.read_bytes() for path in before} == before
