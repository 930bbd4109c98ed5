"""Importing a run: what becomes of it, that nothing else does, and that it can be given back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from import_places import DATA, contents, imported, make_project, write_neutral
from in_process import call

from asi_repro.archive.history.clone import open_history
from asi_repro.archive.history.verify import verify_history
from asi_repro.archive.nodes import read_nodes, read_parents
from asi_repro.archive.reader import Archive
from asi_repro.archive.tables import write_archive
from asi_repro.errors import AsiReproError, DataError, NotFound
from asi_repro.imports.export import export_records, share_import
from asi_repro.imports.folder import write_import
from asi_repro.imports.formats import read_run
from asi_repro.imports.outcomes import ranked
from asi_repro.store.git import run_git

OPENEVOLVE = DATA / "openevolve"
RUNS = sorted(path for path in DATA.iterdir() if path.is_dir())
TREE = [
    {"id": "seed", "score": 3.0, "program": "seed = 1\nx = 1\n", "iteration": 0},
    {"id": "a", "parents": ["seed"], "score": 2.0, "program": "seed = 1\nx = 2\n", "iteration": 1},
    {"id": "b", "parents": ["seed"], "score": 2.0, "program": "seed = 2\nx = 1\n", "iteration": 2},
    {
        "id": "ab",
        "parents": ["a", {"id": "b"}, {"id": "lost", "role": "inspiration"}],
        "score": 1.5,
        "program": "x = 3\n",
        "iteration": 3,
    },
    {
        "id": "crash",
        "parents": ["ab"],
        "score": 0.0,
        "status": "failed",
        "program": "x = (\n",
        "iteration": 4,
    },
    {"id": "nan", "parents": ["ab"], "score": None, "program": "x = 3\n", "iteration": 5},
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "artifacts" / "runs" / "tree"
    imported(write_neutral(tmp_path / "tree.jsonl", TREE), folder)
    return folder


def archive(folder: Path) -> Archive:
    return Archive(folder / "archive")


def test_all_checkpoints_and_the_trace_are_merged(tmp_path: Path) -> None:
    record = imported(OPENEVOLVE, tmp_path / "oe").record
    assert record.statuses == {"evicted": 7, "failed": 3, "finished": 4, "ghost": 1}
    assert (record.system, record.score, record.direction) == ("OpenEvolve", "combined_score", "maximize")
    saved = {path.stem for path in OPENEVOLVE.glob("checkpoints/*/programs/*.json")}
    lines = (OPENEVOLVE / "evolution_trace.jsonl").read_text().splitlines()
    traced = {json.loads(line)["child_id"] for line in lines}
    nodes = {node.native_id: node for node in read_nodes(archive(tmp_path / "oe")).values()}
    assert {key for key, node in nodes.items() if node.status != "ghost"} == saved | traced
    last = {path.stem for path in OPENEVOLVE.glob("checkpoints/checkpoint_10/programs/*.json")}
    assert {key for key, node in nodes.items() if node.status == "finished"} <= last


def test_a_parent_that_no_file_describes_is_a_ghost_with_what_its_children_say(tmp_path: Path) -> None:
    imported(OPENEVOLVE, tmp_path / "oe")
    run = archive(tmp_path / "oe")
    [ghost] = [node for node in read_nodes(run).values() if node.status == "ghost"]
    assert run.experiments[ghost.index].score == -9.0
    assert run.experiments[ghost.index].children == 3
    assert not run.experiments[ghost.index].has_program


def test_a_failed_score_is_none_and_the_direction_is_the_stated_one(tree: Path) -> None:
    run = archive(tree)
    assert run.objective.direction == "minimize"
    assert [step.node.native_id for step in ranked(tree)] == ["ab", "a", "b", "seed"]
    assert run.find("crash").score is None
    assert {n.status for n in read_nodes(run).values()} == {"finished", "failed", "ghost"}


def test_where_no_direction_is_stated_nothing_is_best(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    imported(write_neutral(tmp_path / "t.jsonl", TREE, direction="unknown"), folder)
    assert ranked(folder) == []


def test_the_history_is_the_lineage_with_every_parent(tree: Path, tmp_path: Path) -> None:
    run = archive(tree)
    assert verify_history(tree / "history.bundle", run) == []
    opened = open_history(tree / "history.bundle", tmp_path / "clone")
    git = [f"--git-dir={opened.folder / '.git'}"]
    index = {node.native_id: node.index for node in read_nodes(run).values()}
    shown = run_git([*git, "log", "-1", "--format=%p", f"refs/experiments/{index['ab']:07d}"]).split()
    wanted = [
        run_git([*git, "rev-parse", "--short", f"refs/experiments/{index[parent]:07d}"]).strip()
        for parent in ("a", "b")
    ]
    assert shown == wanted
    assert opened.main == f"refs/experiments/{index['ab']:07d}"


def test_a_parent_of_another_kind_is_no_parent_of_the_tree(tree: Path) -> None:
    run = archive(tree)
    names = {node.index: node.native_id for node in read_nodes(run).values()}
    edges = {(names[row["index"]], names[row["parent"]], row["role"]) for row in read_parents(run)}
    assert ("ab", "lost", "inspiration") in edges
    assert run.find("lost").children == 0


def test_a_ghost_does_not_put_its_children_last(tmp_path: Path) -> None:
    later = [{**TREE[1], "id": f"later{n}", "iteration": 6 + n} for n in range(2)]
    orphan = {**TREE[1], "id": "orphan", "parents": ["gone"], "iteration": 2}
    folder = tmp_path / "r"
    imported(write_neutral(tmp_path / "t.jsonl", [*TREE[:2], *later, orphan]), folder)
    names = [e.name for e in archive(folder).experiments.values()]
    assert names == ["seed", "a", "gone", "orphan", "later0", "later1"]


def test_every_parent_of_a_combination_is_in_the_lineage(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASI_REPRO_HOME", str(make_project(tmp_path)))
    index = {node.native_id: node.index for node in read_nodes(archive(tree)).values()}
    line = next(line for line in call("lineage", "--run", "tree").stdout.splitlines() if " ab  " in line)
    assert line.endswith(f"also of {index['b']}")
    assert (
        f"    {index['b']} -> {index['ab']} [style=dashed];"
        in call("lineage", "--run", "tree", "--format", "dot").stdout
    )
    assert (
        f"    n{index['b']} -.-> n{index['ab']}"
        in call("lineage", "--run", "tree", "--format", "mermaid").stdout
    )


def test_an_archive_of_version_1_is_migrated(tree: Path, tmp_path: Path) -> None:
    from asi_repro.archive.tables import Run

    run = archive(tree)
    plain = Run(
        experiments=[
            {
                key: getattr(e, key)
                for key in ("index", "name", "display_name", "parent", "score", "in_gallery")
            }
            | {"has_program": False}
            for e in run.experiments.values()
        ]
    )
    write_archive(plain, tmp_path / "plain")
    old = Archive(tmp_path / "plain")
    assert {node.status for node in read_nodes(old).values()} == {"finished"}
    assert {row["role"] for row in read_parents(old)} == {"parent"}
    assert old.objective.direction == "maximize"


@pytest.mark.parametrize("place", RUNS, ids=lambda p: p.name)
def test_importing_again_changes_nothing(place: Path, tmp_path: Path) -> None:
    folder = tmp_path / "r"
    assert imported(place, folder).changed
    before = contents(folder), folder.stat().st_ino
    assert not imported(place, folder).changed
    assert (contents(folder), folder.stat().st_ino) == before


def test_a_run_that_has_grown_keeps_its_indices_and_certificates(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    imported(write_neutral(tmp_path / "t.jsonl", TREE[:3]), folder)
    before = {node.native_id: node.index for node in read_nodes(archive(folder)).values()}
    (folder / "certificates").mkdir()
    (folder / "certificates" / "1.json").write_text("{}")
    assert imported(
        write_neutral(tmp_path / "t.jsonl", [*TREE[:3], {"id": "c", "iteration": 7}]), folder
    ).changed
    after = {node.native_id: node.index for node in read_nodes(archive(folder)).values()}
    assert after.items() >= before.items()
    assert (folder / "certificates" / "1.json").read_text() == "{}"


def test_another_run_is_not_written_over(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    imported(OPENEVOLVE, folder)
    before = contents(folder)
    other = read_run(write_neutral(tmp_path / "t.jsonl", TREE))
    with pytest.raises(AsiReproError, match="is another run"):
        write_import(other, folder)
    assert contents(folder) == before
    assert write_import(other, folder, replace=True).changed
    own = tmp_path / "own"
    own.mkdir()
    with pytest.raises(AsiReproError, match="was not imported"):
        write_import(other, own, replace=True)


@pytest.mark.parametrize("place", [p for p in RUNS if p.name != "shinka"], ids=lambda p: p.name)
def test_the_files_come_back_byte_for_byte(place: Path, tmp_path: Path) -> None:
    imported(place, tmp_path / "run")
    export_records(tmp_path / "run", tmp_path / "back")
    assert contents(tmp_path / "back") == contents(place)


def test_more_metrics_and_parents_than_the_limit_are_noted_and_kept_in_the_records(tmp_path: Path) -> None:
    nodes = [{"id": f"p{n}"} for n in range(70)]
    wide = {
        "id": "wide",
        "metrics": {f"m{n:03}": 1.0 for n in range(300)},
        "parents": [n["id"] for n in nodes],
    }
    run = read_run(write_neutral(tmp_path / "t.jsonl", [*nodes, wide]))
    assert (len(run.nodes[-1].metrics), len(run.nodes[-1].parents)) == (256, 64)
    assert [(notice.kind, notice.text) for notice in run.notices] == [
        ("lost", f"t.jsonl, line 72: of {count} {what} all but {most} are kept in the records alone")
        for count, what, most in ((300, "metrics", 256), (70, "parents", 64))
    ]


@pytest.mark.parametrize("place", RUNS, ids=lambda p: p.name)
def test_a_shared_run_is_the_same_run_elsewhere(place: Path, tmp_path: Path) -> None:
    imported(place, tmp_path / "here")
    share_import(tmp_path / "here", tmp_path / "file.jsonl")
    imported(tmp_path / "file.jsonl", tmp_path / "there")
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


def test_nothing_or_two_things_are_recognised_or_named_wrongly(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no known system"):
        read_run(tmp_path / "empty")
    shutil.copytree(OPENEVOLVE, tmp_path / "two")
    write_neutral(tmp_path / "two" / "run.jsonl", TREE)
    with pytest.raises(DataError, match="looks like jsonl and openevolve"):
        read_run(tmp_path / "two")
    assert read_run(tmp_path / "two", "jsonl").system == "Ours"
    with pytest.raises(NotFound, match="no format"):
        read_run(tmp_path / "two", "other")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_project(tmp_path_factory.mktemp("project"))
    write_neutral(folder / "tree.jsonl", TREE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASI_REPRO_HOME", str(folder))
        for place, name in ((OPENEVOLVE, "oe"), (folder / "tree.jsonl", "tree")):
            assert call("import", str(place), "--run", name).returncode == 0
    return folder


COMMANDS = [
    ("list", "--run", "tree", "status:ghost"),
    ("show", "ab", "--run", "tree"),
    ("show", "ab", "--program", "--run", "tree"),
    ("lineage", "ab", "--run", "tree"),
    ("diff", "a", "b", "--run", "tree"),
    ("search", "seed", "--run", "tree"),
    ("runs",),
    ("compare", "tree", "oe"),
    ("report", "run", "tree"),
    ("share", "tree", "--to", "shared.jsonl"),
    ("export", "oe", "exported"),
    ("history", "open", "clone", "--run", "oe"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_reading_command_takes_an_imported_run(
    project: Path, command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASI_REPRO_HOME", str(project))
    monkeypatch.chdir(tmp_path)
    found = call(*command)
    assert found.returncode == 0, found.stdout + found.stderr


def test_show_and_list_say_what_the_system_said(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASI_REPRO_HOME", str(project))
    shown = json.loads(call("show", "ab", "--run", "tree", "--json").stdout)
    assert shown["origin"]["native_id"] == "ab"
    assert [parent["role"] for parent in shown["origin"]["parents"]] == ["parent", "parent", "inspiration"]
    assert "lost" in call("list", "status:ghost", "--run", "tree").stdout
    said = call("show", "ab", "--run", "tree").stdout
    assert "program     1 line, SHA-256" in said
    assert "loss, less is better" in said
    assert "gallery" not in said
    assert "asi-repro show" in said
    assert "--run tree --program" in said
    assert "ghost" in call("lineage", "--run", "tree").stdout


def test_scores_of_one_program_show_the_noise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASI_REPRO_HOME", str(make_project(tmp_path / "project")))
    nodes = [
        {"id": name, "score": score, "program": program}
        for name, score, program in (
            ("a", 1.0, "x = 1\n"), ("b", 1.25, "x = 1\n"), ("c", 2.0, "x = 2\n"), ("d", 2.0, "x = 2\n"),
        )
    ]  # fmt: skip
    assert call("import", str(write_neutral(tmp_path / "noisy.jsonl", nodes))).returncode == 0
    checks = json.loads(call("fsck", "--run", "noisy", "--json").stdout)["checks"]
    found = next(check for check in checks if check["check"] == "equal")["problems"]
    assert "with scores from 1 to 1.25" in found[0]["what"]
    assert "each time with the score 2" in found[1]["what"]


def test_fsck_says_what_does_not_add_up(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASI_REPRO_HOME", str(project))
    found = call("fsck", "--run", "tree", "--json")
    assert found.returncode == 1
    checks = {check["check"]: check for check in json.loads(found.stdout)["checks"]}
    states = {name: check["status"] for name, check in checks.items()}
    problems = {"equal", "scores", "seeds", "ghosts"}
    assert {name for name, state in states.items() if state == "problem"} == problems
    assert "only the number of a seed" in checks["seeds"]["problems"][0]["what"]
    other = json.loads(call("fsck", "--run", "oe", "--json").stdout)["checks"]
    assert {check["check"] for check in other if check["status"] == "problem"} == {
        *("equal", "scores", "ghosts", "counts")
    }


def test_a_clean_run_passes_every_check(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASI_REPRO_HOME", str(project))
    clean = [
        {"id": "r", "score": 1.0, "program": "x = 1\n", "iteration": 0},
        {"id": "s", "parents": ["r"], "score": 0.5, "program": "x = 2\n", "iteration": 1},
    ]
    place = write_neutral(tmp_path / "clean.jsonl", clean)
    assert call("import", str(place)).returncode == 0
    found = call("fsck", "--run", "clean")
    assert found.returncode == 0, found.stdout + found.stderr
    assert "no problems; 12 of 12 checks ran" in found.stdout
