"""`asi-repro verify FILE`: one's own programs, good and bad, and input that is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from in_process import call

from tests.verify.corpus import shared

CLEAN = shared("clean_convolution")


def test_a_fault_in_a_folder_is_an_exit_status_of_1(tmp_path: Path) -> None:
    (tmp_path / "wide.py").write_text(shared("f14_wide_head_fallback"))
    done = call("verify", str(tmp_path), "--only", "causality", "--json")
    assert done.returncode == 1, done.stderr
    rows = {row["check"]: row for row in json.loads(done.stdout)["checks"]}
    assert rows["causality_perturbation"]["verdict"] == "fail"
    assert rows["causality_perturbation"]["detail"]["worst"][0]["width"] == 1024
    assert rows["batch_independence"]["verdict"] == "not run"


def test_a_clean_file_passes_and_only_what_was_asked_for_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "mixer.py"
    path.write_text(CLEAN)
    done = call("verify", str(path), "--quick", "--skip", "causality", "--format", "markdown")
    assert done.returncode == 0, done.stderr
    assert "| batch_independence | pass | below 1e-09 |" in done.stdout
    assert "causality" not in done.stdout


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def (:\n", "does not parse"),
        ("import torch\nx = 1\n", "no nn.Module"),
        (
            "from torch import nn\nclass A(nn.Module):\n    def __init__(self, dim, window):\n        pass\n",
            "window",
        ),
        ("import socket\n" + CLEAN, "socket"),
    ],
)
def test_a_file_that_cannot_be_checked_says_why(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "bad.py"
    path.write_text(text)
    done = call("verify", str(path), "--only", "batch")
    assert done.returncode not in (0, None)
    assert says in done.stderr
    assert "bad.py" in done.stderr


@pytest.mark.parametrize("words", [["no.py"], ["here/"], ["x.py", "--only", "nothing"], ["x.py", "17"]])
def test_what_is_no_program_is_refused_before_anything_runs(words: list[str]) -> None:
    done = call("verify", *words)
    assert done.returncode not in (0, None)
    assert "Traceback" not in done.stderr
