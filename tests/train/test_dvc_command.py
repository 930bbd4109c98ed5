"""`dvc exp run -S` in a project with an import whose repository is out of reach, as on a machine without network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IMPORT = """\
md5: {md5}
frozen: true
deps:
- path: data.txt
  repo:
    url: file:///nowhere/release.git
    rev_lock: 59959390e6a992f506ab73926d9c124dbf3267b0
outs:
- md5: 5d41402abc4b2a76b9719d911017c592
  size: 5
  hash: md5
  path: data.txt
"""
STAGES = """\
stages:
  made:
    cmd: cat data.txt params.yaml > made.txt
    deps: [data.txt]
    params: [rate]
    outs: [made.txt]
"""


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    identity = {f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {**os.environ, **identity, "PYTHONPATH": str(ROOT), "DVC_NO_ANALYTICS": "1"}
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for words in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        assert run(tmp_path, *words).returncode == 0
    (tmp_path / "data.txt").write_text("hello")
    (tmp_path / "data.txt.dvc").write_text(IMPORT.format(md5="a" * 32))
    (tmp_path / "params.yaml").write_text("rate: 1\n")
    (tmp_path / "dvc.yaml").write_text(STAGES)
    (tmp_path / ".gitignore").write_text("/data.txt\n/made.txt\n")
    for words in (["git", "add", "-A"], ["git", "commit", "-qm", "a project"]):
        assert run(tmp_path, *words).returncode == 0
    return tmp_path


def test_a_parameter_is_tried_without_the_imports_repository(project: Path) -> None:
    done = run(project, sys.executable, "-m", "asi_repro.cli", "dvc", "exp", "run", "-S", "rate=2", "made")
    assert done.returncode == 0, done.stderr
    assert (project / "made.txt").read_text() == "hellorate: 2\n"
    # The pin is as it was.
    assert "59959390e6a992f506ab73926d9c124dbf3267b0" in (project / "data.txt.dvc").read_text()


@pytest.mark.slow
def test_plain_dvc_still_needs_this(project: Path) -> None:
    """Where this fails, DVC does it by itself and the verb can go."""
    done = run(project, sys.executable, "-m", "dvc", "exp", "run", "-S", "rate=2", "made")
    assert done.returncode != 0
    assert "clone" in done.stderr


def test_the_exit_status_is_dvcs(project: Path) -> None:
    done = run(project, sys.executable, "-m", "asi_repro.cli", "dvc", "repro", "no-such-stage")
    assert done.returncode != 0
    assert "no-such-stage" in done.stderr
