"""Two runs side by side: discoveries per unit of compute, with bootstrap intervals over experiments.

The paper fits a line through the cumulative count of discoveries over compute. That a count of events grows
about linearly holds of any search whose rate is steady, a blind one too. So what says something is the rate,
beside that of a run without an LLM.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asi_repro import markdown
from asi_repro.discover.run.outcomes import Outcomes, read_outcomes
from asi_repro.results.statistics import Interval, fit_line
from asi_repro.store.files import atomic_write
from asi_repro.text import csv_text

PER_EXPERIMENTS, PER_FLOPS = "100 experiments", "1e15 training FLOPs"
Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Rate:
    """Discoveries of one run per unit of compute.

    Attributes:
        unit: the compute that the rate is over.
        interval: the rate, with its 95 % interval.
        line_r2: R² of a line through the cumulative count over that compute; None where it does not grow.
    """

    unit: str
    interval: Interval
    line_r2: float | None


@dataclass(frozen=True)
class Side:
    """One run in the comparison; `verified` of its discoveries passed the second stage."""

    name: str
    arm: str
    discovery: str
    experiments: int
    discoveries: int
    verified: int
    rates: tuple[Rate, ...]


@dataclass(frozen=True)
class Difference:
    """How much higher the first run's rate is; the interval is of the difference.

    Attributes:
        not_compared: why the units or the two kinds of discovery do not compare; "" where they do.
    """

    unit: str
    interval: Interval
    not_compared: str = ""


@dataclass(frozen=True)
class Comparison:
    """What `compare` found."""

    first: Side
    second: Side
    differences: tuple[Difference, ...]
    resamples: int
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    def text(self) -> str:
        """For a person, as Markdown."""
        rows = []
        for side in (self.first, self.second):
            for rate in side.rates:
                found, fit = rate.interval, "-" if rate.line_r2 is None else f"{rate.line_r2:.3f}"
                counts = map(str, (side.experiments, side.discoveries, side.verified))
                estimate = f"{found.estimate:.3g} per {rate.unit}"
                interval = f"{found.low:.3g} to {found.high:.3g}"
                rows.append([side.name, side.arm, *counts, estimate, interval, fit])
        header = (
            "run", "arm", "experiments", "discoveries", "verified", "rate", "95% interval", "R² of a line",
        )  # fmt: skip
        lines = [*markdown.table(header, rows), ""]
        for side in (self.first, self.second):
            whose = "the paper's" if side.arm == "release" else "a run of our own and not the paper's"
            lines.append(f"{side.name} is {whose}. A discovery there {side.discovery}.")
        for difference in self.differences:
            found = difference.interval
            lines.append(
                f"{self.first.name} minus {self.second.name}, per {difference.unit}: {found.estimate:+.3g}, "
                f"95% interval {found.low:+.3g} to {found.high:+.3g}."
                + (f" {difference.not_compared}" if difference.not_compared else "")
            )
        lines.append(
            f"Intervals: percentile bootstrap over experiments, {self.resamples} resamples, "
            f"seed {self.seed}. They take experiments as independent, which a search with parents is not: "
            "they are too narrow."
        )
        return "\n".join(lines)


def compare_runs(first: Outcomes, second: Outcomes, *, seed: int, resamples: int) -> Comparison:
    """Rates of both runs and their differences, in every unit that both have.

    Args:
        seed: of the resampling.
        resamples: draws.
    """
    rng = np.random.default_rng(seed)
    drawn = [_draws(outcomes, rng, resamples) for outcomes in (first, second)]
    sides = [_side(outcomes, draws) for outcomes, draws in zip((first, second), drawn, strict=True)]
    differences = []
    for unit in drawn[0]:
        if unit in drawn[1]:
            (rate_a, draws_a), (rate_b, draws_b) = drawn[0][unit], drawn[1][unit]
            interval = _interval(rate_a - rate_b, draws_a - draws_b)
            differences.append(Difference(unit, interval, _not_compared(first, second, unit)))
    return Comparison(sides[0], sides[1], tuple(differences), resamples, seed)


def curve(outcomes: Outcomes) -> list[dict[str, Any]]:
    """The cumulative curve: experiments, FLOPs (None where not known), discoveries and best score so far."""
    rows: list[dict[str, Any]] = []
    flops, found, verified, best = 0.0, 0, 0, None
    for place, index in enumerate(outcomes.indices):
        found += outcomes.found[place]
        verified += outcomes.verified[place]
        score = outcomes.scores[place]
        best = score if best is None or (score is not None and score > best) else best
        flops += outcomes.flops[place] if outcomes.flops is not None else 0.0
        rows.append(
            {
                "run": outcomes.name,
                "index": index,
                "experiments": place + 1,
                "flops": None if outcomes.flops is None else flops,
                "discoveries": found,
                "verified": verified,
                "best_score": best,
            }
        )
    return rows


def write_curves(runs: Sequence[Outcomes], path: Path) -> None:
    """Write the runs' cumulative curves as one CSV file; nothing for a missing value."""
    rows = [row for outcomes in runs for row in curve(outcomes)]
    atomic_write(path, csv_text(rows))


def _draws(outcomes: Outcomes, rng: np.random.Generator, resamples: int) -> dict[str, tuple[float, Vector]]:
    """By unit: the rate, and the rate of each resample."""
    found = np.asarray(outcomes.found, dtype=np.float64)
    rows = rng.integers(0, len(found), size=(resamples, len(found)))
    drawn = found[rows].mean(axis=1)
    made = {PER_EXPERIMENTS: (100 * float(found.mean()), 100 * drawn)}
    if outcomes.flops is not None and sum(outcomes.flops) > 0:
        compute = np.asarray(outcomes.flops, dtype=np.float64) / 1e15
        made[PER_FLOPS] = (
            float(found.sum() / compute.sum()),
            found[rows].sum(axis=1) / compute[rows].sum(axis=1),
        )
    return made


def _side(outcomes: Outcomes, draws: dict[str, tuple[float, Vector]]) -> Side:
    rows = curve(outcomes)
    counts = [row["discoveries"] for row in rows]
    rates = []
    for unit, (rate, drawn) in draws.items():
        at = [row["experiments" if unit == PER_EXPERIMENTS else "flops"] for row in rows]
        grows = len(set(counts)) > 1 and len(set(at)) > 1
        rates.append(Rate(unit, _interval(rate, drawn), _stable(fit_line(at, counts).r2) if grows else None))
    return Side(
        outcomes.name,
        outcomes.arm,
        outcomes.discovery,
        len(outcomes.indices),
        outcomes.count,
        sum(outcomes.verified),
        tuple(rates),
    )


def _interval(estimate: float, draws: Vector) -> Interval:
    low, high = np.quantile(draws[np.isfinite(draws)], [0.025, 0.975])
    return Interval(*(_stable(value) for value in (estimate, low, high)))


def _stable(value: float) -> float:
    """To nine significant digits: the last bits of a sum depend on the processor."""
    return float(f"{value:.9g}")


def _not_compared(first: Outcomes, second: Outcomes, unit: str) -> str:
    if first.discovery != second.discovery:
        return "The two do not count the same thing as a discovery, so this is no measure of which is better."
    if unit == PER_EXPERIMENTS and first.flops is not None and second.flops is not None:
        means = [sum(o.flops or ()) / len(o.indices) for o in (first, second)]
        if min(means) > 0 and max(means) / min(means) > 1.05:
            return "An experiment of one costs more compute than one of the other."
    return ""


__all__ = ["Comparison", "Outcomes", "compare_runs", "curve", "read_outcomes", "write_curves"]
