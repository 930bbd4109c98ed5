"""Break one thing at a time: fsck names it. Nothing broken: it says so."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from synthetic_release import write_synthetic_release
from typer.testing import CliRunner

from asi_repro.archive.fsck.checks import run_checks, summarise
from asi_repro.archive.fsck.dvc import dvc_ignored, dvc_md5
from asi_repro.archive.fsck.place import Place, Result
from asi_repro.archive.history.writing import write_history
from asi_repro.archive.manifest import Manifest, ReleaseFile, release_manifest
from asi_repro.archive.reader import Archive
from asi_repro.archive.release import read_release
from asi_repro.archive.tables import Run, write_archive
from asi_repro.cli import app
from asi_repro.project import Project
from asi_repro.store.files import sha256_file

ROOT = Path(__file__).resolve().parents[2]


PATHS = ("data/106.json", "data/tree.json", "cognition_base/cognition")
PIN = """outs:
- md5: {md5}
  hash: md5
  path: {name}
deps:
- path: {path}
  repo:
    url: {url}
    rev_lock: {commit}
"""
LOCK = """schema: '2.0'
stages:
  archive:
    cmd: asi-repro archive
    deps:
    - path: artifacts/release/data/tree.json
      hash: md5
      md5: {tree}
    outs:
    - path: artifacts/archive
      hash: md5
      md5: {archive}
"""


def build(root: Path, release: Path, manifest: Manifest) -> Project:
    """A project with the release pulled and pinned, the archive made, the history written and a lock."""
    project = Project(root)
    for file in manifest.files:
        target = project.release / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(release / file.path, target)
    for path in manifest.paths:
        md5 = dvc_md5(project.release / path)
        fields = {"md5": md5, "name": Path(path).name, "path": path, "url": manifest.url}
        (project.release / f"{path}.dvc").write_text(PIN.format(**fields, commit=manifest.commit))
    write_archive(read_release(project.release, url=manifest.url, commit=manifest.commit), project.archive)
    write_history(Archive(project.archive), project.history)
    tree = dvc_md5(project.release / "data" / "tree.json")
    (root / "dvc.lock").write_text(LOCK.format(tree=tree, archive=dvc_md5(project.archive)))
    (root / "dvc.yaml").write_text("stages: {}\n")
    (root / "params.yaml").write_text("{}\n")
    return project


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    folder = tmp_path_factory.mktemp("made-up")
    write_synthetic_release(folder / "release", 40, gallery=5)
    files = sorted(path for path in (folder / "release").rglob("*.json"))
    listed = [
        ReleaseFile(p.relative_to(folder / "release").as_posix(), p.stat().st_size, sha256_file(p), 1)
        for p in files
    ]
    manifest = Manifest("https://example.org/made-up.git", "a" * 40, PATHS, tuple(listed))
    build(folder / "project", folder / "release", manifest)
    return folder / "project", manifest


@pytest.fixture
def manifest(made_up: tuple[Path, Manifest]) -> Manifest:
    return made_up[1]


@pytest.fixture
def project(made_up: tuple[Path, Manifest], tmp_path: Path) -> Project:
    shutil.copytree(made_up[0], tmp_path / "project")
    return Project(tmp_path / "project")


def check(project: Project, manifest: Manifest) -> dict[str, Result]:
    return {result.check: result for result in run_checks(Place(project, project.archive, manifest))}


def test_a_whole_project_is_whole(project: Project, manifest: Manifest) -> None:
    results = check(project, manifest)
    assert {name: result.status for name, result in results.items()} == dict.fromkeys(results, "ok")
    assert summarise(list(results.values()))


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def _rewrite(project: Project, change: Callable[[Run], None]) -> None:
    source = Archive(project.archive).table("sources").to_pylist()[0]
    run = read_release(project.release, url=source["url"], commit=source["commit"])
    change(run)
    write_archive(run, project.archive)


FAULTS: dict[str, tuple[Callable[[Project], object], set[str], str]] = {
    "a bit of a pulled file": (
        lambda p: _flip(p.release / "data" / "tree.json"),
        {"release", "pins", "sources", "rebuild", "lock"},
        "data/tree.json",
    ),
    "a pulled file is gone": (
        lambda p: (p.release / "data" / "106.json").unlink(),
        {"release", "pins", "sources"},
        "data/106.json",
    ),
    "an extra file": (
        lambda p: (p.release / "cognition_base" / "cognition" / "extra.json").write_text("[]"),
        {"release", "pins", "rebuild"},
        "extra.json",
    ),
    "a pin of another commit": (
        lambda p: _replace(p.release / "data" / "tree.json.dvc", "a" * 40, "f" * 40),
        {"pins"},
        "f" * 40,
    ),
    "a pin is gone": (
        lambda p: (p.release / "data" / "tree.json.dvc").unlink(),
        {"pins"},
        "tree.json.dvc is missing",
    ),
    "a damaged table": (
        lambda p: (p.archive / "programs.parquet").write_bytes(b"PAR1nothingPAR1"),
        {"tables", "programs", "rebuild", "history", "lock"},
        "programs.parquet",
    ),
    "a score was altered": (
        lambda p: _rewrite(p, lambda run: run.experiments[7].update(score=9.0)),
        {"rebuild", "history", "lock"},
        "table experiments",
    ),
    "a program was altered": (
        lambda p: _rewrite(p, lambda run: run.programs[3].update(source="x = 1\n", lines=1)),
        {"programs", "rebuild", "history", "lock"},
        "source has SHA-256",
    ),
    "a program of nobody": (
        lambda p: _rewrite(p, lambda run: run.programs[0].update(index=99999)),
        {"tables", "rebuild", "history", "lock"},
        "99999",
    ),
    "a source hash was altered": (
        lambda p: _rewrite(p, lambda run: run.sources[0].update(sha256="0" * 64)),
        {"sources", "rebuild", "lock"},
        "0" * 64,
    ),
    "a bit of the history": (lambda p: _flip(p.history), {"history"}, "history"),
    "the lock says another hash": (
        lambda p: _replace(p.root / "dvc.lock", "md5: ", "md5: 0"),
        {"lock"},
        "recorded is 0",
    ),
    "the lock is no YAML": (lambda p: (p.root / "dvc.lock").write_text("{"), {"lock"}, "no YAML"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_found_and_named(project: Project, manifest: Manifest, fault: str) -> None:
    damage, expected, named = FAULTS[fault]
    damage(project)
    results = check(project, manifest)
    assert {name for name, result in results.items() if result.status == "problem"} == expected
    found = [problem for result in results.values() for problem in result.problems]
    assert any(named in problem.what for problem in found), found
    assert all(problem.todo for problem in found)
    assert not summarise(list(results.values()))


def test_nothing_pulled_is_not_run_and_never_ok(project: Project, manifest: Manifest) -> None:
    shutil.rmtree(project.release / "cognition_base")
    shutil.rmtree(project.release / "data")
    project.history.unlink()
    (project.root / "dvc.lock").unlink()
    statuses = {name: result.status for name, result in check(project, manifest).items()}
    assert {name for name, status in statuses.items() if status == "not run"} == {
        "release", "sources", "rebuild", "history", "lock",
    }  # fmt: skip
    assert statuses["tables"] == "ok"


def test_another_run_is_not_held_against_the_release(plain_archive: Path, project: Project) -> None:
    results = {r.check: r.status for r in run_checks(Place(project, plain_archive))}
    assert (results["sources"], results["rebuild"]) == ("not run", "not run")
    assert (results["tables"], results["programs"]) == ("ok", "ok")


def test_the_verb_on_the_real_release(
    release_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = build(tmp_path, release_dir, release_manifest())
    for path in PATHS:  # the committed pins, in place of those that `build` made of what it found
        shutil.copyfile(ROOT / "artifacts" / "release" / f"{path}.dvc", project.release / f"{path}.dvc")
    monkeypatch.setenv("ASI_REPRO_HOME", str(project.root))
    good = CliRunner().invoke(app, ["fsck", "--json"])
    assert good.exit_code == 0, good.output
    found = json.loads(good.stdout)
    assert found["ok"] is True
    assert [list(c) for c in found["checks"]] == [["check", "status", "detail", "problems"]] * 9
    _flip(project.history)
    bad = CliRunner().invoke(app, ["fsck"])
    assert bad.exit_code == 1
    assert "problem history" in bad.output
    assert "→ " in bad.output


def test_an_empty_place_is_missing_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dvc.yaml").touch()
    (tmp_path / "params.yaml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ASI_REPRO_HOME", raising=False)
    done = CliRunner().invoke(app, ["fsck"])
    assert done.exit_code in (1, 4)
    assert "asi-repro pull" in done.output


def test_folder_hashes_are_those_of_dvc(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    for name in ("b.txt", "a/x.txt", "a-b.txt", "a.txt", "ä.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "a" / "environment.json").write_text("{}")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.pyc").touch()
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "-q"], cwd=tmp_path, check=True)
    (tmp_path / ".dvcignore").write_text("# not these\n__pycache__/\n/data/**/environment.json\n")
    subprocess.run([sys.executable, "-m", "dvc", "add", "-q", "data"], cwd=tmp_path, check=True)
    assert f"md5: {dvc_md5(folder, dvc_ignored(tmp_path))}\n" in (tmp_path / "data.dvc").read_text()
    assert dvc_md5(folder) != dvc_md5(folder, dvc_ignored(tmp_path))
