"""What a recorded sweep says, and how much that means: reliability, power, agreement with the paper, noise.

Everything is oriented so that higher is better: losses, bits and the paper's losses change their sign.
Nothing here is a reproduction of the paper's results; it asks whether so small a training foretells them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from asi_repro.archive.reader import Archive
from asi_repro.results.layout import BASELINES, slug_of
from asi_repro.results.leaking import without_leaking
from asi_repro.results.reliability import (
    Reliability,
    pooled_deviation,
    pooled_test,
    reliability,
    seeds_to_separate,
)
from asi_repro.results.significance import holm
from asi_repro.results.statistics import Interval, spearman_contrast, spearman_interval
from asi_repro.results.sweep_rows import SweepRow

MIN_RANKED = 8
LEVEL = 0.05
TOP = 10
FRACTIONS = (0.25, 0.5, 0.75, 1.0)
OURS, PARAMETERS = "validation loss", "parameter count"
PAPER_20M, PAPER_SCORE_20M = "the paper's 20M loss", "the paper's 20M score"
TARGETS = {"the paper's 340M loss": ("train_loss_340m", -1), "the paper's 340M score": ("test_score_340m", 1)}
_PAPER = {PAPER_20M: ("train_loss_20m", -1), PAPER_SCORE_20M: ("test_score_20m", 1)}

# What is measured of a row; higher is better.
MEASURES: dict[str, Callable[[SweepRow], float | None]] = {
    OURS: lambda row: None if row.validation_loss is None else -row.validation_loss,
    "training loss": lambda row: None if row.loss is None else -row.loss,
    "bits for the right answer": lambda row: None if row.answer_bits is None else -row.answer_bits,
    "mean accuracy": lambda row: row.accuracy,
}


@dataclass(frozen=True)
class Agreement:
    """Spearman's correlation of a measure with a column of Table 2 over the same architectures.

    Attributes:
        measure, target: what with what; both oriented so that higher is better.
        models: architectures.
        found: correlation with its bootstrap interval; None for too few.
        ceiling: the highest that noise over our seeds lets through, if the paper's number had none;
            None where it is not known.
    """

    measure: str
    target: str
    models: int
    found: Interval | None
    ceiling: float | None


@dataclass(frozen=True)
class Beats:
    """How many architectures differ from a baseline in validation loss by more than seeds do.

    Attributes:
        baseline: its name.
        lower, higher: architectures with a loss so much lower or higher, p < 0.05 after Holm's correction.
        models: architectures compared.
        by_chance: how many would be called different on average without correction if none were.
    """

    baseline: str
    lower: int
    higher: int
    models: int
    by_chance: float


@dataclass(frozen=True)
class Place:
    """Where a model stands by validation loss, 1 the lowest, and the places that its seeds leave open.

    Attributes:
        low, high: the first after the models that are surely lower, and the last before those surely higher:
            p < 0.05 after Holm's correction over the other models.
    """

    place: int
    low: int
    high: int


@dataclass(frozen=True)
class Power:
    """Seeds a model after which two places of the ranking are told apart in 8 of 10 cases; None: never."""

    first_from_tenth: int | None
    neighbours_in_top_ten: int | None


@dataclass(frozen=True)
class RecordedSweep:
    """All of it.

    Attributes:
        rows: that were compared: those of one recipe, text and set of items.
        others: rows of other conditions, left out.
        leaking: rows of programs that see later tokens, left out; None where there are no certificates.
        total: architectures of the gallery; None where there is no archive.
        reliabilities: of each measure, over architectures with two seeds.
        by_tokens: of the training loss after a share of the steps.
        power: from the reliability of the validation loss.
        agreements: measures with Table 2's columns.
        contrasts: how much better our validation loss agrees with a target than another measure does.
        beats: against each baseline.
        places: of each model by its name, baselines too.
        seed_deviation: standard deviation of a seed's validation loss, pooled over all models; nats a byte.
    """

    rows: list[SweepRow]
    others: list[SweepRow]
    leaking: list[SweepRow] | None
    total: int | None
    reliabilities: dict[str, Reliability]
    by_tokens: dict[int, Reliability]
    power: Power | None
    agreements: list[Agreement]
    contrasts: dict[tuple[str, str], Interval]
    beats: list[Beats]
    places: dict[str, Place]
    seed_deviation: float

    @property
    def architectures(self) -> list[str]:
        """Names of the architectures with a completed training that are compared."""
        return [name for name in grouped(self.rows) if name not in BASELINES]

    @property
    def leaking_names(self) -> list[str]:
        """Names of the architectures with a completed training that see later tokens."""
        return list(grouped(self.leaking or []))

    @property
    def trained(self) -> str:
        """How many architectures have a completed training, and how many of these are in no comparison."""
        left_out = len(self.leaking_names)
        count = len(self.architectures) + left_out
        of = f"{count} of {self.total}" if self.total is not None else str(count)
        return f"{of}, {left_out} left out for seeing later tokens" if left_out else of


def gallery_titles(archive: Archive | None) -> dict[str, str]:
    """What people call the architectures of the gallery, by the names of their models. Untrusted text."""
    return {slug_of(e.index, e.name): e.label for e in (archive.gallery if archive else ())}


def read_sweep(
    rows: Sequence[SweepRow],
    *,
    paper: Mapping[str, Mapping[str, float]],
    total: int | None,
    seed: int,
    resamples: int,
    leaking: Collection[str] | None = None,
) -> RecordedSweep:
    """Work out what rows say.

    Args:
        rows: of one scale, stopped trainings too.
        paper: Table 2's columns by our names.
        total: architectures of the gallery.
        seed: of the resampling.
        resamples: draws of each bootstrap.
        leaking: SHA-256 of the programs that see later tokens; None where that is not known.
    """
    rows, others = comparable(rows)
    rows, seeing = without_leaking(rows, leaking)
    kept = [row for row in rows if row.completed]
    groups = grouped(kept)
    architectures = {name: group for name, group in groups.items() if name not in BASELINES}
    reliabilities = {
        measure: found
        for number, (measure, of) in enumerate(MEASURES.items())
        if (found := _reliability(architectures, of, [seed, 300 + number], resamples)) is not None
    }
    deviation, _ = pooled_deviation([_values(group, MEASURES[OURS]) for group in groups.values()])
    return RecordedSweep(
        rows=rows,
        others=others,
        leaking=seeing,
        total=total,
        reliabilities=reliabilities,
        by_tokens=_by_tokens(architectures, seed, resamples),
        power=_power(reliabilities.get(OURS), total or len(architectures)),
        agreements=_agreements(architectures, paper, reliabilities, seed, resamples),
        contrasts=_contrasts(architectures, paper, seed, resamples),
        beats=_beats(groups),
        places=places(groups),
        seed_deviation=deviation,
    )


def comparable(rows: Sequence[SweepRow]) -> tuple[list[SweepRow], list[SweepRow]]:
    """The rows of the conditions that most rows have, and the others: unequal trainings are not compared."""
    conditions = [row.conditions for row in rows]
    most = max(sorted(set(conditions)), key=conditions.count) if conditions else ""
    return [r for r in rows if r.conditions == most], [r for r in rows if r.conditions != most]


def grouped(rows: Sequence[SweepRow]) -> dict[str, list[SweepRow]]:
    """Completed trainings by model, in order of name and seed."""
    groups: dict[str, list[SweepRow]] = {}
    for row in sorted(rows, key=lambda row: (row.name, row.seed)):
        if row.completed:
            groups.setdefault(row.name, []).append(row)
    return groups


def sentence(sweep: RecordedSweep) -> str:
    """What follows, good or bad, in plain words."""
    found = {(one.measure, one.target): one for one in sweep.agreements}
    target = next(iter(TARGETS))
    ours = found.get((OURS, target))
    if ours is None or ours.found is None:
        return f"Nothing can be said yet about what this scale foretells (trained: {sweep.trained})."
    said = [
        f"Over {ours.models} architectures (trained: {sweep.trained}) the {OURS} here",
        _verdict(ours.found, target),
    ]
    for other in (PAPER_20M, PARAMETERS):
        theirs = found.get((other, target))
        contrast = sweep.contrasts.get((other, target))
        if theirs is not None and theirs.found is not None and contrast is not None:
            how = (
                "better than"
                if contrast.low > 0
                else "worse than"
                if contrast.high < 0
                else "neither better nor worse than"
            )
            said.append(f"that is {how} {other} does ({theirs.found.estimate:.2f})")
    known = sweep.reliabilities.get(OURS)
    if known is not None:
        strength = (
            "tells architectures apart"
            if known.low > 0.5
            else "tells some architectures apart"
            if known.low > 0
            else "does not measurably tell architectures apart"
        )
        said.append(
            f"one seed {strength} (intraclass correlation {known.single:.2f} "
            f"[{known.low:.2f}, {known.high:.2f}] over {known.models})"
        )
    return f"{said[0]} {said[1]}; {'; '.join(said[2:])}." if said[2:] else f"{said[0]} {said[1]}."


def _verdict(found: Interval, target: str) -> str:
    how = (
        "agrees with"
        if found.low > 0
        else "goes against"
        if found.high < 0
        else "does not measurably foretell"
    )
    return f"{how} {target} (Spearman {found.estimate:.2f} [{found.low:.2f}, {found.high:.2f}])"


def _values(group: Sequence[SweepRow], of: Callable[[SweepRow], float | None]) -> list[float]:
    return [value for row in group if (value := of(row)) is not None]


def _matrix(
    groups: Mapping[str, Sequence[SweepRow]], of: Callable[[SweepRow], float | None]
) -> list[list[float]]:
    """Values (models, seeds) of the seeds that most models have: 0 and 1."""
    found = []
    for group in groups.values():
        by_seed = {row.seed: value for row in group if (value := of(row)) is not None}
        if {0, 1} <= by_seed.keys():
            found.append([by_seed[0], by_seed[1]])
    return found


def _reliability(
    groups: Mapping[str, Sequence[SweepRow]],
    of: Callable[[SweepRow], float | None],
    seed: list[int],
    resamples: int,
) -> Reliability | None:
    return reliability(_matrix(groups, of), rng=np.random.default_rng(seed), resamples=resamples)


def _by_tokens(groups: Mapping[str, Sequence[SweepRow]], seed: int, resamples: int) -> dict[int, Reliability]:
    """Reliability of the mean training loss of the tenth of the steps before a share of them."""
    rows = [row for group in groups.values() for row in group]
    last = max((int(step) for row in rows[:1] for step in row.curve), default=0)
    if not last:
        return {}
    per_step = rows[0].tokens / last
    found = {}
    for number, share in enumerate(FRACTIONS):
        end = share * last

        def window(row: SweepRow, end: float = end) -> float | None:
            inside = [loss for step, loss in row.curve.items() if end - last / 10 < int(step) <= end]
            return -fmean(inside) if inside else None

        measured = _reliability(groups, window, [seed, 400 + number], resamples)
        if measured is not None:
            found[round(end * per_step)] = measured
    return found


def _power(known: Reliability | None, models: int) -> Power | None:
    """From what one seed of the validation loss tells, were the true values of all models normal."""
    if known is None or models < TOP:
        return None
    spread = {"between": known.between, "within": known.within, "models": models}
    first = seeds_to_separate(known.between, known.within, models=models, first=1, second=TOP)
    middle = seeds_to_separate(**spread, first=TOP // 2, second=TOP // 2 + 1)  # type: ignore[arg-type]
    return Power(first, middle)


def _predictors(
    groups: Mapping[str, Sequence[SweepRow]], paper: Mapping[str, Mapping[str, float]]
) -> dict[str, dict[str, float]]:
    """Each measure by architecture, of those in Table 2."""
    inside = {name: group for name, group in groups.items() if name in paper}
    found: dict[str, dict[str, float]] = {
        measure: {name: fmean(values) for name, group in inside.items() if (values := _values(group, of))}
        for measure, of in MEASURES.items()
    }
    for measure, (column, sign) in _PAPER.items():
        found[measure] = {name: sign * paper[name][column] for name in inside}
    found[PARAMETERS] = {name: float(group[0].parameters) for name, group in inside.items()}
    return found


def _agreements(
    groups: Mapping[str, Sequence[SweepRow]],
    paper: Mapping[str, Mapping[str, float]],
    reliabilities: Mapping[str, Reliability],
    seed: int,
    resamples: int,
) -> list[Agreement]:
    found = []
    for number, (target, (column, sign)) in enumerate(TARGETS.items()):
        for place, (measure, values) in enumerate(_predictors(groups, paper).items()):
            known = reliabilities.get(measure)
            names = sorted(values)
            ours = [values[name] for name in names]
            interval = None
            if len(names) >= MIN_RANKED and len(set(ours)) > 1:
                interval = spearman_interval(
                    ours,
                    [sign * paper[name][column] for name in names],
                    rng=np.random.default_rng([seed, 500 + 20 * number + place]),
                    resamples=resamples,
                )
            ceiling = 1.0 if measure == PARAMETERS else None if known is None else known.ceiling
            found.append(Agreement(measure, target, len(names), interval, ceiling))
    return found


def _contrasts(
    groups: Mapping[str, Sequence[SweepRow]],
    paper: Mapping[str, Mapping[str, float]],
    seed: int,
    resamples: int,
) -> dict[tuple[str, str], Interval]:
    predictors = _predictors(groups, paper)
    names = sorted(predictors[OURS])
    found = {}
    for number, (target, (column, sign)) in enumerate(TARGETS.items()):
        for place, other in enumerate((PAPER_20M, PAPER_SCORE_20M, PARAMETERS)):
            if len(names) >= MIN_RANKED:
                found[other, target] = spearman_contrast(
                    [predictors[OURS][name] for name in names],
                    [predictors[other][name] for name in names],
                    [sign * paper[name][column] for name in names],
                    rng=np.random.default_rng([seed, 600 + 20 * number + place]),
                    resamples=resamples,
                )
    return found


def _losses(groups: Mapping[str, Sequence[SweepRow]]) -> dict[str, list[float]]:
    """Validation losses of the seeds, of the models that have one."""
    return {
        name: found
        for name, group in groups.items()
        if (found := _values(group, lambda row: row.validation_loss))
    }


def _sure(ours: list[float], others: Sequence[list[float]], deviation: float, freedom: int) -> list[float]:
    """By how much a model is above each other one from which it differs beyond its seeds, after Holm."""
    tests = [pooled_test(ours, theirs, deviation, freedom) for theirs in others]
    adjusted = holm([p_value if p_value is not None else 1.0 for _, p_value in tests])
    return [estimate for (estimate, _), p_value in zip(tests, adjusted, strict=True) if p_value < LEVEL]


def places(groups: Mapping[str, Sequence[SweepRow]]) -> dict[str, Place]:
    """Where each model of a sweep stands by validation loss."""
    losses = _losses(groups)
    deviation, freedom = pooled_deviation(list(losses.values()))
    found = {}
    for number, name in enumerate(sorted(losses, key=lambda one: (fmean(losses[one]), one)), 1):
        others = [values for other, values in losses.items() if other != name]
        sure = _sure(losses[name], others, deviation, freedom) if freedom else []
        lower = sum(above > 0 for above in sure)
        found[name] = Place(number, 1 + lower, len(losses) - (len(sure) - lower))
    return found


def _beats(groups: Mapping[str, Sequence[SweepRow]]) -> list[Beats]:
    """Architectures against each baseline, with the deviation of a seed pooled over all models."""
    losses = _losses(groups)
    deviation, freedom = pooled_deviation(list(losses.values()))
    rest = {name: values for name, values in losses.items() if name not in BASELINES}
    if not rest or not freedom or math.isclose(deviation, 0.0):
        return []
    counted = []
    for name in (name for name in BASELINES if name in losses):
        sure = _sure(losses[name], list(rest.values()), deviation, freedom)
        lower = sum(above > 0 for above in sure)
        counted.append(Beats(name, lower, len(sure) - lower, len(rest), LEVEL * len(rest)))
    return counted
