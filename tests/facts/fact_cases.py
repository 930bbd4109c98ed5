"""For every question: made-up data in which it is so, and in which it is not.

A case changes the made-up run, or the papers' tables. The answers that it must have stand beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from fact_runs import LAMBADA, set_accuracy, set_losses, set_programs

from asi_repro.archive.tables import Run
from asi_repro.facts.context import SCORED
from asi_repro.facts.found.size import BASELINE_PARAMETERS

Rows = list[dict[str, str]]
YES, NO, UNKNOWN = "yes", "no", "cannot tell"
DELTANET = BASELINE_PARAMETERS["DeltaNet"]


@dataclass(frozen=True)
class Case:
    """What to change, and the answer that this must have.

    Attributes:
        tables: change the papers' tables, by file.
        failing: names of certificate rows that some programs fail; None for no certificates.
        sweep: step times by how much slower than DeltaNet; None for no sweep.
    """

    answer: str
    run: Callable[[Run], object] | None = None
    tables: dict[str, Callable[[Rows], object]] = field(default_factory=dict)
    failing: tuple[str, ...] | None = None
    sweep: float | None = None


def nothing(run: Run) -> None:
    """The made-up run as it is."""


def boolq_varies(run: Run) -> None:
    set_accuracy(run, "boolq", lambda place, draw: 0.4 + 0.3 * draw.random())


def boolq_always_yes(run: Run) -> None:
    set_accuracy(run, "boolq", lambda place, draw: 0.60)


def far_above(run: Run) -> None:
    for task in SCORED:
        set_accuracy(run, task, lambda place, draw: 0.8 + 0.01 * draw.random())


def one_quality(run: Run) -> None:
    for task in SCORED:
        set_accuracy(run, task, lambda place, draw: 0.5 + 0.004 * place + 0.02 * draw.random())


def one_outlier(run: Run) -> None:
    for task in SCORED:
        set_accuracy(run, task, lambda place, draw: 0.6 if place == 3 else 0.5)


def score_follows_loss(run: Run) -> None:
    set_losses(run, lambda place, step: 3.4 + 7 * np.exp(-step / 300) - 0.001 * place)
    one_quality(run)


def score_opposes_loss(run: Run) -> None:
    set_losses(run, lambda place, step: 3.4 + 7 * np.exp(-step / 300) + 0.001 * place)
    one_quality(run)


def lambada_follows(run: Run) -> None:
    set_losses(run, lambda place, step: 3.4 + 7 * np.exp(-step / 300) - 0.001 * place)
    set_accuracy(run, LAMBADA, lambda place, draw: 0.1 + 0.001 * place)


def lambada_opposes(run: Run) -> None:
    set_losses(run, lambda place, step: 3.4 + 7 * np.exp(-step / 300) - 0.001 * place)
    set_accuracy(run, LAMBADA, lambda place, draw: 0.2 - 0.001 * place)


def last_falls(run: Run) -> None:
    set_losses(run, lambda place, step: 5 - step / 1000)


def last_rises(run: Run) -> None:
    set_losses(run, lambda place, step: 5 - step / 1000 + 0.2 * (step == 2000) + 0.001 * place)


def levelled_off(run: Run) -> None:
    set_losses(run, lambda place, step: 3.4 + 0.05 * place + (0.1 if step < 1000 else 0))


def order_kept(run: Run) -> None:
    set_losses(run, lambda place, step: 5 - step / 1000 + 0.01 * place)


def order_reversed(run: Run) -> None:
    set_losses(run, lambda place, step: 5 - step / 1000 + 0.01 * place * (1 if step > 1500 else -1))


def nan_at_chance(run: Run) -> None:
    lost = run.programs[5]["index"]
    for row in run.curves:
        if row["index"] == lost and row["step"] > 300:
            row["loss"] = None
    rates = {"arc_challenge": 0.25, "arc_easy": 0.25, "boolq": 0.38, "hellaswag": 0.25, "piqa": 0.5}
    for row in run.benchmarks:
        if row["index"] == lost:
            row["value"] = rates.get(row["column"], 0.33)


def nan_but_good(run: Run) -> None:
    nan_at_chance(run)
    far_above(run)


def sizes(value: Callable[[int], int]) -> Callable[[Run], None]:
    return lambda run: set_programs(run, parameters=value)


def larger_is_better(run: Run) -> None:
    set_programs(run, parameters=lambda place: 420_000_000 + 1_000_000 * place)
    set_losses(run, lambda place, step: 5 - step / 1000 - 0.001 * place)


def larger_is_worse(run: Run) -> None:
    set_programs(run, parameters=lambda place: 420_000_000 + 1_000_000 * place)
    set_losses(run, lambda place, step: 5 - step / 1000 + 0.001 * place)


def better_than_gated(run: Run) -> None:
    set_losses(run, lambda place, step: 3.3 + 0.001 * (place % 7))


def worse_than_gated(run: Run) -> None:
    set_losses(run, lambda place, step: 3.6 + 0.001 * (place % 7))


def later_better(run: Run) -> None:
    one_quality(run)


def later_worse(run: Run) -> None:
    for task in SCORED:
        set_accuracy(run, task, lambda place, draw: 0.7 - 0.004 * place + 0.02 * draw.random())


CASES: dict[str, tuple[Case, ...]] = {
    "one-task-drives-the-score": (Case(YES, boolq_varies), Case(NO, one_quality)),
    "boolq-majority": (Case(YES, far_above), Case(NO, boolq_always_yes)),
    "tasks-beyond-guessing": (Case(YES, far_above), Case(NO, boolq_always_yes)),
    "tasks-measure-one-thing": (Case(YES, one_quality), Case(NO, boolq_varies)),
    "best-ten-without-one-task": (Case(YES, one_quality), Case(NO, boolq_varies)),
    "best-of-equals": (Case(YES, one_outlier), Case(UNKNOWN, nothing)),
    "loss-and-score": (Case(YES, score_follows_loss), Case(NO, score_opposes_loss), Case(UNKNOWN, nothing)),
    "loss-and-lambada": (Case(YES, lambada_follows), Case(NO, lambada_opposes), Case(UNKNOWN, nothing)),
    "last-step-helps": (Case(YES, last_falls), Case(NO, last_rises)),
    "training-had-levelled-off": (Case(YES, levelled_off), Case(NO, last_rises)),
    "order-settled-at-half": (Case(YES, order_kept), Case(NO, order_reversed)),
    "nan-curve-and-score": (Case(YES, nan_at_chance), Case(NO, nan_but_good), Case("not run", nothing)),
    "larger-than-deltanet": (
        Case(YES, sizes(lambda place: DELTANET)),
        Case(NO, sizes(lambda place: DELTANET + 10**7 * (1 + place))),
    ),
    "size-and-loss": (Case(YES, larger_is_better), Case(NO, larger_is_worse), Case(UNKNOWN, nothing)),
    "lower-loss-at-equal-size": (Case(YES, better_than_gated), Case(NO, worse_than_gated)),
    "slower-step": (Case(YES, sweep=0.8), Case(NO, sweep=1.3), Case("not run")),
    "later-is-better": (Case(YES, later_better), Case(NO, later_worse), Case(UNKNOWN, nothing)),
    "programs-grow": (
        Case(YES, lambda run: set_programs(run, lines=lambda place: 300 + place)),
        Case(NO, lambda run: set_programs(run, lines=lambda place: 400 - place)),
        Case(UNKNOWN, nothing),
    ),
}
