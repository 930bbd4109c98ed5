"""A made-up run in which nothing is so: random scores, accuracies near a guess, losses of their own.

Each case of `test_facts.py` changes it so that one thing is so, or is not.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from asi_repro.archive.tables import Run
from asi_repro.data.item_counts import SCORED
from asi_repro.facts.context import guess
from asi_repro.store.files import sha256_bytes

EXPERIMENTS, EVERY, COLD = 600, 10, 40
STEPS = [1, *range(100, 2001, 100)]
LAMBADA = "lambada_openai"
Value = Callable[[int, np.random.Generator], float]


@lru_cache(maxsize=1024)
def source(number: int, *lines: str) -> str:
    """A program of words of its own, so that no two are alike."""
    draw = np.random.default_rng(number)
    words = ["".join(map(chr, draw.integers(97, 123, 6))) for _ in range(120)]
    body = "\n".join(f"    {a} = {b} * {c}" for a, b, c in zip(words, words[1:], words[2:], strict=False))
    return "\n".join(["class DeltaNet:", "    pass", *lines, "def other():", body, ""])


def made_up() -> Run:
    """600 experiments, every tenth after the cold start in the gallery."""
    draw = np.random.default_rng(7)
    run = Run()
    for index in range(1, EXPERIMENTS + 1):
        inside = index > COLD and index % EVERY == 0
        parent = None if index == 1 else 1 if index <= COLD else int(draw.integers(2, index - 10))
        row: dict[str, Any] = {"index": index, "name": f"n{index}", "display_name": f"N{index}"}
        row |= {"parent": parent, "score": float(draw.normal(2, 0.3)), "in_gallery": inside}
        run.experiments.append(row | {"has_program": inside})
        if inside:
            _architecture(run, index, parent, draw)
    return run


def _architecture(run: Run, index: int, parent: int | None, draw: np.random.Generator) -> None:
    text = source(index)
    row: dict[str, Any] = {"index": index, "name": f"n{index}", "display_name": f"N{index}"}
    row |= {"parent": parent, "score": 2.0, "source": text, "sha256": sha256_bytes(text.encode())}
    row |= {"lines": int(draw.integers(300, 400)), "motivation": "It is new.", "summary": None}
    size = int(draw.integers(430, 500)) * 10**6
    run.programs.append(row | {"diagram": None, "parameters_stated": f"{size}", "parameters": size})
    for task, items in [*SCORED.items(), (LAMBADA, 5153)]:
        rate = guess(task) + 0.02 if task in SCORED else 0.1
        value = round(float(draw.binomial(items, rate)) / items, 4)
        run.benchmarks.append(accuracy(index, task, value))
    own = draw.normal(0, 0.02)
    for step in STEPS:
        loss = 3.4 + 7 * np.exp(-step / 300) + own + draw.normal(0, 0.01)
        run.curves.append({"index": index, "step": step, "loss": float(loss)})


def accuracy(index: int, task: str, value: float) -> dict[str, Any]:
    return {"index": index, "column": task, "task": task, "metric": "accuracy", "value": value}


def gallery(run: Run) -> list[int]:
    return [row["index"] for row in run.programs]


def set_accuracy(run: Run, task: str, value: Value) -> None:
    """Another accuracy on one task for every architecture, from its place in the gallery."""
    draw = np.random.default_rng(11)
    place = {index: number for number, index in enumerate(gallery(run))}
    for row in run.benchmarks:
        if row["column"] == task:
            row["value"] = value(place[row["index"]], draw)


def set_losses(run: Run, loss: Callable[[int, int], float]) -> None:
    """Other losses from the place in the gallery and the step."""
    place = {index: number for number, index in enumerate(gallery(run))}
    for row in run.curves:
        row["loss"] = loss(place[row["index"]], row["step"])


def set_programs(run: Run, **columns: Callable[[int], Any]) -> None:
    """Other columns of the programs from their place in the gallery."""
    for place, row in enumerate(run.programs):
        row |= {name: value(place) for name, value in columns.items()}
        row["sha256"] = sha256_bytes(row["source"].encode())
