"""The run as a git repository: layout, hashes that repeat, and git's own commands on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from history_runs import architecture, archive_of, experiment, git, small_run

from asi_repro.archive.history.bundle import read_header
from asi_repro.archive.history.clone import open_history
from asi_repro.archive.history.commits import commit_of
from asi_repro.archive.history.records import read_records
from asi_repro.archive.history.writing import write_history
from asi_repro.archive.reader import Archive
from asi_repro.archive.tables import Run
from asi_repro.discover.run.store import RunStore
from asi_repro.errors import AsiReproError, DataError, MissingInput
from asi_repro.store.git import run_git


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Archive, Path, Path]:
    """An archive, its bundle and the clone that `history open` makes."""
    folder = tmp_path_factory.mktemp("small")
    archive = archive_of(small_run(), folder / "archive")
    write_history(archive, folder / "h.bundle")
    open_history(folder / "h.bundle", folder / "clone")
    return archive, folder / "h.bundle", folder / "clone"


def test_a_commit_an_experiment_with_the_parents_of_the_run(small: tuple[Archive, Path, Path]) -> None:
    archive, _, clone = small
    refs = git(clone, "for-each-ref", "--format=%(refname) %(objectname)", "refs/experiments/").splitlines()
    commits = {int(r.split()[0].rpartition("/")[2]): r.split()[1] for r in refs}
    assert sorted(commits) == [0, 1, 7, 8, 9, 12, 13]
    assert "refs/experiments/0000012 " + commits[12] in refs
    for index, e in archive.experiments.items():
        parents = git(clone, "log", "-1", "--format=%P", commits[index]).split()
        assert parents == ([] if e.parent is None else [commits[e.parent]])
    assert git(clone, "rev-list", "--count", "--all").strip() == "7"


def test_files_of_an_architecture_and_of_a_bare_experiment(small: tuple[Archive, Path, Path]) -> None:
    archive, _, clone = small
    assert git(clone, "ls-tree", "--name-only", "refs/experiments/0000013").split() == ["experiment.json"]
    names = git(clone, "ls-tree", "--name-only", "refs/experiments/0000009").split()
    assert names == ["README.md", "experiment.json", "program.py"]
    assert git(clone, "show", "refs/experiments/0000009:program.py") == "WIDTH = 9\n"
    data = json.loads(git(clone, "show", "refs/experiments/0000009:experiment.json"))
    assert data == {
        "format": "asi_repro.experiment/1",
        "index": 9,
        "name": "mixer_9",
        "display_name": "Gate Net",
        "parent": 8,
        "depth": 3,
        "score": 2.5,
        "in_gallery": True,
        "has_program": True,
        "program": {
            "sha256": archive.program(9).sha256,
            "lines": 1,
            "parameters_stated": "4.5M",
            "parameters": 4_500_000,
            "summary": "what",
            "motivation": "why",
        },
        "benchmarks": [
            {"column": "boolq", "task": "boolq", "metric": "accuracy", "value": 0.5},
            {"column": "wikitext", "task": "wikitext", "metric": "accuracy", "value": None},
            {"column": "average", "task": "average", "metric": "accuracy", "value": 0.375},
        ],
        "curve": [{"step": 1, "loss": 11.0}, {"step": 100, "loss": None}, {"step": 1000, "loss": 4.25}],
    }
    bare = json.loads(git(clone, "show", "refs/experiments/0000007:experiment.json"))
    assert (bare["score"], bare["display_name"], bare["benchmarks"], bare["curve"]) == (None, None, [], [])


def test_the_readme_states_the_numbers(small: tuple[Archive, Path, Path]) -> None:
    readme = git(small[2], "show", "refs/experiments/0000009:README.md")
    for line in (
        "# Gate Net",
        "- Parent: experiment 8",
        "- Score, as recorded by the run: 2.5",
        "- Parameters, as stated: `4.5M` (4,500,000)",
        "| `boolq` | `boolq` | `accuracy` | 0.5 |",
        "| `wikitext` | `wikitext` | `accuracy` | not given |",
        "| 1000 | 4.25 |",
        "why",
    ):
        assert line in readme.splitlines()


def test_messages_authors_and_dates(small: tuple[Archive, Path, Path]) -> None:
    clone = small[2]
    shown = git(clone, "log", "-1", "--format=%s|%an|%ae|%cn|%at|%ct|%ai", "refs/experiments/0000009")
    assert shown.strip() == (
        "Gate Net (9), score 2.5000, gallery|asi-repro history|history@asi-repro.invalid|asi-repro history"
        "|946685340|946685340|2000-01-01 00:09:00 +0000"
    )
    assert git(clone, "log", "-1", "--format=%s", "refs/experiments/0000007").strip() == "mixer_7 (7)"
    key = "%(trailers:key=Score,valueonly,separator=%x2C)"
    assert git(clone, "log", "-1", f"--format={key}", "refs/experiments/0000009").strip() == "2.5"
    order = git(clone, "log", "--all", "--format=%(trailers:key=Experiment,valueonly,separator=)").split()
    assert order == ["13", "12", "9", "8", "7", "1", "0"], "git log is index order, newest first"


def test_tags_and_main(small: tuple[Archive, Path, Path]) -> None:
    _, bundle, clone = small
    tags = git(clone, "tag", "--list").split()
    assert tags == ["gallery/Gate-Net-8", "gallery/Gate-Net-9", "gallery/Unicode-.lock-12"]
    assert git(clone, "rev-parse", "--abbrev-ref", "HEAD").strip() == "main"
    # 9 and 12 are in the gallery with the same score; 13 has a higher score but is not in the gallery.
    assert git(clone, "rev-parse", "main") == git(clone, "rev-parse", "refs/experiments/0000009")
    assert sorted(p.name for p in clone.iterdir()) == [".git", "README.md", "experiment.json", "program.py"]
    refs, _ = read_header(bundle)
    assert refs["HEAD"] == refs["refs/heads/main"]


def test_git_takes_it_without_a_complaint(small: tuple[Archive, Path, Path], tmp_path: Path) -> None:
    _, bundle, clone = small
    assert git(clone, "fsck", "--strict", "--full", "--unreachable", check=False) == ""
    assert git(clone, "status", "--porcelain") == ""
    assert "is okay" in git(clone, "bundle", "verify", str(bundle), check=False)
    graph = git(clone, "log", "--graph", "--all", "--oneline")
    assert graph.startswith("* ")
    assert "\n| * " in graph
    assert "\n|/" in graph
    diff = git(clone, "diff", "gallery/Gate-Net-8", "gallery/Gate-Net-9", "--", "program.py")
    assert "-WIDTH = 8\n+WIDTH = 9\n" in diff
    git(tmp_path, "clone", "-q", str(bundle), "plain")
    assert (tmp_path / "plain" / "program.py").read_text() == "WIDTH = 9\n"
    assert git(tmp_path / "plain", "fsck", "--strict", "--no-dangling", check=False) == ""
    git(clone, "fetch", "-q")  # the opened clone knows where the experiments' refs come from


def test_the_same_archive_gives_the_same_bytes(small: tuple[Archive, Path, Path], tmp_path: Path) -> None:
    archive, bundle, _ = small
    again = write_history(Archive(archive.folder), tmp_path / "deep" / "h.bundle")
    assert (tmp_path / "deep" / "h.bundle").read_bytes() == bundle.read_bytes()
    assert again.experiments == 7
    assert again.programs == again.tags == 3
    assert (again.roots, again.main, again.bytes) == (2, 9, bundle.stat().st_size)
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["h.bundle"], "nothing is left behind"


def test_the_pack_is_neither_compressed_nor_delta_coded(small: tuple[Archive, Path, Path]) -> None:
    """So that its bytes do not hang on the version of zlib or of git: each object is a stored block."""
    _, bundle, _ = small
    _, offset = read_header(bundle)
    pack = bundle.read_bytes()[offset:-20]
    assert pack[:8] == b"PACK\0\0\0\2"
    position, kinds = 12, []
    while position < len(pack):
        kind, size, shift = pack[position] >> 4 & 7, pack[position] & 15, 4
        while pack[position] & 128:
            position += 1
            size |= (pack[position] & 127) << shift
            shift += 7
        stream = zlib.decompressobj()
        data = stream.decompress(pack[position + 1 :])
        stored = pack[position + 1 : len(pack) - len(stream.unused_data)]
        header = b"\x78\x01\x01" + size.to_bytes(2, "little") + (size ^ 0xFFFF).to_bytes(2, "little")
        assert stored == header + data + zlib.adler32(data).to_bytes(4, "big")
        position += 1 + len(stored)
        kinds.append(kind)
    assert kinds.count(1) == 7
    assert set(kinds) == {1, 2, 3}, "commits, trees and blobs; no deltas (6 and 7)"


def test_a_run_without_programs_and_one_with_one_experiment(tmp_path: Path) -> None:
    run = Run(
        experiments=[experiment(3, score=None), experiment(5, 3, score=1.0), experiment(6, 3, score=0.5)]
    )
    summary = write_history(archive_of(run, tmp_path / "a"), tmp_path / "h.bundle")
    assert (summary.programs, summary.tags, summary.main) == (0, 0, 5)
    opened = open_history(tmp_path / "h.bundle", tmp_path / "clone")
    assert (opened.experiments, opened.tags, opened.main) == (3, [], "refs/experiments/0000005")
    assert git(tmp_path / "clone", "fsck", "--strict", check=False) == ""
    one = write_history(archive_of(Run(experiments=[experiment(0)]), tmp_path / "b"), tmp_path / "one.bundle")
    assert (one.experiments, one.main, one.roots) == (1, 0, 1)
    open_history(tmp_path / "one.bundle", tmp_path / "one")


def test_a_run_without_experiments_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no experiments"):
        write_history(archive_of(Run(), tmp_path / "a"), tmp_path / "h.bundle")
    assert not (tmp_path / "h.bundle").exists()


def test_a_parent_with_a_higher_index_comes_first(tmp_path: Path) -> None:
    run = Run(experiments=[experiment(1, 9), experiment(2, 1), experiment(4), experiment(9)])
    architecture(run, 10, 2)
    archive = archive_of(run, tmp_path / "a")
    assert [r.index for r in read_records(archive)] == [4, 9, 1, 2, 10]
    write_history(archive, tmp_path / "h.bundle")
    clone = open_history(tmp_path / "h.bundle", tmp_path / "clone").folder
    key = "--format=%(trailers:key=Experiment,valueonly,separator=)"
    assert git(clone, "log", "--topo-order", key, "main").split() == ["10", "2", "1", "9"]
    assert git(clone, "fsck", "--strict", check=False) == ""


def test_experiments_added_one_at_a_time_get_the_same_commits(
    small: tuple[Archive, Path, Path], tmp_path: Path
) -> None:
    archive, bundle, _ = small
    store = RunStore(tmp_path / "r.git")
    store.create()
    known: dict[int, str] = {}
    for record in read_records(archive):
        known[record.index] = store.add(commit_of(record, known.get(record.parent)))
    refs, _ = read_header(bundle)
    assert {f"refs/experiments/{i:07d}": c for i, c in known.items()}.items() <= refs.items()
    assert store.commits() == known


@pytest.mark.parametrize("table", ["programs", "curves", "benchmarks"])
def test_rows_that_fit_no_experiment_are_refused(tmp_path: Path, table: str) -> None:
    run = small_run()
    rows = getattr(run, table)
    rows[-1] = {**rows[-1], "index": 10}
    with pytest.raises(DataError, match=r"index 10 is not an experiment|0 programs"):
        write_history(archive_of(run, tmp_path / "a"), tmp_path / "h.bundle")


@pytest.mark.parametrize("table", ["programs", "curves", "benchmarks"])
def test_tables_out_of_index_order_are_refused(tmp_path: Path, table: str) -> None:
    archive = archive_of(small_run(), tmp_path / "a")
    path = archive.folder / f"{table}.parquet"
    rows = pq.read_table(path)
    pq.write_table(rows.take(list(reversed(range(rows.num_rows)))), path)
    with pytest.raises(DataError, match=f"not in index order|0 programs|{table}"):
        write_history(Archive(archive.folder), tmp_path / "h.bundle")


def test_a_program_unlike_its_hash_is_refused(tmp_path: Path) -> None:
    run = small_run()
    run.programs[1]["source"] += "# changed\n"
    with pytest.raises(DataError, match="SHA-256") as caught:
        write_history(archive_of(run, tmp_path / "a"), tmp_path / "h.bundle")
    assert "index 9" in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["a"], "nothing half-written is left"


def test_scores_that_json_does_not_have_are_refused(tmp_path: Path) -> None:
    run = Run(experiments=[experiment(0, score=float("inf"))])
    with pytest.raises(DataError, match="experiment 0|JSON"):
        write_history(archive_of(run, tmp_path / "a"), tmp_path / "h.bundle")


def test_settings_hooks_and_git_variables_of_the_user_do_not_count(
    small: tuple[Archive, Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, bundle, _ = small
    fired = tmp_path / "fired"
    hooks = tmp_path / "templates" / "hooks"
    hooks.mkdir(parents=True)
    for name in ("reference-transaction", "post-checkout", "post-merge"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {fired}\n")
        (hooks / name).chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        f"[core]\n hooksPath = {hooks}\n autocrlf = true\n compression = 9\n"
        f"[init]\n templateDir = {tmp_path / 'templates'}\n defaultBranch = elsewhere\n"
        "[user]\n name = Somebody\n[fastimport]\n unpackLimit = 100000\n[clone]\n defaultRemoteName = up\n"
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(tmp_path / "templates"))
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.setenv(name, str(tmp_path / "nowhere"))
    for name, value in {"COUNT": "1", "KEY_0": "core.hooksPath", "VALUE_0": str(hooks)}.items():
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody")
    monkeypatch.setenv("GIT_DEFAULT_HASH", "sha256")
    write_history(archive, tmp_path / "h.bundle")
    clone = open_history(tmp_path / "h.bundle", tmp_path / "clone").folder
    assert (tmp_path / "h.bundle").read_bytes() == bundle.read_bytes()
    assert b"\r" not in (clone / "experiment.json").read_bytes()
    assert not fired.exists()
    assert not (tmp_path / "nowhere").exists()
    assert not list((clone / ".git").glob("hooks/*"))


def test_open_refuses_what_it_would_overwrite(
    small: tuple[Archive, Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, bundle, _ = small
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("kept")
    with pytest.raises(AsiReproError, match="not empty"):
        open_history(bundle, tmp_path / "full")
    assert (tmp_path / "full" / "mine").read_text() == "kept"
    with pytest.raises(AsiReproError, match="not a folder"):
        open_history(bundle, tmp_path / "full" / "mine")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(AsiReproError, match="is the current folder"):
        open_history(bundle, Path())
    monkeypatch.chdir(tmp_path)
    assert open_history(bundle, Path("empty")).experiments == 7
    with pytest.raises(MissingInput, match="no history"):
        open_history(tmp_path / "none.bundle", tmp_path / "new")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["empty", "full"]


def test_open_of_a_damaged_bundle_leaves_nothing(small: tuple[Archive, Path, Path], tmp_path: Path) -> None:
    _, bundle, _ = small
    data = bundle.read_bytes()
    bad = tmp_path / "bad.bundle"
    for broken in (
        data[:-300],
        data[: len(data) // 2] + b"\0\xff" + data[len(data) // 2 + 2 :],
        b"# v3\n",
        b"",
    ):
        bad.write_bytes(broken)
        with pytest.raises(AsiReproError):
            open_history(bad, tmp_path / "new")
        assert [p.name for p in tmp_path.iterdir()] == ["bad.bundle"]


def test_git_missing_or_too_old(
    small: tuple[Archive, Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, _, _ = small
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "env").symlink_to("/usr/bin/env")
    monkeypatch.setenv("PATH", str(tools))
    with pytest.raises(AsiReproError, match="git is not installed"):
        write_history(archive, tmp_path / "h.bundle")
    code = "import sys; from asi_repro.store.git import require_git\n"
    code += "try: require_git()\nexcept Exception as e: print(type(e).__name__, e)"
    environment = {"PATH": str(tools), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert said.stdout.startswith("AsiReproError git is not installed"), said
    (tools / "git").write_text("#!/bin/sh\necho git version 2.20.1\n")
    (tools / "git").chmod(0o755)
    with pytest.raises(AsiReproError, match=r"git 2\.32 or newer is needed; found git version 2\.20\.1"):
        write_history(archive, tmp_path / "h.bundle")
    assert [p.name for p in tmp_path.iterdir()] == ["tools"]


def test_what_git_complains_of_is_passed_on(tmp_path: Path) -> None:
    with pytest.raises(
        AsiReproError, match="git cat-file failed with status 128: fatal: not a git repository"
    ):
        run_git([f"--git-dir={tmp_path / 'none'}", "cat-file", "-t", "HEAD"])


def test_a_place_that_cannot_be_written(small: tuple[Archive, Path, Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AsiReproError, match="cannot write"):
        write_history(small[0], tmp_path / "file" / "h.bundle")
