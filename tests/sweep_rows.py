"""Made-up rows of a sweep that is recorded row by row, and of its probes."""

from __future__ import annotations

import numpy as np

from asi_repro.results.probe_rows import ProbeRow
from asi_repro.results.sweep_rows import SweepRow, TaskScore


def made_up_row(name: str, seed: int, loss: float, **changes) -> SweepRow:
    task = TaskScore(items=20, accuracy=0.25, chance=0.25, answer_bits_per_byte=2 * loss, answer_margin=0.0)
    fields = {
        "name": name,
        "index": None,
        "seed": seed,
        "scale": "laptop",
        "key": "k",
        "program": name,
        "conditions": "c",
        "score_code": "s",
        "status": "completed",
        "stop": "",
        "leak_guard": True,
        "tokens": 6400,
        "parameters": 1000,
        "flops_per_token": 1.0,
        "loss": loss,
        "curve": {str(step): loss + 1 / step for step in range(10, 101, 10)},
        "curve_sha256": "h",
        "validation_loss": loss,
        "validation_tokens": 100,
        "tasks": {"made_up": task},
        "tokens_per_second": 5000.0,
        "cpu_seconds": 60.0,
        "hardware": "made up",
    }
    return SweepRow.model_validate(fields | changes)


def made_up_sweep(between: float, within: float, *, agree: bool, models: int = 40):
    """Rows of made-up architectures and DeltaNet, and a Table 2 that follows their true losses or does not."""
    draw = np.random.default_rng(5)
    true = 1.5 + between * draw.standard_normal(models)
    other = 2.5 + 0.1 * draw.standard_normal(models)
    shift = 0.3 * draw.standard_normal(2)  # what a seed's text adds to all models alike
    rows, paper = [], {}
    for place in range(models):
        name = f"{place:04d}-made_up"
        noise = within * draw.standard_normal(2)
        rows += [
            made_up_row(
                name, seed, round(float(true[place] + shift[seed] + noise[seed]), 4), parameters=1000 + place
            )
            for seed in (0, 1)
        ]
        loss = float(true[place] if agree else other[place])
        noisy = loss + (0.05 if agree else 0.0) * float(draw.standard_normal())
        paper[name] = {
            "train_loss_340m": loss,
            "test_score_340m": -loss,
            "train_loss_20m": noisy,
            "test_score_20m": -noisy,
        }
    rows += [
        made_up_row("delta_net", seed, round(1.9 + float(within * draw.standard_normal()), 4))
        for seed in range(3)
    ]
    return rows, paper


def probe_row(name: str, task: str, seed: int, score: float | None) -> ProbeRow:
    """A made-up probe; one without a score did not end."""
    return ProbeRow(
        name=name,
        task=task,
        seed=seed,
        key="k",
        program=name,
        conditions=task,
        trouble="" if score is not None else "nan: the loss is not a number",
        score=score,
        chance=0.5 if task == "parity" else 0.0625,
        asked=10000,
        tokens=1000,
        tokens_to_pass=None,
        curve={},
        parameters=10,
        cpu_seconds=1.0,
        hardware="made up",
    )
