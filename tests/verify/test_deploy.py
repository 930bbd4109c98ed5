"""The GitHub Action and the pre-commit hook: they parse, and their commands run as they are written."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.verify.corpus import CONVOLUTION

ROOT = Path(__file__).resolve().parents[2]
ACTION = yaml.safe_load((ROOT / "deploy/github-action/action.yml").read_text())
(HOOK,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
SEES_ALL = """\
from torch import nn


class Mean(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        return self.proj(x).mean(1, keepdim=True).expand_as(x)
"""


def run(command: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """A command by bash in `folder`, as a runner gives it."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), **more}
    words = ["bash", "-eo", "pipefail", "-c", command]
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def mixers(tmp_path: Path) -> Path:
    (tmp_path / "clean.py").write_text(CONVOLUTION)
    (tmp_path / "mean.py").write_text(SEES_ALL)
    return tmp_path


def steps() -> dict[str, dict[str, Any]]:
    return {step["name"]: step for step in ACTION["runs"]["steps"] if "name" in step}


def test_the_action_writes_sarif_and_fails_for_a_fault(mixers: Path) -> None:
    defaults = {name: one.get("default", "") for name, one in ACTION["inputs"].items()}
    given = {**defaults, "files": "clean.py mean.py", "options": "--only causality"}
    check = steps()["Check"]
    environment = {
        name: given[value.removeprefix("${{ inputs.").removesuffix(" }}")]
        for name, value in check["env"].items()
    }
    done = run(check["run"], mixers, **environment)
    assert done.returncode == 1, done.stderr
    log = json.loads((mixers / defaults["sarif"]).read_text())
    found = {
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for result in log["runs"][0]["results"]
    }
    assert found == {"mean.py"}


def test_the_action_installs_what_the_project_pins() -> None:
    command = steps()["Install"]["run"].replace("$GITHUB_ACTION_PATH", str(ROOT / "deploy/github-action"))
    words = shlex.split(command)
    assert Path(words[words.index("--constraint") + 1]).resolve() == ROOT / "constraints.txt"
    place, extra = words[-1].removesuffix("]").split("[")
    assert Path(place).resolve() == ROOT
    assert f"\n{extra} = [" in (ROOT / "pyproject.toml").read_text()


@pytest.mark.slow
def test_the_hook_is_valid_and_says_what_is_wrong(mixers: Path) -> None:
    valid = run(f"python -m pre_commit validate-manifest {ROOT}/.pre-commit-hooks.yaml", mixers)
    assert valid.returncode == 0, valid.stdout + valid.stderr
    assert run(f"{HOOK['entry']} clean.py", mixers).returncode == 0
    done = run(f"{HOOK['entry']} mean.py", mixers)
    assert done.returncode == 1
    assert "causality_perturbation" in done.stdout
