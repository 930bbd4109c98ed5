"""`asi-repro facts` as a person and a program use it, and its section of the report."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from fact_runs import made_up
from in_process import call

from asi_repro.archive.tables import Run, write_archive
from asi_repro.facts.ledger import read_facts
from asi_repro.project import Project
from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Table
from asi_repro.report.sections.facts import blocks

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "\x1b[31m<b>name</b>|`x`"


def run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return call("facts", *words, ASI_REPRO_HOME=str(root), COLUMNS="500")


def make_project(root: Path, content: Run) -> Path:
    (root / "artifacts").mkdir(parents=True)
    (root / "dvc.yaml").write_text("stages: {}\n")
    params = (ROOT / "params.yaml").read_text()
    (root / "params.yaml").write_text(params.replace("resamples: 10000", "resamples: 200"))
    write_archive(content, root / "artifacts" / "archive")
    return root


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with a made-up archive whose names are hostile, and its facts."""
    content = made_up()
    for row in [*content.experiments, *content.programs]:
        row["display_name"] = HOSTILE
    root = make_project(tmp_path_factory.mktemp("facts") / "project", content)
    built = run(root, "build")
    assert built.returncode == 0, built.stderr
    return root


def test_the_facts_are_listed_by_theme_with_answer_and_sentence(project: Path) -> None:
    shown = run(project).stdout
    facts = read_facts(Project(project).facts)
    for entry in facts.facts:
        assert f"{entry.id}  {entry.answer}" in shown
        assert entry.question in shown
    assert shown.index("What the score measures") < shown.index("The printed tables")
    assert f"{facts.summary['not run']} not run" in shown


def test_one_fact_is_shown_with_its_noise_method_and_code(project: Path) -> None:
    shown = run(project, "best-ten-without-one-task", "loss-and-score").stdout
    for entry in read_facts(Project(project).facts).named(["best-ten-without-one-task", "loss-and-score"]):
        assert all(text in shown for text in (entry.sentence, entry.noise, entry.method, entry.where))
    assert "\x1b" not in shown
    assert "\\x1b[31m" in shown


def test_json_is_a_list_of_the_facts_asked_for(project: Path) -> None:
    everything = json.loads(run(project, "--json").stdout)
    (one,) = json.loads(run(project, "programs-grow", "--json").stdout)
    assert one in everything
    assert one["n"] == 56
    assert len(everything) == len(read_facts(Project(project).facts).facts)


def test_what_is_wrong_is_an_error_that_says_what_to_do(project: Path, tmp_path: Path) -> None:
    unknown = run(project, "programs-shrink")
    assert unknown.returncode == 5
    assert "programs-grow" in unknown.stderr
    other = tmp_path / "other"
    shutil.copytree(project, other)
    facts = other / "artifacts" / "facts.json"
    facts.write_text(facts.read_text()[:-20])
    assert run(other).returncode == 3
    facts.unlink()
    missing = run(other)
    assert missing.returncode == 4
    assert "dvc repro facts" in missing.stderr


def test_a_run_without_results_answers_what_the_papers_alone_tell(tmp_path: Path) -> None:
    content = made_up()
    content.curves, content.benchmarks, content.programs = [], [], []
    for row in content.experiments:
        row |= {"score": None, "in_gallery": False, "has_program": False}
    root = make_project(tmp_path / "project", content)
    assert run(root, "build").returncode == 0
    facts = read_facts(Project(root).facts)
    told = {entry.id for entry in facts.facts if entry.answer != "not run"}
    assert told <= {"table1-best-cells", "evolve-best-cells", "table1-lead-from-boolq", "table2-lead-is-kept"}
    assert all(entry.sentence.startswith("Not run: ") for entry in facts.facts if entry.id not in told)


def test_the_report_has_every_fact_and_says_where_there_are_none(project: Path, tmp_path: Path) -> None:
    facts = read_facts(Project(project).facts)
    shown = blocks(Inputs(Project(project)))
    assert shown is not None
    rows = {row[0]: row for block in shown if isinstance(block, Table) for row in block.rows}
    assert {entry.id: (entry.answer, entry.question, entry.sentence) for entry in facts.facts} == {
        name: row[1:] for name, row in rows.items()
    }
    assert blocks(Inputs(Project(tmp_path))) is None
