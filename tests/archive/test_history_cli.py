"""`asi-repro history` as a person or a pipeline calls it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from history_runs import archive_of, experiment, small_run

from asi_repro.archive.tables import Run

ROOT = Path(__file__).resolve().parents[2]


def asi_repro(folder: Path, *arguments: str, home: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ASI_REPRO_HOME": str(home or folder)}
    environment.pop("ASI_REPRO_ARCHIVE", None)
    return subprocess.run(
        [sys.executable, "-m", "asi_repro.cli", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    archive_of(small_run(), tmp_path / "artifacts" / "archive")
    return tmp_path


def test_build_and_open(project: Path) -> None:
    built = asi_repro(project, "history", "build")
    assert (built.returncode, built.stderr) == (0, "")
    assert built.stdout.startswith(
        "history: 7 commits, 3 with a program, 3 tags, 2 roots; main is experiment 9;"
    )
    opened = asi_repro(project, "history", "open", "to look at")
    assert opened.returncode == 0, opened.stderr
    commands = [line.strip() for line in opened.stdout.splitlines() if line.startswith("  ")]
    assert commands[0] == "cd 'to look at'"
    for command in commands:  # what is suggested works
        script = f"cd 'to look at'; {command}" if command != commands[0] else command
        done = subprocess.run(["sh", "-ec", script], cwd=project, capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stderr)
        assert done.stdout or command == commands[0], command


def test_json(project: Path) -> None:
    built = json.loads(asi_repro(project, "history", "build", "--json", "--output", "x.bundle").stdout)
    assert (built["experiments"], built["main"], built["bundle"]) == (7, 9, "x.bundle")
    opened = json.loads(asi_repro(project, "history", "open", "c", "--bundle", "x.bundle", "--json").stdout)
    assert opened == {
        "folder": "c",
        "experiments": 7,
        "tags": ["gallery/Gate-Net-8", "gallery/Gate-Net-9", "gallery/Unicode-.lock-12"],
        "main": "refs/experiments/0000009",
    }


def test_errors_say_what_to_do(tmp_path: Path) -> None:
    done = asi_repro(tmp_path, "history", "build")
    assert done.returncode == 4
    assert "no archive" in done.stderr
    assert "dvc repro archive" in done.stderr
    done = asi_repro(tmp_path, "history", "open", "new")
    assert done.returncode == 4
    assert "dvc repro history" in done.stderr
    assert not (tmp_path / "new").exists()


def test_a_killed_build_leaves_the_old_bundle(project: Path) -> None:
    run = Run(experiments=[experiment(i, i - 1 if i else None) for i in range(25_000)])
    archive_of(run, project / "large")
    assert asi_repro(project, "history", "build").returncode == 0
    bundle = project / "artifacts" / "history.bundle"
    before = bundle.read_bytes()
    child = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "asi_repro.cli",
            "history",
            "build",
            "--archive",
            "large",
            "--output",
            str(bundle),
        ],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT), "ASI_REPRO_HOME": str(project)},
    )
    deadline = time.monotonic() + 60
    while not list(bundle.parent.glob(".history.bundle.*/*.git/objects/pack/tmp_pack*")):
        assert child.poll() is None, "the build ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    assert bundle.read_bytes() == before
    assert asi_repro(project, "history", "build").returncode == 0
    assert bundle.read_bytes() == before


def test_neither_help_nor_open_imports_pyarrow(project: Path) -> None:
    assert asi_repro(project, "history", "build").returncode == 0
    code = (
        "import sys; sys.argv = ['asi-repro', 'history', 'open', 'new']\n"
        "from asi_repro.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "assert not {'pyarrow', 'torch', 'textual'} & set(sys.modules), set(sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ASI_REPRO_HOME": str(project)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
