"""For every question: made-up data in which it is so, and in which it is not.

A case changes the made-up run, or the papers' tables. The answers that it must have stand beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from fact_runs import COLD, EVERY, LAMBADA, set_accuracy, set_losses, set_programs, source

from asi_repro.archive.tables import Run
from asi_repro.data.item_counts import SCORED
from asi_repro.facts.found.size import BASELINE_PARAMETERS

Row = dict[str, Any]
TableRows = list[dict[str, str]]
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
    tables: dict[str, Callable[[TableRows], object]] = field(default_factory=dict)
    failing: tuple[str, ...] | None = None
    sweep: float | None = None


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


def scores(value: Callable[[int], float]) -> Callable[[Run], None]:
    """Recorded scores from the place in the search."""

    def change(run: Run) -> None:
        for place, row in enumerate(run.experiments):
            row["score"] = float(value(place))

    return change


def parents(parent: Callable[[Row], int]) -> Callable[[Run], None]:
    """Other parents after the cold start."""

    def change(run: Run) -> None:
        for row in run.experiments[COLD:]:
            row["parent"] = parent(row)
        by_index = {row["index"]: row["parent"] for row in run.experiments}
        for row in run.programs:
            row["parent"] = by_index[row["index"]]

    return change


def inherited(sign: int) -> Callable[[Run], None]:
    """Scores that follow the parent's, or oppose it."""

    def change(run: Run) -> None:
        draw = np.random.default_rng(3)
        first = {row["index"]: float(draw.normal(2, 0.5)) for row in run.experiments[:COLD]}
        for row in run.experiments:
            if row["index"] > COLD:
                row["parent"] = int(draw.integers(2, COLD))
                row["score"] = 2 + sign * (first[row["parent"]] - 2) + float(draw.normal(0, 0.05))
            else:
                row["score"] = first[row["index"]]

    return change


def previous_member(row: Row) -> int:
    """A line of gallery members, each the child of the one before; the others are childless."""
    if not row["in_gallery"] or row["index"] <= COLD + EVERY:
        return 2
    return int(row["index"]) - EVERY


def away_from_the_gallery(row: Row) -> int:
    """The others descend from the gallery and from one another, the gallery from none of it."""
    if row["in_gallery"] or row["index"] <= COLD + EVERY:
        return 2
    return int(row["index"]) - 1


def a_copy(run: Run) -> None:
    set_programs(run, source=lambda place: "# again\n" * place + source(0 if place < 2 else place))


def families(spread: Callable[[int], float]) -> Callable[[Run], None]:
    """Families of seven programs that share most of their text, and losses by place."""

    def change(run: Run) -> None:
        set_programs(run, source=lambda place: source(place // 7) + f"x = {place}\n")
        set_losses(run, lambda place, step: 5 - step / 1000 + spread(place))

    return change


def schedule(steps: int) -> Callable[[Run], None]:
    text = f"    def __init__(self, anneal_steps={steps}, warm_start_step=9000): pass"
    return lambda run: set_programs(run, source=lambda place: source(place, text))


def motivated(text: str, every: int = 1) -> Callable[[Run], None]:
    return lambda run: set_programs(run, motivation=lambda place: "" if place % every else text)


def cheap(early: bool) -> Callable[[Run], None]:
    """Motivations of the cheap half, or of the other one, promise little overhead."""

    def said(place: int) -> str:
        return "At negligible cost." if (place < 28) == early else "It is new."

    return lambda run: set_programs(run, motivation=said)


def names_boolq(gain: float) -> Callable[[Run], None]:
    def change(run: Run) -> None:
        motivated("It should help BoolQ.", every=2)(run)
        set_accuracy(run, "boolq", lambda place, draw: 0.6 + gain * (place % 2 == 0) + 0.01 * draw.random())

    return change


def cells(table: str, **values: float) -> dict[str, Callable[[TableRows], object]]:
    """Other cells for the discovered models of a paper's table."""

    def change(rows: TableRows) -> None:
        for row in rows:
            if row["origin"] == "discovered":
                row |= {column: str(value) for column, value in values.items()}

    return {table: change}


def second_stage(value: Callable[[float], float]) -> dict[str, Callable[[TableRows], object]]:
    """Other 340M scores in Table 2, from those at 20M, for all but the baselines."""

    def change(rows: TableRows) -> None:
        for row in rows:
            if "Baseline" not in row["model"]:
                row["test_score_340m"] = f"{value(float(row['test_score_20m'])):.2f}"

    return {"table2.csv": change}


PROMISES = "It is causal, O(N), and batch independent."
TABLE1, EVOLVE1 = "table1.csv", "asi_evolve_table1.csv"
MANY = ("lambada_acc", "piqa_acc", "hellaswag_acc_norm", "winogrande_acc", "arc_easy_acc")

CASES: dict[str, tuple[Case, ...]] = {
    "one-task-drives-the-score": (Case(YES, boolq_varies), Case(NO, one_quality)),
    "boolq-majority": (Case(YES, far_above), Case(NO, boolq_always_yes)),
    "tasks-beyond-guessing": (Case(YES, far_above), Case(NO, boolq_always_yes)),
    "tasks-measure-one-thing": (Case(YES, one_quality), Case(NO, boolq_varies)),
    "best-ten-without-one-task": (Case(YES, one_quality), Case(NO, boolq_varies)),
    "best-of-equals": (Case(YES, one_outlier), Case(UNKNOWN)),
    "loss-and-score": (Case(YES, score_follows_loss), Case(NO, score_opposes_loss), Case(UNKNOWN)),
    "task-follows-loss": (Case(YES, lambada_follows), Case(NO, lambada_opposes), Case(UNKNOWN)),
    "last-step-helps": (Case(YES, last_falls), Case(NO, last_rises)),
    "training-had-levelled-off": (Case(YES, levelled_off), Case(NO, last_rises)),
    "order-settled-at-half": (Case(YES, order_kept), Case(NO, order_reversed)),
    "nan-curve-and-score": (Case(YES, nan_at_chance), Case(NO, nan_but_good), Case("not run")),
    "larger-than-deltanet": (
        Case(YES, sizes(lambda place: DELTANET)),
        Case(NO, sizes(lambda place: DELTANET + 10**7 * (1 + place))),
    ),
    "size-and-loss": (Case(YES, larger_is_better), Case(NO, larger_is_worse), Case(UNKNOWN)),
    "lower-loss-at-equal-size": (Case(YES, better_than_gated), Case(NO, worse_than_gated)),
    "slower-step": (Case(YES, sweep=0.8), Case(NO, sweep=1.3), Case("not run")),
    "later-is-better": (Case(YES, later_better), Case(NO, later_worse), Case(UNKNOWN)),
    "programs-grow": (
        Case(YES, lambda run: set_programs(run, lines=lambda place: 300 + place)),
        Case(NO, lambda run: set_programs(run, lines=lambda place: 400 - place)),
        Case(UNKNOWN),
    ),
    "new-best-scores": (
        Case(YES, scores(lambda place: 3.0 if place == 2 else place / 1000)),
        Case(NO, scores(lambda place: place / 1000)),
        Case(UNKNOWN, scores(lambda place: 1.0 + (place == 150))),
    ),
    "scores-still-rise": (
        Case(YES, scores(lambda place: place / 1000)),
        Case(NO, scores(lambda place: 1 - place / 1000)),
        Case(UNKNOWN),
    ),
    "child-beats-parent": (
        Case(YES, scores(lambda place: place / 1000)),
        Case(NO, scores(lambda place: 1 - place / 1000)),
        Case(UNKNOWN),
    ),
    "better-parents-better-children": (
        Case(YES, inherited(1)),
        Case(NO, inherited(-1)),
        Case(UNKNOWN),
    ),
    "one-early-design": (
        Case(YES, parents(lambda row: 2)),
        Case(NO, parents(lambda row: 2 + row["index"] // EVERY % 37)),
    ),
    "gallery-begets-gallery": (
        Case(YES, parents(previous_member)),
        Case(NO, parents(away_from_the_gallery)),
        Case(UNKNOWN),
    ),
    "near-copies": (Case(YES, a_copy), Case(NO)),
    "alike-programs-alike-losses": (
        Case(YES, families(lambda place: 0.05 * (place // 7) + 0.001 * (place % 7))),
        Case(NO, families(lambda place: 0.05 * (place % 7))),
        Case(UNKNOWN, families(lambda place: 0.01 * (place * 37 % 56))),
        Case("not run"),
    ),
    "schedules-end-in-training": (
        Case(YES, schedule(2000)),
        Case(NO, schedule(4000)),
        Case("not run"),
    ),
    "checkpoint-holds-everything": (
        Case(YES, failing=()),
        Case(NO, failing=("checkpoint", "eval_history")),
        Case("not run"),
    ),
    "every-parameter-acts": (Case(YES, failing=()), Case(NO, failing=("dead_parameters",)), Case("not run")),
    "costlier-programs-lower-loss": (
        Case(YES, larger_is_better, failing=()),
        Case(NO, larger_is_worse, failing=()),
        Case(UNKNOWN, failing=()),
        Case("not run"),
    ),
    "promised-cost-kept": (
        Case(YES, motivated(PROMISES), failing=("causality_jacobian",)),
        Case(NO, motivated(PROMISES), failing=("flops_exponent",)),
        Case("not run", failing=("flops_exponent",)),
    ),
    "promised-causality-kept": (
        Case(YES, motivated(PROMISES), failing=("flops_exponent",)),
        Case(NO, motivated(PROMISES), failing=("causality_jacobian",)),
        Case("not run", motivated(PROMISES)),
    ),
    "promised-batch-independence-kept": (
        Case(YES, motivated(PROMISES), failing=("flops_exponent",)),
        Case(NO, motivated(PROMISES), failing=("mask_sample_isolation",)),
    ),
    "named-benchmark-improves": (
        Case(YES, names_boolq(0.05)),
        Case(NO, names_boolq(-0.05)),
        Case(UNKNOWN, names_boolq(0)),
        Case("not run"),
    ),
    "promised-cheapness-shows": (Case(YES, cheap(True), failing=()), Case(NO, cheap(False), failing=())),
    "table1-best-cells": (
        Case(YES, tables=cells(TABLE1, piqa_acc=80)),
        Case(UNKNOWN, tables=cells(TABLE1, piqa_acc=60)),
    ),
    "evolve-best-cells": (
        Case(YES, tables=cells(EVOLVE1, piqa=85)),
        Case(UNKNOWN, tables=cells(EVOLVE1, piqa=60)),
    ),
    "table1-lead-from-boolq": (
        Case(YES, tables=cells(TABLE1, boolq_acc=80)),
        Case(NO, tables=cells(TABLE1, boolq_acc=53, **dict.fromkeys(MANY, 80.0))),
        Case("not run", tables=cells(TABLE1, **dict.fromkeys(MANY, 1.0))),
    ),
    "table2-typical-lead": (
        Case(YES, tables=second_stage(lambda score: 50 + score / 100)),
        Case(NO, tables=second_stage(lambda score: 42 + score / 100)),
    ),
    "table2-lead-is-kept": (
        Case(YES, tables=second_stage(lambda score: score)),
        Case(NO, tables=second_stage(lambda score: 100 - score)),
    ),
}
