"""What the capability probes say: models by tasks, beside chance and the noise of seeds.

A probe asks whether a model learns one skill from a small training. It is no measure of quality.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from statistics import fmean, stdev
from typing import Optional

from pydantic import Field

from asi_repro.results.layout import BASELINES, CONTROLS, REFERENCE
from asi_repro.results.probe_rows import ProbeRow
from asi_repro.results.reliability import pooled_deviation, pooled_test
from asi_repro.results.significance import holm
from asi_repro.store.files import atomic_write
from asi_repro.store.json_text import dump_json
from asi_repro.store.records import Record, read_record

MATRIX = "probes.json"
LEVEL = 0.05


class Cell(Record):
    """One model on one task."""

    scores: list[float] = Field(description="Share of right answers by seed.")
    mean: Optional[float] = Field(description="Their mean; null where none ended.")
    deviation: Optional[float] = Field(description="Their standard deviation; null for fewer than two.")
    tokens_to_pass: list[Optional[int]] = Field(
        description="Training tokens to nine of ten right, by seed; null: not reached."
    )
    troubles: list[str] = Field(description="Why seeds did not end.")
    minus_reference: Optional[float] = Field(description="Mean minus DeltaNet's.")
    p_value: Optional[float] = Field(
        description="Of that difference, two-sided, Holm's correction over the models of a task; null "
        "where no model has two seeds."
    )

    @property
    def beyond_noise(self) -> int:
        """1 above DeltaNet by more than seeds differ, -1 below, 0 not told apart."""
        if self.p_value is None or self.p_value >= LEVEL or not self.minus_reference:
            return 0
        return 1 if self.minus_reference > 0 else -1

    @property
    def shown(self) -> str:
        """Mean, deviation over seeds, mark; thousands of tokens to nine of ten right, where all got there."""
        if self.mean is None:
            return "did not end"
        spread = "" if self.deviation is None else f" ±{self.deviation:.3f}"
        mark = ("", " +", " -")[self.beyond_noise]
        passed = [tokens for tokens in self.tokens_to_pass if tokens is not None]
        reached = bool(passed) and len(passed) == len(self.tokens_to_pass)
        return f"{self.mean:.3f}{spread}{mark}{f' @{fmean(passed) / 1000:.0f}' if reached else ''}"


class TaskSummary(Record):
    """One task over all models."""

    title: str = Field(description="What a person calls it.")
    chance: float = Field(description="Score of a guess.")
    asked: int = Field(description="Answers asked in the test.")
    tokens: int = Field(description="Training tokens of a model.")
    seed_deviation: Optional[float] = Field(
        description="Standard deviation of a seed, pooled over the models with several; null: none has."
    )
    pairs: int = Field(description="Pairs of models.")
    pairs_apart: int = Field(description="Of them, those that differ by more than seeds do.")


class ProbeMatrix(Record):
    """All of it."""

    order: list[str] = Field(description="The tasks in their order.")
    tasks: dict[str, TaskSummary] = Field(description="By name.")
    models: dict[str, dict[str, Cell]] = Field(description="Cells by model and task.")
    left_out: int = Field(description="Rows of another recipe or task than most, which are not compared.")
    sentence: str = Field(description="What follows, in plain words.")

    @property
    def architectures(self) -> list[str]:
        """Those of the gallery."""
        return [name for name in self.models if name not in (*BASELINES, *CONTROLS)]


def make_matrix(rows: Sequence[ProbeRow], titles: Mapping[str, str]) -> ProbeMatrix:
    """Work out what rows say; for each task those of the conditions that most of its rows have.

    Args:
        rows: of all models.
        titles: what a person calls each task, in their order; rows of others are left out.
    """
    tasks: dict[str, TaskSummary] = {}
    models: dict[str, dict[str, Cell]] = {name: {} for name in _in_order({row.name for row in rows})}
    kept = 0
    for name in (name for name in titles if any(row.task == name for row in rows)):
        mine = _comparable([row for row in rows if row.task == name])
        kept += len(mine)
        groups = {model: found for model in models if (found := [row for row in mine if row.name == model])}
        scores = {model: _scores(group) for model, group in groups.items()}
        deviation, freedom = pooled_deviation(list(scores.values()))
        tests = _against_reference(scores, deviation, freedom, mine[0].asked)
        for model, group in groups.items():
            models[model][name] = _cell(group, *tests.get(model, (None, None)))
        pairs = list(combinations([found for found in scores.values() if found], 2))
        p_values = (
            holm([_p_value(one, other, deviation, freedom, mine[0].asked) for one, other in pairs])
            if pairs
            else []
        )
        tasks[name] = TaskSummary(
            title=titles[name],
            chance=mine[0].chance,
            asked=mine[0].asked,
            tokens=max(row.tokens for row in mine),
            seed_deviation=round(deviation, 4) if freedom else None,
            pairs=len(pairs),
            pairs_apart=sum(p_value < LEVEL for p_value in p_values),
        )
    return ProbeMatrix(
        order=list(tasks),
        tasks=tasks,
        models=models,
        left_out=len(rows) - kept,
        sentence=_sentence(tasks, models),
    )


def write_matrix(matrix: ProbeMatrix, path: Path) -> None:
    """Write it as JSON, whole or not at all."""
    atomic_write(path, dump_json(matrix.model_dump()))


def read_matrix(path: Path) -> ProbeMatrix:
    """What `write_matrix` wrote.

    Raises:
        MissingInput: where it is not there.
        DataError: where it is not that.
    """
    matrix = read_record(
        path, ProbeMatrix, missing="the probes are not summarised", make="asi-repro probes --record"
    )
    tasks = {name: matrix.tasks[name] for name in matrix.order if name in matrix.tasks}
    models = {name: matrix.models[name] for name in _in_order(set(matrix.models))}
    return matrix.model_copy(update={"tasks": tasks, "models": models})


def _in_order(names: set[str]) -> list[str]:
    known = [name for name in (*BASELINES, *CONTROLS) if name in names]
    return known + sorted(names - set(known))


def _comparable(rows: Sequence[ProbeRow]) -> list[ProbeRow]:
    conditions = [row.conditions for row in rows]
    most = max(sorted(set(conditions)), key=conditions.count)
    return [row for row in rows if row.conditions == most]


def _scores(group: Sequence[ProbeRow]) -> list[float]:
    return [row.score for row in group if row.score is not None]


def _against_reference(
    scores: dict[str, list[float]], deviation: float, freedom: int, asked: int
) -> dict[str, tuple[float, float | None]]:
    """Difference from DeltaNet and its p-value after Holm, of the models that have one."""
    theirs = scores.get(REFERENCE, [])
    others = {model: ours for model, ours in scores.items() if model != REFERENCE and ours}
    if not theirs or not others:
        return {}
    gaps = {model: fmean(ours) - fmean(theirs) for model, ours in others.items()}
    if not freedom:
        return {model: (gap, None) for model, gap in gaps.items()}
    adjusted = holm([_p_value(ours, theirs, deviation, freedom, asked) for ours in others.values()])
    return {model: (gaps[model], p_value) for model, p_value in zip(others, adjusted, strict=True)}


def _p_value(ours: list[float], theirs: list[float], deviation: float, freedom: int, asked: int) -> float:
    """1 where no model has two seeds: then nothing is known of noise.

    Seeds count as deviating at least by what so many answers do by chance at the pair's mean score: models
    that score 1 with every seed say nothing about the noise of others near chance.
    """
    share = (fmean(ours) + fmean(theirs)) / 2
    least = math.sqrt(share * (1 - share) / asked)
    p_value = pooled_test(ours, theirs, max(deviation, least), freedom)[1] if freedom else None
    return 1.0 if p_value is None else p_value


def _cell(group: Sequence[ProbeRow], gap: float | None, p_value: float | None) -> Cell:
    scores = _scores(group)
    return Cell(
        scores=scores,
        mean=round(fmean(scores), 4) if scores else None,
        deviation=round(stdev(scores), 4) if len(scores) > 1 else None,
        tokens_to_pass=[row.tokens_to_pass for row in group if not row.trouble],
        troubles=[f"seed {row.seed}: {row.trouble}" for row in group if row.trouble],
        minus_reference=None if gap is None else round(gap, 4),
        p_value=None if p_value is None else float(f"{p_value:.3g}"),
    )


def _sentence(tasks: dict[str, TaskSummary], models: dict[str, dict[str, Cell]]) -> str:
    if not tasks:
        return "No probe is recorded yet."
    known = [task for task in tasks.values() if task.seed_deviation is not None]
    if not known:
        return "No model has two seeds on a probe yet, so nothing can be said about noise."
    apart = [task.title for task in known if task.pairs_apart]
    listed = f" ({', '.join(apart)})" if apart else ""
    said = f"{len(apart)} of {len(tasks)} probes tell some models apart by more than seeds differ{listed}"
    architectures = [name for name in models if name not in (*BASELINES, *CONTROLS)]
    if not architectures:
        return f"{said}; no architecture of the gallery was probed yet."
    counts = []
    for name, task in tasks.items():
        cells = [models[model][name] for model in architectures if name in models[model]]
        up = sum(cell.beyond_noise > 0 for cell in cells)
        down = sum(cell.beyond_noise < 0 for cell in cells)
        if cells:
            counts.append(f"{task.title} {up} above and {down} below of {len(cells)}")
    return f"{said}. Architectures of the gallery against DeltaNet, beyond noise: {'; '.join(counts)}."
