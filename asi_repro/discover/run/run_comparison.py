"""Runs side by side: discoveries per unit of compute, the best at equal budgets, and what luck alone gives.

The paper fits a line through the cumulative count of discoveries over compute. That a count of events grows
about linearly holds of any search whose rate is steady, a blind one too. So what says something is the rate,
beside that of a run without an LLM, and the best beside the best of as many independent draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asi_repro.discover.run.outcomes import Outcomes
from asi_repro.discover.run.spending import UNITS
from asi_repro.results import chance
from asi_repro.results.differences import Spread
from asi_repro.results.digits import nine_digits
from asi_repro.results.significance import difference_of, mean_interval, ratio_draws, welch
from asi_repro.results.statistics import Interval, fit_line
from asi_repro.store.files import atomic_write
from asi_repro.text import counted, csv_text

PER_EXPERIMENTS, PER_FLOPS = "100 experiments", "1e15 training FLOPs"
EXPERIMENTS = "experiments"
NOT_RECORDED, NO_DIRECTION, NONE_YET = "not recorded", "no direction", "none yet"
"""Why there is no number."""
Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Group:
    """Runs that are taken together, such as the seeds of one setting."""

    label: str
    runs: tuple[Outcomes, ...]


@dataclass(frozen=True)
class Rate:
    """Discoveries per unit of compute.

    Attributes:
        unit: the compute that the rate is over.
        interval: the rate, with its 95 % interval.
        line_r2: R² of a line through the cumulative count over that compute; None where it does not grow, or
            several runs are taken together.
    """

    unit: str
    interval: Interval
    line_r2: float | None


@dataclass(frozen=True)
class Side:
    """A run or a group of runs; `verified` of the discoveries passed the second stage.

    There are no rates where which score is better is not stated.
    """

    name: str
    arm: str
    discovery: str
    experiments: int
    discoveries: int
    verified: int
    rates: tuple[Rate, ...]


@dataclass(frozen=True)
class RunFacts:
    """One run beside what luck alone gives; None where there are too few scores for it.

    Attributes:
        higher: whether a higher score is better; None where that is not stated.
        scored: experiments whose score is a number.
        best: the best score.
        scored_again: programs with more than one score.
        spent: totals by unit; None where the run does not record it.
    """

    name: str
    group: str
    higher: bool | None
    experiments: int
    scored: int
    best: float | None
    discoveries: int
    scored_again: int
    spent: dict[str, float | None]
    improvements: chance.Improvements | None
    best_of_n: chance.BestOfN | None
    noise: chance.Noise | None


@dataclass(frozen=True)
class AtBudget:
    """A group after a budget that every group can pay: means over its runs, or `why` there is none."""

    group: str
    best: Spread | None
    discoveries: Spread | None
    why: str = ""


@dataclass(frozen=True)
class Budget:
    """An equal budget of one unit, the smallest total of the runs that record it; None where none does."""

    unit: str
    amount: float | None
    groups: tuple[AtBudget, ...]


@dataclass(frozen=True)
class Difference:
    """How much higher a group is than the first one; the interval is of the difference.

    Attributes:
        what: `discoveries per UNIT`, or `best`.
        p_value: two-sided; None where there is no test.
        not_compared: why the two do not compare, or what it takes that they do; "" where nothing is amiss.
    """

    group: str
    reference: str
    what: str
    estimate: float
    low: float | None
    high: float | None
    p_value: float | None
    not_compared: str = ""


@dataclass(frozen=True)
class Comparison:
    """What `compare` found."""

    groups: tuple[Side, ...]
    runs: tuple[RunFacts, ...]
    budgets: tuple[Budget, ...]
    differences: tuple[Difference, ...]
    resamples: int
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        made = asdict(self)
        for budget in made["budgets"]:
            for row in budget["groups"]:
                for key in ("best", "discoveries"):
                    row[key] = None if row[key] is None else row[key].model_dump()
        return made


def compare_groups(
    groups: Sequence[Group], *, seed: int, resamples: int, noise: float | None = None
) -> Comparison:
    """Every group, its runs beside chance, equal budgets, and each group's difference from the first.

    Args:
        seed: of the resampling.
        resamples: draws.
        noise: standard deviation of one score, for runs that scored no program twice.
    """
    rng = np.random.default_rng(seed)
    drawn = [_draws(group.runs, rng, resamples) for group in groups]
    sides = tuple(_side(group, draws) for group, draws in zip(groups, drawn, strict=True))
    facts = tuple(_facts(run, group, noise, rng, resamples) for group in groups for run in group.runs)
    differences: list[Difference] = []
    for group, draws in zip(groups[1:], drawn[1:], strict=True):
        differences += _differences(group, draws, groups[0], drawn[0])
    budgets = tuple(_budget(groups, unit) for unit in (EXPERIMENTS, *UNITS))
    return Comparison(sides, facts, budgets, tuple(differences), resamples, seed)


def side_of(outcomes: Outcomes, *, seed: int, resamples: int) -> Side:
    """The rates of one run, as `compare_groups` has them of the first group."""
    group = Group(outcomes.name, (outcomes,))
    return _side(group, _draws(group.runs, np.random.default_rng(seed), resamples))


def curve(outcomes: Outcomes) -> list[dict[str, Any]]:
    """The cumulative curve: what was spent (None where not known), discoveries and best score so far."""
    best = best_so_far(outcomes)
    flops = None if outcomes.flops is None else list(accumulate(outcomes.flops))
    spent = {unit: cumulative(outcomes, unit) for unit in UNITS}
    rows: list[dict[str, Any]] = []
    found, verified = list(accumulate(outcomes.found)), list(accumulate(outcomes.verified))
    for place, index in enumerate(outcomes.indices):
        rows.append(
            {
                "run": outcomes.name,
                "index": index,
                "experiments": place + 1,
                "flops": None if flops is None else flops[place],
                "discoveries": None if outcomes.higher is None else int(found[place]),
                "verified": int(verified[place]),
                "best_score": float(best[place]) if np.isfinite(best[place]) else None,
                **{unit: None if at is None else float(at[place]) for unit, at in spent.items()},
            }
        )
    return rows


def write_curves(runs: Sequence[Outcomes], path: Path) -> None:
    """Write the runs' cumulative curves as one CSV file; nothing for a missing value."""
    rows = [row for outcomes in runs for row in curve(outcomes)]
    atomic_write(path, csv_text(rows))


def best_so_far(outcomes: Outcomes) -> Vector:
    """The best score up to each experiment, shape [N]; NaN before the first, and where none is the best."""
    if outcomes.higher is None:
        return np.full(len(outcomes.scores), np.nan)
    return chance.best_so_far(outcomes.scores, higher=outcomes.higher)


def cumulative(outcomes: Outcomes, unit: str) -> Vector | None:
    """What a run had spent after each experiment, shape [N]; None where it is not recorded."""
    if unit == EXPERIMENTS:
        return np.arange(1, len(outcomes.indices) + 1, dtype=np.float64)
    amounts = outcomes.spent.get(unit)
    return None if amounts is None else np.cumsum(np.asarray(amounts, dtype=np.float64))


def _draws(
    runs: Sequence[Outcomes], rng: np.random.Generator, resamples: int
) -> dict[str, tuple[float, Vector]]:
    """By unit: the rate, and the rate of each resample of the experiments of all runs."""
    if any(run.higher is None for run in runs):
        return {}
    found = np.concatenate([np.asarray(run.found, dtype=np.float64) for run in runs])
    exposures = {PER_EXPERIMENTS: np.full(len(found), 0.01)}
    flops = [amount for run in runs for amount in run.flops or ()]
    if all(run.flops is not None for run in runs) and sum(flops) > 0:
        exposures[PER_FLOPS] = np.asarray(flops, dtype=np.float64) / 1e15
    drawn = ratio_draws(found, list(exposures.values()), rng=rng, resamples=resamples)
    return {
        unit: (float(found.sum() / exposure.sum()), draws)
        for (unit, exposure), draws in zip(exposures.items(), drawn, strict=True)
    }


def _side(group: Group, draws: dict[str, tuple[float, Vector]]) -> Side:
    runs = group.runs
    rates = []
    for unit, (rate, drawn) in draws.items():
        found = difference_of(rate, drawn[np.isfinite(drawn)])
        interval = Interval(*nine_digits([rate, found.low or 0.0, found.high or 0.0]))
        rates.append(Rate(unit, interval, _line_r2(runs[0], unit) if len(runs) == 1 else None))
    return Side(
        group.label,
        ", ".join(dict.fromkeys(run.arm for run in runs)),
        "; or ".join(dict.fromkeys(run.discovery for run in runs)),
        sum(len(run.indices) for run in runs),
        sum(run.count for run in runs),
        sum(sum(run.verified) for run in runs),
        tuple(rates),
    )


def _line_r2(run: Outcomes, unit: str) -> float | None:
    rows = curve(run)
    counts = [row["discoveries"] for row in rows]
    at = [row["experiments" if unit == PER_EXPERIMENTS else "flops"] for row in rows]
    grows = len(set(counts)) > 1 and len(set(at)) > 1
    return nine_digits(fit_line(at, counts).r2) if grows else None


def _facts(
    run: Outcomes, group: Group, noise: float | None, rng: np.random.Generator, resamples: int
) -> RunFacts:
    best = best_so_far(run)
    totals = {unit: cumulative(run, unit) for unit in UNITS}
    pool = [s for s, first in zip(run.scores, run.first_generation, strict=False) if first]
    repeated = chance.repeat_deviation([scores for one in group.runs for scores in one.repeats])
    deviation, source = (noise, "assumed (--noise)")
    if repeated is not None and repeated[0] > 0:
        freedom = counted(repeated[1], "degree of freedom", "degrees of freedom")
        deviation, source = repeated[0], f"programs scored again, {freedom}"
    # Nothing is better or worse where no direction is stated.
    scores, higher = ((), True) if run.higher is None else (run.scores, run.higher)
    return RunFacts(
        run.name,
        group.label,
        run.higher,
        len(run.indices),
        int(np.isfinite(chance.finite_scores(run.scores)).sum()),
        float(best[-1]) if np.isfinite(best[-1]) else None,
        run.count,
        len(run.repeats),
        {unit: None if at is None else float(at[-1]) for unit, at in totals.items()},
        chance.improvements(scores, rng=rng, resamples=resamples, higher=higher),
        chance.best_of_n(scores, pool, higher=higher),
        None if deviation is None else chance.noise_alone(scores, deviation, source, higher=higher),
    )


def _budget(groups: Sequence[Group], unit: str) -> Budget:
    totals = [at[-1] for group in groups for run in group.runs if (at := cumulative(run, unit)) is not None]
    amount = float(min(totals)) if totals else None
    return Budget(unit, amount, tuple(_at_budget(group, unit, amount) for group in groups))


def _at_budget(group: Group, unit: str, amount: float | None) -> AtBudget:
    bests, counts = [], []
    for run in group.runs:
        at = cumulative(run, unit)
        if at is None or amount is None:
            return AtBudget(group.label, None, None, NOT_RECORDED)
        if run.higher is None:
            return AtBudget(group.label, None, None, NO_DIRECTION)
        place = int(np.searchsorted(at, amount * (1 + 1e-12), side="right"))
        counts.append(float(sum(run.found[:place])))
        if place and np.isfinite(best := best_so_far(run)[place - 1]):
            bests.append(float(best))
    if len(bests) < len(group.runs):
        return AtBudget(group.label, None, mean_interval(counts), NONE_YET)
    return AtBudget(group.label, mean_interval(bests), mean_interval(counts))


def _differences(
    group: Group,
    draws: dict[str, tuple[float, Vector]],
    first: Group,
    first_draws: dict[str, tuple[float, Vector]],
) -> list[Difference]:
    made = []
    for unit in (unit for unit in draws if unit in first_draws):
        # Equal rates differ in their last bits.
        apart = np.round(draws[unit][1] - first_draws[unit][1], 9)
        found = difference_of(draws[unit][0] - first_draws[unit][0], apart[np.isfinite(apart)])
        why = _not_compared(first, group, unit)
        what = f"discoveries per {unit}"
        estimate, low, high = nine_digits([found.estimate, found.low, found.high])
        made.append(Difference(group.label, first.label, what, estimate, low, high, found.p_value, why))
    ours, theirs = (_final_bests(one) for one in (group, first))
    if ours and theirs:
        between = welch(ours, theirs)
        numbers = (between.estimate, between.low, between.high, between.p_value)
        made.append(Difference(group.label, first.label, "best", *numbers, _scores_differ(first, group)))
    return made


def _final_bests(group: Group) -> list[float]:
    bests = [best_so_far(run)[-1] for run in group.runs]
    return [float(best) for best in bests if np.isfinite(best)]


def _scores_differ(first: Group, second: Group) -> str:
    kinds = {(run.scoring, run.higher) for group in (first, second) for run in group.runs}
    if len(kinds) == 1:
        if all(run.same_evaluator for group in (first, second) for run in group.runs):
            return ""
        return (
            "Which is better follows only if one evaluator made both scores, and their files do not say so."
        )
    return "Their scores were not measured in the same way, so this is no measure of which is better."


def _not_compared(first: Group, second: Group, unit: str) -> str:
    runs = (*first.runs, *second.runs)
    if len({run.discovery for run in runs}) > 1:
        return "The two do not count the same thing as a discovery, so this is no measure of which is better."
    if unit == PER_EXPERIMENTS and all(run.flops is not None for run in runs):
        means = [sum(run.flops or ()) / len(run.indices) for run in runs]
        if min(means) > 0 and max(means) / min(means) > 1.05:
            return "An experiment of one costs more compute than one of the other."
    return ""
