"""`lm_eval --model asi-repro` from lm-eval's own command line, in a folder that is not the project."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from asi_repro.evaluate.benchmarks import BENCHMARKS
from asi_repro.models.baselines import load_baseline
from asi_repro.models.lm import build_lm

ROOT = Path(__file__).parents[2]


def test_the_plain_command_knows_the_model_through_the_task_file(made_up, gpt2, tmp_path):
    build_lm(load_baseline("delta_net"), "smoke").save_pretrained(tmp_path / "delta_net")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "lm_eval", "--model", "asi-repro", "--limit", "3"),
            *("--model_args", f"checkpoint={tmp_path / 'delta_net'}"),
            *("--tasks", str(BENCHMARKS["piqa"].yaml)),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "ASI_REPRO_BENCHMARKS": str(made_up)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "|asi_repro_piqa|" in done.stdout
    assert "asi-repro (" in done.stdout
