"""What each adapter makes of a run of its system: ids, parents, statuses, scores and direction."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest
from import_places import DATA, contents, imported

from asi_repro.archive.nodes import read_nodes, read_parents
from asi_repro.archive.reader import Archive
from asi_repro.imports.export import share_import
from asi_repro.imports.formats import read_run
from asi_repro.imports.model import ImportedRun, NativeNode
from asi_repro.imports.outcomes import ranked


def by_id(run: ImportedRun) -> dict[str, NativeNode]:
    return {node.id: node for node in run.nodes}


def kinds(run: ImportedRun) -> set[str]:
    return {notice.kind for notice in run.notices}


def test_shinka_has_what_its_database_has() -> None:
    run = read_run(DATA / "shinka")
    with sqlite3.connect(f"file:{DATA / 'shinka/programs.sqlite'}?mode=ro&immutable=1", uri=True) as database:
        rows = database.execute(
            "SELECT id, parent_id, combined_score, correct, island_idx FROM programs"
        ).fetchall()
    nodes = by_id(run)
    assert len(rows) == len(nodes) == 11
    for key, parent, score, correct, island in rows:
        node = nodes[key]
        assert [link.id for link in node.parents if link.role == "parent"] == ([parent] if parent else [])
        assert (node.score, node.status) == ((score, "finished") if correct else (None, "failed"))
        assert node.island == str(island)
    roles = {link.role for node in run.nodes for link in node.parents}
    assert roles == {"parent", "copy", "archive inspiration", "top-k inspiration"}
    assert max(node.tokens or 0 for node in run.nodes) == 15
    assert {node.name for node in run.nodes} >= {"initial_program", "guess_1"}


def test_a_proposal_of_shinka_that_was_never_evaluated_is_rejected(tmp_path: Path) -> None:
    shutil.copytree(DATA / "shinka", tmp_path / "s")
    details = json.dumps({"node_kind": "failed_proposal", "failure_class": "patch", "api_costs": 0.25})
    with sqlite3.connect(tmp_path / "s" / "programs.sqlite") as database:
        database.execute(
            "INSERT INTO attempt_log (generation, stage, status, details, created_at) VALUES (3, 'p', 'failed', ?, 1)",
            [details],
        )
    node = by_id(read_run(tmp_path / "s"))["attempt-1"]
    assert (node.status, node.generation, node.cost, node.name) == ("rejected", 3, 0.25, "patch")


def test_asi_evolve_keeps_every_parent_and_no_crash_ranks(tmp_path: Path) -> None:
    imported(DATA / "asi_evolve", tmp_path / "r")
    stated = json.loads((DATA / "asi_evolve/database_data/nodes.json").read_text())["nodes"]
    run = Archive(tmp_path / "r" / "archive")
    names = {node.index: node.native_id for node in read_nodes(run).values()}
    found: dict[str, list[int]] = {key: [] for key in stated}
    for row in read_parents(run):
        found[names[row["index"]]].append(int(names[row["parent"]]))
    assert found == {key: node["parent"] for key, node in stated.items()}
    assert max(len(parents) for parents in found.values()) == 3
    crashed = [key for key, node in stated.items() if not node["results"]["success"]]
    assert all(stated[key]["score"] == 0.0 for key in crashed)
    scored = [step.node.native_id for step in ranked(tmp_path / "r")]
    assert crashed
    assert not set(crashed) & set(scored)
    assert stated[scored[0]]["score"] == -0.25


def test_aide_reads_parent_and_direction_from_the_journal() -> None:
    run = read_run(DATA / "aide")
    stated = json.loads((DATA / "aide/journal.json").read_text())
    assert (run.system, run.direction) == ("AIDE", "maximize")
    parents = {node.id: node.parents[0].id for node in run.nodes if node.parents}
    assert parents == stated["node2parent"]
    buggy = {node["id"] for node in stated["nodes"] if node["is_buggy"]}
    assert {node.id for node in run.nodes if node.status == "failed"} == buggy


def stage(name: str, nodes: list[dict[str, Any]], folder: Path) -> None:
    place = folder / "logs" / "0-run" / f"stage_{name}"
    place.mkdir(parents=True)
    (place / "journal.json").write_text(json.dumps({"nodes": nodes, "node2parent": {}}))


def science_node(key: str, values: list[float], *, lower: bool, **more: Any) -> dict[str, Any]:
    data = [{"dataset_name": f"d{i}", "final_value": v, "best_value": v} for i, v in enumerate(values)]
    names = [{"metric_name": "loss", "lower_is_better": lower, "description": "", "data": data}]
    metric = {"value": {"metric_names": names}, "maximize": None, "name": None, "description": None}
    return {"id": key, "code": f"x = {values}\n", "metric": metric, "is_buggy": False, "step": 0, **more}


def test_the_stages_of_ai_scientist_are_one_run(tmp_path: Path) -> None:
    first = science_node("a", [1.0, 2.0], lower=True)
    stage("1_initial", [first], tmp_path)
    stage("2_tuning", [first, science_node("b", [1.0, 1.0], lower=True, parent_id="a")], tmp_path)
    run = read_run(tmp_path / "logs" / "0-run")
    assert (run.system, run.direction) == ("AI-Scientist-v2", "minimize")
    nodes = by_id(run)
    assert {key: node.score for key, node in nodes.items()} == {"a": 1.5, "b": 1.0}
    assert nodes["b"].parents[0].id == "a"
    assert nodes["b"].island == "stage_2_tuning"


def test_metrics_of_two_directions_have_none(tmp_path: Path) -> None:
    stage(
        "1_initial", [science_node("a", [1.0], lower=True), science_node("b", [1.0], lower=False)], tmp_path
    )
    run = read_run(tmp_path)
    assert run.direction == "unknown"
    assert "count" in kinds(run)


TSV = "commit\tval_bpb\tmemory_gb\tstatus\tdescription\n"


@pytest.fixture
def branch(tmp_path: Path) -> Path:
    """A branch as autoresearch leaves it: a baseline, a loser that was reset away, a crash, a winner."""
    folder = tmp_path / "branch"
    folder.mkdir()
    environment = {"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}
    names = {
        f"GIT_{who}_{what}": "x@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=folder, env=environment | names, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git("init", "--quiet")
    rows = []
    for width, value, status in (
        (1, "1.50", "keep"),
        (2, "1.70", "discard"),
        (3, "0.000000", "crash"),
        (4, "1.2", "keep"),
    ):
        (folder / "train.py").write_text(f"width = {width}\n")
        git("add", "train.py")
        git("commit", "--quiet", "-m", f"width {width}")
        rows.append(f"{git('rev-parse', '--short=7', 'HEAD')}\t{value}\t1.0\t{status}\twidth {width}\n")
        if status != "keep":
            git("reset", "--quiet", "--hard", "HEAD~1")
    (folder / "results.tsv").write_text(TSV + "".join(rows))
    return folder


def test_autoresearch_takes_lower_as_better_and_a_crash_as_none(branch: Path, tmp_path: Path) -> None:
    imported(branch, tmp_path / "r")
    run = Archive(tmp_path / "r" / "archive")
    assert [(e.score, e.display_name) for e in run.experiments.values()] == [
        (1.5, "width 1"), (1.7, "width 2"), (None, "width 3"), (1.2, "width 4"),
    ]  # fmt: skip
    assert [node.status for node in read_nodes(run).values()] == ["finished", "evicted", "failed", "finished"]
    assert [e.parent for e in run.experiments.values()] == [None, 1, 1, 1]
    assert run.program(2).source == "width = 2\n"
    assert [step.experiment.index for step in ranked(tmp_path / "r")] == [4, 1, 2]


def test_autoresearch_is_the_same_run_elsewhere(branch: Path, tmp_path: Path) -> None:
    imported(branch, tmp_path / "here")
    share_import(tmp_path / "here", tmp_path / "file.jsonl")
    imported(tmp_path / "file.jsonl", tmp_path / "there")
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


def test_autoresearch_without_its_repository_says_what_is_lost(branch: Path) -> None:
    shutil.rmtree(branch / ".git")
    run = read_run(branch)
    assert {node.program for node in run.nodes} == {None}
    assert [bool(node.parents) for node in run.nodes] == [False, True, True, True]
    assert kinds(run) == {"lost", "gap"}


def test_a_value_of_no_known_direction_has_none(branch: Path) -> None:
    table = branch / "results.tsv"
    table.write_text(table.read_text().replace("val_bpb", "sharpe"))
    assert read_run(branch).direction == "unknown"


def test_settings_of_a_hostile_repository_run_nothing(branch: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    with (branch / ".git" / "config").open("a") as config:
        config.write(
            f"[core]\n\tfsmonitor = touch {mark}\n\tsshCommand = touch {mark}\n\thooksPath = .\n"
            f'[remote "x"]\n\turl = ext::touch {mark}\n\tpromisor = true\n[extensions]\n\tpartialClone = x\n'
        )
    lines = (branch / "results.tsv").read_text() + "feedbee\t1.0\t1.0\tkeep\tnot there\n"
    (branch / "results.tsv").write_text(lines)
    run = read_run(branch)
    assert len(run.nodes) == 5
    assert not mark.exists()
