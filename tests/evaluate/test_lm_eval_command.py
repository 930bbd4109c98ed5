"""`lm_eval --model asi-repro` from lm-eval's own command line, in a folder that is not the project."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from asi_repro.data.benchmarks import BENCHMARKS
from asi_repro.evaluate.tasks import task_file
from asi_repro.models.baselines import load_baseline
from asi_repro.models.lm import build_lm

ROOT = Path(__file__).parents[2]
PLAIN = ["-m", "lm_eval"]
# The same command, but without reading the 14,000 files of lm-eval's own tasks, of which it runs none.
OWN_TASKS_ONLY = [
    "-c",
    "import functools, lm_eval.tasks\n"
    "manager = lm_eval.tasks.TaskManager\n"
    "lm_eval.tasks.TaskManager = functools.partial(manager, include_defaults=False)\n"
    "from lm_eval.__main__ import cli_evaluate\n"
    "cli_evaluate()",
]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(PLAIN, marks=pytest.mark.slow, id="plain"),
        pytest.param(OWN_TASKS_ONLY, id="own tasks only"),
    ],
)
def test_the_plain_command_knows_the_model_through_the_task_file(made_up, gpt2, tmp_path, command):
    build_lm(load_baseline("delta_net"), "smoke").save_pretrained(tmp_path / "delta_net")
    done = subprocess.run(
        [
            *(sys.executable, *command, "--model", "asi-repro", "--limit", "3"),
            *("--model_args", f"checkpoint={tmp_path / 'delta_net'}"),
            *("--tasks", str(task_file(BENCHMARKS["piqa"]))),
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
