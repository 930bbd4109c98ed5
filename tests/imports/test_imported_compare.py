"""Imported runs beside each other and beside chance: what may be compared, and what counts as an experiment."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from import_places import DATA, imported, make_project, write_neutral
from in_process import call

from asi_repro.archive.nodes import copies, read_parents
from asi_repro.archive.reader import Archive
from asi_repro.discover.run.comparison_page import comparison_text
from asi_repro.discover.run.outcomes import read_outcomes
from asi_repro.discover.run.run_comparison import Comparison, Group, compare_groups
from asi_repro.imports.outcomes import steps
from asi_repro.project import Project


def node(number: int, score: float | None, parent: object = "0", **more: Any) -> dict[str, Any]:
    made = {"id": str(number), "score": score, "program": f"x = {number}\n", "iteration": number, **more}
    return made if number == 0 else {**made, "parents": [parent]}


RUN = [node(n, 5.0 - n / 10, seconds=1.0) for n in range(8)]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(make_project(tmp_path / "project"))


def take(project: Project, name: str, nodes: list[dict[str, Any]], **header: Any) -> str:
    imported(write_neutral(project.root / f"{name}.jsonl", nodes, **header), project.runs / name)
    return name


def compared(project: Project, *names: str, noise: float | None = None) -> Comparison:
    groups = [Group(name, (read_outcomes(project, name),)) for name in names]
    return compare_groups(groups, seed=1, resamples=100, noise=noise)


def test_where_no_direction_is_stated_nothing_is_a_discovery_and_nothing_is_compared(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = compared(project, take(project, "no", RUN, direction="unknown"), take(project, "down", RUN))
    unknown = found.runs[0]
    assert (unknown.scored, unknown.best, unknown.improvements, unknown.best_of_n) == (7, None, None, None)
    assert found.differences == ()
    assert found.groups[0].rates == ()
    page = comparison_text(found)
    assert "A discovery there is not known, as nothing says whether a higher score is better." in page
    rows = [line for line in page.splitlines() if line.startswith("| no |") or "| no | no dir" in line]
    assert sum("no direction" in row for row in rows) >= 4
    assert "not recorded | 0" not in page
    monkeypatch.setenv("ASI_REPRO_HOME", str(project.root))
    listed = {row["name"]: row["beat_baseline"] for row in json.loads(call("runs", "--json").stdout)}
    assert (listed["no"], listed["down"]) == (None, 7)
    call("report", "run", "no")
    report = (project.runs / "no" / "report" / "report.md").read_text()
    assert report.count("not known, as nothing says whether a higher score is better") == 2


def test_runs_of_two_directions_or_systems_count_other_things(project: Project) -> None:
    take(project, "down", RUN)
    take(project, "up", RUN, direction="maximize")
    take(project, "other", RUN, system="Theirs")
    for name in ("up", "other"):
        found = compared(project, "down", name)
        assert all("no measure of which is better" in one.not_compared for one in found.differences)
    page = comparison_text(compared(project, "down", "up"))
    assert "by loss of Ours (less is better)" in page
    assert "by loss of Ours (more is better)" in page


def test_equal_rates_differ_by_nothing(project: Project) -> None:
    nodes = [node(n, 5.0 - n / 100) for n in range(31)]
    found = compared(project, take(project, "a", nodes), take(project, "b", nodes))
    rate = found.differences[0]
    assert (rate.estimate, rate.low, rate.high) == (0.0, 0.0, 0.0)


def test_scores_of_one_name_may_be_of_two_evaluators(project: Project) -> None:
    found = compared(project, take(project, "a", RUN), take(project, "b", RUN[:5]))
    best = next(one for one in found.differences if one.what == "best")
    assert "only if one evaluator made both scores" in best.not_compared


def test_what_was_not_reached_is_none_yet_and_not_unrecorded(project: Project) -> None:
    slow = [{**one, "seconds": 90.0} for one in RUN]
    page = comparison_text(compared(project, take(project, "quick", RUN), take(project, "slow", slow)))
    assert "| seconds | 7 | slow | none yet | 0 |" in page
    failed = [{"id": str(n), "status": "failed", "program": f"x = {n}\n", "iteration": n} for n in range(4)]
    page = comparison_text(compared(project, take(project, "crashes", failed)))
    assert "| experiments | 3 | crashes | none yet | 0 |" in page
    assert "| crashes | 3 | 0 | none |" in page


def test_equal_scores_of_a_program_are_no_noise_and_not_silence(project: Project) -> None:
    again = [*RUN, {**node(8, RUN[3]["score"]), "program": RUN[3]["program"]}]
    page = comparison_text(compared(project, take(project, "exact", again)))
    assert "Noise of exact: every program that was scored more than once had exactly the same score" in page
    assert "no program was scored twice" not in page
    page = comparison_text(compared(project, "exact", take(project, "once", RUN)))
    assert "no program of the others was scored twice" in page


def test_what_builds_on_a_ghost_is_not_of_the_first_generation(project: Project) -> None:
    nodes = [node(0, 5.0), node(1, 4.0), node(2, 3.0, "gone"), node(3, 2.0, "1")]
    found = read_outcomes(project, take(project, "ghosts", nodes))
    assert found.scores == (4.0, 3.0, 2.0)
    assert found.first_generation == (True, False, False)


def test_a_program_that_migrated_is_no_experiment_of_its_own(tmp_path: Path, project: Project) -> None:
    shutil.copytree(DATA / "openevolve", tmp_path / "oe")
    programs = tmp_path / "oe" / "checkpoints" / "checkpoint_10" / "programs"
    original = json.loads(min(programs.glob("*.json")).read_text())
    migrant = {**original, "id": "copy", "parent_id": original["id"], "iteration_found": 0}
    # Both forms of OpenEvolve 0.4.0: `_migrate_one`, and the best program for an island that is empty.
    flagged = {**migrant, "metadata": {**original["metadata"], "island": 1, "migrant": True}}
    unflagged = {**migrant, "id": "refill", "metadata": {"island": 1}}
    child = {**migrant, "id": "child", "generation": original["generation"] + 1}
    before = read_outcomes(project, _taken(project, "before", DATA / "openevolve"))
    for one in (flagged, unflagged, child):
        (programs / f"{one['id']}.json").write_text(json.dumps(one))
    after = read_outcomes(project, _taken(project, "after", tmp_path / "oe"))
    run = Archive(project.runs / "after" / "archive")
    names = {run.experiments[index].name for index in copies(run)}
    assert names == {"copy", "refill"}
    assert {row["role"] for row in read_parents(run)} == {"parent", "copy"}
    assert run.find("copy").parent == run.find(original["id"]).index
    assert len(after.indices) == len(before.indices) + 1
    assert after.count - before.count <= 1


def _taken(project: Project, name: str, place: Path) -> str:
    imported(place, project.runs / name)
    return name


def test_the_first_program_on_each_island_of_shinka_is_one(project: Project) -> None:
    imported(DATA / "shinka", project.runs / "shinka")
    run = Archive(project.runs / "shinka" / "archive")
    [copied] = copies(run)
    original = run.experiments[copied].parent
    assert original is not None
    assert run.program(copied).source == run.program(original).source
    _, made = steps(project.runs / "shinka")
    assert copied not in {step.experiment.index for step in made}
    outcomes = read_outcomes(project, "shinka")
    children = {e.index for e in run.experiments.values() if e.parent in (original, copied)} - {copied}
    first = {i for i, one in zip(outcomes.indices, outcomes.first_generation, strict=True) if one}
    assert first == children
    assert (-9.0, -9.0) not in outcomes.repeats
