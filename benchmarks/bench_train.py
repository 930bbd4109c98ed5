"""What training costs: the Trainer against a bare loop, and linear attention against softmax by length.

    OMP_NUM_THREADS=1 python benchmarks/bench_train.py [--loop] [--lengths [--save]]

Processor time, so that other work on the machine matters little; the two loops take turns.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import tempfile
import time
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from importlib.machinery import SourceFileLoader
from pathlib import Path

import numpy as np
import torch

from asi_repro.config.train import TrainSettings
from asi_repro.models.baselines import load_baseline
from asi_repro.models.lm import build_lm
from asi_repro.models.memory import keep_freed_memory
from asi_repro.models.scales import SCALES
from asi_repro.project import find_project
from asi_repro.results.speed import SPEED, SpeedRow, Speeds
from asi_repro.results.table import SWEEPS_FOLDER
from asi_repro.store.records import write_record
from asi_repro.train.environment import hardware_name
from asi_repro.train.guards import Watch
from asi_repro.train.loop import train

STEPS, ROUNDS = 12, 3
LENGTHS = (256, 1024, 4096)
STEP_BY_STEP = "delta_net, step by step (fla)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--loop", action="store_true")
    parser.add_argument("--lengths", action="store_true")
    parser.add_argument("--save", action="store_true", help="keep --lengths in artifacts/sweeps/speed.json")
    asked = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(1)
    found = {}
    if asked.loop or not asked.lengths:
        found["loop"] = loop_overhead()
    if asked.lengths or not asked.loop:
        speeds = by_length()
        found["tokens_per_second"] = speeds.model_dump()
        if asked.save:
            write_record(find_project().artifacts / SWEEPS_FOLDER / SPEED, speeds)
    print(json.dumps(found, indent=2))


def loop_overhead() -> dict[str, float]:
    """Seconds of processor time a step, smoke scale, DeltaNet: bare loop and ours."""
    recipe = (
        TrainSettings()
        .recipe("smoke")
        .model_copy(update={"steps": STEPS, "warmup_steps": 2, "decay_steps": 2, "checkpoint_every": 1000})
    )
    data = np.random.RandomState(0).randint(0, 50257, (STEPS * recipe.batch, recipe.length))
    bare, ours = [], []
    for _ in range(ROUNDS):
        bare.append(_bare(recipe, data))
        ours.append(_ours(recipe, data))
    return {
        "bare_loop_seconds": statistics.median(bare),
        "trainer_seconds": statistics.median(ours),
        "ratio": statistics.median(ours) / statistics.median(bare),
    }


def _bare(recipe, data) -> float:
    model = build_lm(load_baseline("delta_net", backend="cpu"), "smoke")
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.95), weight_decay=recipe.weight_decay
    )
    seconds = []
    for step in range(STEPS):
        began = time.process_time()
        tokens = torch.as_tensor(data[step * recipe.batch : (step + 1) * recipe.batch])
        model(input_ids=tokens, labels=tokens).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.process_time() - began)
    return statistics.median(seconds[2:])


def _ours(recipe, data) -> float:
    times = []
    message = {
        "key": "",
        "baseline": "delta_net",
        "program": None,
        "scale": {name: getattr(SCALES["smoke"], name) for name in SCALES["smoke"].__dataclass_fields__},
        "recipe": recipe.model_dump(),
        "precision": "fp32",
        "seed": 0,
        "auxiliary_loss_weight": 0.0,
        "dtype_policy": "map",
        "device": "cpu",
    }
    with tempfile.TemporaryDirectory() as folder:
        train(
            message,
            lambda position: data[position],
            Path(folder),
            watch=Watch(),
            # From the end of a step to the end of the next: everything that the Trainer does is in it.
            progress=lambda step, loss: times.append(time.process_time()),
        )
    return statistics.median(np.diff(times)[2:])


def by_length() -> Speeds:
    """Training tokens a second of processor time, one sequence, smoke scale, hardly an output layer."""
    rows = []
    for name in ("delta_net", STEP_BY_STEP, "gated_delta_net", "transformer"):
        # A vocabulary of 512 leaves the mixers the larger part, as in a model of a useful size.
        scale = replace(SCALES["smoke"], vocab_size=512, context=max(LENGTHS))
        baseline = "delta_net" if name == STEP_BY_STEP else name
        model = build_lm(load_baseline(baseline, backend="cpu"), scale)
        with step_by_step() if name == STEP_BY_STEP else nullcontext():
            for length in LENGTHS:
                tokens = torch.arange(length)[None] % 512
                seconds = []
                for _ in range(3):
                    began = time.process_time()
                    model(input_ids=tokens, labels=tokens).loss.backward()
                    model.zero_grad()
                    seconds.append(time.process_time() - began)
                rows.append(SpeedRow(model=name, length=length, tokens_per_second=length / min(seconds)))
    return Speeds(
        about=(
            "Forward and backward of one sequence by models of the smoke scale's width and depth with a "
            f"vocabulary of 512; the fastest of three. {STEP_BY_STEP}: the same DeltaNet with fla's torch "
            "reference in place of our chunked product."
        ),
        hardware=hardware_name("cpu"),
        torch=torch.__version__,
        threads=torch.get_num_threads(),
        rows=rows,
    )


@contextmanager
def step_by_step():
    """DeltaNet's core as fla's torch reference has it: one token after the other."""
    from asi_repro.models.baselines import linear

    # By its file: the package around it imports triton, which a machine without CUDA does not have.
    [package] = importlib.util.find_spec("fla").submodule_search_locations
    naive = SourceFileLoader("fla_naive", f"{package}/ops/delta_rule/naive.py").load_module()

    def reference(q, k, v, beta, log_decay=None, *, state=None):
        if log_decay is not None:
            raise ValueError("the reference has no decay")
        return naive.delta_rule_recurrence(q, k, v, beta, initial_state=state)

    ours, linear.gated_delta_rule = linear.gated_delta_rule, reference
    try:
        yield
    finally:
        linear.gated_delta_rule = ours


if __name__ == "__main__":
    main()
