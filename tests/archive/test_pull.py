"""Pulling the release: sources, checks, faults. On a made-up release, so it runs everywhere."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from synthetic_release import write_synthetic_release

from asi_repro.archive.manifest import Manifest, check_release, release_manifest
from asi_repro.archive.pull import pull
from asi_repro.archive.release import COGNITION, GALLERY, TREE
from asi_repro.errors import AsiReproError, DataError, MissingInput
from asi_repro.project import Project

ROOT = Path(__file__).resolve().parents[2]
_spec = importlib.util.spec_from_file_location("pin_release", ROOT / "scripts" / "pin_release.py")
assert _spec is not None
assert _spec.loader is not None
pin_release = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(pin_release)

COMMIT = "0" * 40


@pytest.fixture(scope="session")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    write_synthetic_release(folder, 60)
    return folder


@pytest.fixture(scope="session")
def manifest(copy: Path) -> Manifest:
    return pin_release.make_manifest(copy, COMMIT)


@pytest.fixture(scope="session")
def blank_project(copy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with pins and no data."""
    root = tmp_path_factory.mktemp("blank")
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(command, cwd=root, check=True, env=environment)
    (root / "dvc.yaml").write_text("stages: {}\n")
    (root / "params.yaml").write_text("{}\n")
    pin_release.make_pins(copy, COMMIT, root / "artifacts" / "release")
    shutil.copyfile(ROOT / "artifacts" / ".gitignore", root / "artifacts" / ".gitignore")
    return root


@pytest.fixture
def project(blank_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv("ASI_REPRO_RELEASE", raising=False)
    root = tmp_path / "project"
    shutil.copytree(blank_project, root)
    return Project(root)


@pytest.fixture
def broken(copy: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "broken"
    shutil.copytree(copy, folder)
    return folder


def data_files(project: Project) -> set[str]:
    """Every file below artifacts/release but the pins."""
    return {
        p.relative_to(project.release).as_posix()
        for p in project.release.rglob("*")
        if p.is_file() and p.suffix != ".dvc"
    }


def test_pull_from_a_copy_is_whole_and_then_a_no_op(project: Project, copy: Path, manifest: Manifest) -> None:
    assert pull(project, source=copy, manifest=manifest).source == str(copy)
    assert check_release(project.release, manifest) == []
    assert data_files(project) == {file.path for file in manifest.files}
    before = {p: p.stat().st_mtime_ns for p in project.release.rglob("*")}
    assert pull(project, manifest=manifest).source is None
    assert {p: p.stat().st_mtime_ns for p in project.release.rglob("*")} == before


def test_environment_names_the_copy(
    project: Project, copy: Path, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASI_REPRO_RELEASE", str(copy))
    assert pull(project, manifest=manifest).source == str(copy)


def test_pulled_files_satisfy_dvc_without_a_network(project: Project, copy: Path, manifest: Manifest) -> None:
    pull(project, source=copy, manifest=manifest)
    (project.root / "dvc.yaml").write_text(
        f"stages:\n  count:\n    cmd: wc -c artifacts/release/{TREE} > out\n"
        f"    deps: [artifacts/release/{TREE}, artifacts/release/{COGNITION}]\n    outs: [out]\n"
    )
    run = subprocess.run(
        [sys.executable, "-m", "dvc", "repro"], cwd=project.root, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


def test_the_git_import_from_a_local_repository(
    project: Project, copy: Path, manifest: Manifest, tmp_path: Path
) -> None:
    upstream = tmp_path / "upstream"
    shutil.copytree(copy, upstream)
    (upstream / "unrelated.txt").write_text("not imported")
    for command in ("init -q", "add .", "-c user.name=u -c user.email=u@u commit -qm release"):
        subprocess.run(["git", *command.split()], cwd=upstream, check=True)
    rev = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=upstream, check=True, capture_output=True, text=True
    ).stdout.strip()
    result = pull(project, url=str(upstream), rev=rev, manifest=manifest)
    assert result.source == f"{upstream} at {rev}"
    assert data_files(project) == {file.path for file in manifest.files}

    # The same import, altered by one byte upstream, is refused and nothing of it is kept.
    (upstream / TREE).write_text((upstream / TREE).read_text() + " ")
    subprocess.run(
        ["git", "-c", "user.name=u", "-c", "user.email=u@u", "commit", "-qam", "altered"],
        cwd=upstream,
        check=True,
    )
    (project.release / TREE).unlink()
    with pytest.raises(DataError, match="tree.json"):
        pull(project, url=str(upstream), rev="HEAD", manifest=manifest)
    assert not (project.release / TREE).exists()


def test_a_network_that_says_nothing_is_given_up(
    project: Project, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server takes the connection and never answers, as a bad proxy does."""
    monkeypatch.setattr("asi_repro.archive.pull.QUIET_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/release.git"
        with pytest.raises(MissingInput, match="timed out") as error:
            pull(project, url=url, manifest=manifest)
    assert "check the network" in str(error.value.hint)
    assert socket.getdefaulttimeout() is None


def test_unreachable_network_says_what_to_do(project: Project, manifest: Manifest) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(MissingInput) as caught:
        pull(project, url=f"http://127.0.0.1:{port}/none.git", rev=COMMIT, manifest=manifest)
    assert "refused" in str(caught.value)
    assert "--from DIR" in str(caught.value)
    assert "ASI_REPRO_RELEASE" in str(caught.value)
    assert data_files(project) == set()


def alter(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


FAULTS = {
    "missing file": (lambda d: (d / GALLERY).unlink(), "106.json: missing"),
    "missing folder": (lambda d: shutil.rmtree(d / COGNITION), "missing"),
    "truncated": (lambda d: os.truncate(d / TREE, 100), "tree.json: 100 bytes"),
    "longer": (lambda d: (d / TREE).write_bytes((d / TREE).read_bytes() + b" " * 9), "tree.json"),
    "altered": (lambda d: alter(d / TREE), "tree.json: altered"),
    "empty": (lambda d: (d / TREE).write_bytes(b""), "tree.json: 0 bytes"),
    "extra file": (lambda d: (d / COGNITION / "x.json").write_text("[]"), "x.json: not part"),
    "fifo": (lambda d: ((d / TREE).unlink(), os.mkfifo(d / TREE)), "tree.json: this is not a regular file"),
    "folder for a file": (lambda d: ((d / TREE).unlink(), (d / TREE).mkdir()), "tree.json"),
    "device": (lambda d: ((d / TREE).unlink(), (d / TREE).symlink_to("/dev/zero")), "not a regular file"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_copy_is_refused_whole(
    fault: str, project: Project, broken: Path, manifest: Manifest
) -> None:
    break_it, message = FAULTS[fault]
    break_it(broken)
    with pytest.raises(DataError, match=message):
        pull(project, source=broken, manifest=manifest)
    assert data_files(project) == set()
    assert not list(project.release.glob(".pulled.*.tmp"))


@pytest.mark.parametrize("fault", ["truncated", "altered", "extra file", "missing file"])
def test_damage_here_is_found_and_mended(
    fault: str, project: Project, copy: Path, manifest: Manifest
) -> None:
    pull(project, source=copy, manifest=manifest)
    FAULTS[fault][0](project.release)
    result = pull(project, source=copy, manifest=manifest)
    assert result.source == str(copy)
    assert check_release(project.release, manifest) == []
    assert bool(result.replaced) == (fault != "missing file")


def test_no_such_folder(project: Project, manifest: Manifest, tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match="there is no folder"):
        pull(project, source=tmp_path / "nowhere", manifest=manifest)


def test_unwritable_target(project: Project, copy: Path, manifest: Manifest) -> None:
    shutil.rmtree(project.release)
    project.release.write_text("a file where a folder should be")
    with pytest.raises(AsiReproError, match="cannot write"):
        pull(project, source=copy, manifest=manifest)


def test_a_pull_that_was_killed_leaves_nothing_half_written(
    project: Project, copy: Path, manifest: Manifest, tmp_path: Path
) -> None:
    saved = tmp_path / "manifest.json"
    saved.write_text(manifest.to_json())
    code = (
        "import sys; from pathlib import Path; from asi_repro.archive import manifest, pull; "
        "from asi_repro.project import Project; manifest.MANIFEST = Path(sys.argv[3]); "
        "pull.pull(Project(Path(sys.argv[1])), source=Path(sys.argv[2]))"
    )
    arguments = [sys.executable, "-c", code, str(project.root), str(copy), str(saved)]
    for delay in (0.15, 0.2, 0.3, 0.5, 0.9):
        child = subprocess.Popen(arguments, cwd=ROOT)
        time.sleep(delay)
        child.send_signal(signal.SIGKILL)
        child.wait()
        problems = check_release(project.release, manifest)
        assert all(problem.endswith(": missing") for problem in problems), problems
    pull(project, source=copy, manifest=manifest)
    assert data_files(project) == {file.path for file in manifest.files}


def test_the_committed_manifest_and_pins_are_those_of_the_release(release_dir: Path, tmp_path: Path) -> None:
    committed = release_manifest()
    assert pin_release.make_manifest(release_dir, committed.commit) == committed
    sums = (release_dir / "SHA256SUMS").read_text().splitlines()
    published = {line.split(maxsplit=1)[1]: line.split()[0] for line in sums}
    assert {f.path: f.sha256 for f in committed.files}.items() <= published.items()
    pin_release.make_pins(release_dir, committed.commit, tmp_path)
    for path in committed.paths:
        pin = f"{path}.dvc"
        assert (tmp_path / pin).read_text() == (ROOT / "artifacts" / "release" / pin).read_text()
