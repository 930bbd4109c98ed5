"""Statistics that the questions share; every draw from a generator that is handed in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from asi_repro.facts.context import Context, Vector
from asi_repro.results.statistics import Interval, spearman_interval

Rows = NDArray[np.int64]


def bootstrap(
    size: int, statistic: Callable[[Rows], float], *, rng: np.random.Generator, resamples: int
) -> Interval:
    """A statistic of rows 0 to `size` - 1 with its 95% percentile interval over rows drawn anew."""
    draws = [statistic(rng.integers(0, size, size)) for _ in range(resamples)]
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return Interval(float(statistic(np.arange(size))), float(low), float(high))


def median_interval(values: Vector, context: Context) -> Interval:
    """The median of `values` with its bootstrap interval."""
    return bootstrap(
        len(values),
        lambda rows: float(np.median(values[rows])),
        rng=context.rng(),
        resamples=context.settings.resamples,
    )


def share(count: int, total: int) -> Interval:
    """A share with its exact 95% interval (Clopper-Pearson)."""
    low, high = stats.binomtest(count, total).proportion_ci(0.95, "exact")
    return Interval(count / total, float(low), float(high))


def correlation(x: Vector, y: Vector, context: Context) -> tuple[Interval, float]:
    """Spearman's rank correlation with its bootstrap interval, and its two-sided p-value."""
    interval = spearman_interval(x, y, rng=context.rng(), resamples=context.settings.resamples)
    return interval, float(stats.spearmanr(x, y).pvalue)


def detectable(size: int) -> float:
    """The correlation that a two-sided test at 0.05 finds in four cases of five, by Fisher's z."""
    return float(np.tanh(2.8 / np.sqrt(size - 3))) if size > 3 else 1.0


def permutation_p(
    observed: float, draw: Callable[[], float], resamples: int, *, two_sided: bool = True
) -> tuple[float, float]:
    """The mean of a statistic under the null, and the p-value of the observed one (never 0).

    Args:
        draw: the statistic of one permutation.
        two_sided: by the distance from the null's mean; else by values at least as high.
    """
    null = np.asarray([draw() for _ in range(resamples)])
    centre = float(null.mean())
    if two_sided:
        extreme = np.abs(null - centre) >= abs(observed - centre) - 1e-12
    else:
        extreme = null >= observed - 1e-12
    return centre, (int(extreme.sum()) + 1) / (resamples + 1)


def standard_error(points: float | Vector, items: int | Vector) -> Vector:
    """Binomial standard error of an accuracy in points of 100, in points."""
    rate = np.asarray(points, dtype=np.float64) / 100
    return np.asarray(100 * np.sqrt(rate * (1 - rate) / items))


def within_blocks(blocks: Sequence[int], rng: np.random.Generator) -> Rows:
    """A permutation of places that moves each only among those of its block."""
    labels = np.asarray(blocks)
    order = np.arange(len(labels))
    for block in np.unique(labels):
        places = np.flatnonzero(labels == block)
        order[places] = rng.permutation(places)
    return order


def shown(interval: Interval, form: str = ".2f") -> str:
    """The number with its interval."""
    return f"{interval.estimate:{form}} [{interval.low:{form}}, {interval.high:{form}}]"


def percent(interval: Interval) -> str:
    """A share as percent with its interval."""
    return f"{100 * interval.estimate:.1f}% [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"


def listed(names: Iterable[object]) -> str:
    """Names in a sentence; "none" where there are none."""
    words = [str(name) for name in names]
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else (words or ["none"])[0]
