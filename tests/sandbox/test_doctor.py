"""`asi-repro doctor` on this machine as it is, and with things taken away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from asi_repro.doctor.children import Child
from asi_repro.doctor.findings import Finding, can_verify

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk-not-a-real-key-but-it-must-not-be-shown"
NAMES = ["python", "memory", "disk", "git", "dvc", "sandbox", "sandbox bubblewrap", "sandbox landlock"]
NAMES += [
    "sandbox gpu",
    "sandbox podman",
    "release",
    "storage",
    "torch",
    "cuda",
    "triton",
    "fla",
    "hub",
    "api key",
]


def doctor(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; from asi_repro.cli import main; sys.argv[0] = 'asi-repro'; main()"
    env = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", **environment}
    command = [sys.executable, "-c", code, "doctor", *options]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def here() -> subprocess.CompletedProcess[str]:
    return doctor("--json", ANTHROPIC_API_KEY=KEY)


def test_it_says_what_was_tried(here: subprocess.CompletedProcess[str]) -> None:
    answer = json.loads(here.stdout)
    findings = {finding["name"]: finding for finding in answer["findings"]}
    assert list(findings) == NAMES
    for finding in findings.values():
        assert finding["status"] in ("ok", "gap", "not run")
        assert finding["detail"]
        if finding["status"] == "gap" and finding["name"] != "sandbox landlock":
            assert finding["todo"], finding
    assert here.returncode == (0 if answer["can_verify"] else 1)
    best = findings["sandbox"]["facts"]["best"]
    tiers = {tier["tier"]: tier["works"] for tier in findings["sandbox"]["facts"]["tiers"]}
    assert best == next((tier for tier in ("bubblewrap", "landlock") if tiers[tier]), None)
    assert findings["hub"]["status"] == "gap"  # the address above leads nowhere
    torch = pytest.importorskip("torch")
    assert findings["torch"]["detail"] == torch.__version__
    assert (findings["cuda"]["status"] == "ok") == torch.cuda.is_available()


def test_the_key_is_named_and_never_shown(here: subprocess.CompletedProcess[str]) -> None:
    finding = next(f for f in json.loads(here.stdout)["findings"] if f["name"] == "api key")
    assert (finding["status"], finding["detail"]) == ("ok", "ANTHROPIC_API_KEY is set")
    assert KEY not in here.stdout + here.stderr


def test_a_machine_without_git_and_torch_cannot_verify(tmp_path: Path) -> None:
    """A real run with nothing on the PATH, no git, no bubblewrap, and with a torch that does not load."""
    (tmp_path / "torch.py").write_text("raise ImportError('libtorch.so: not found')\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = doctor(PATH="/nonexistent", ANTHROPIC_API_KEY="", PYTHONPATH=path)
    assert done.returncode == 1, done.stderr
    assert "gap     torch" in done.stdout
    assert "libtorch.so: not found" in done.stdout
    assert "not run cuda" in done.stdout
    assert "gap     git" in done.stdout
    assert "apt-get install git" in done.stdout
    assert "bwrap is not on the PATH" in done.stdout
    assert "ANTHROPIC_API_KEY is not set" in done.stdout
    assert "cannot check the programs yet. See git, torch" in done.stdout


def test_only_what_is_missing_is_to_be_installed(tmp_path: Path) -> None:
    """Triton is there but has no driver; flash-linear-attention cannot be imported."""
    (tmp_path / "triton.py").write_text("__version__ = '9'\n")
    (tmp_path / "fla.py").write_text("raise ImportError('no fla')\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    found = {one["name"]: one for one in json.loads(doctor("--json", PYTHONPATH=path).stdout)["findings"]}
    assert "no active driver" in found["triton"]["detail"]
    assert found["triton"]["todo"] == "needed only on a GPU"
    assert found["fla"]["todo"] == "needed only on a GPU: run `pip install flash-linear-attention`"


def test_what_does_not_answer_in_time_is_not_called_missing() -> None:
    def judge(status: int, out: str, err: str) -> Finding:
        return Finding("torch", "ok" if status == 0 else "gap", err, "install it", ("verify",))

    slow = Child("torch", [sys.executable, "-c", "import time; time.sleep(60)"], 0.2, judge).finding()
    assert (slow.status, slow.detail) == ("not run", "no answer within 0.2 s")
    assert "again" in slow.todo
    assert not can_verify([slow])
    broken = Child("torch", [sys.executable, "-c", "import nosuch"], 60, judge).finding()
    assert (broken.status, broken.todo) == ("gap", "install it")


def test_torch_stays_out_of_this_process() -> None:
    code = (
        "import sys\n"
        "from asi_repro.doctor.probes import examine\n"
        "findings = examine()\n"
        "next(findings)\n"
        "findings.close()\n"
        "print(sorted({'torch', 'fla', 'dvc', 'triton'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("status", "needed_for", "ready"),
    [
        ("ok", ("verify",), True),
        ("gap", ("verify",), False),
        ("not run", ("verify",), False),
        ("gap", ("rerun",), True),
        ("gap", (), True),
    ],
)
def test_only_what_verify_needs_stops_it(status: str, needed_for: tuple[str, ...], ready: bool) -> None:
    finding = Finding("x", status, "", "", needed_for)  # type: ignore[arg-type]
    assert can_verify([Finding("y", "ok", "", "", ("verify",)), finding]) is ready
