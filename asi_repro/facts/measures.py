"""Statistics that the questions share; every draw from a generator that is handed in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from asi_repro.facts.context import Context, Vector
from asi_repro.facts.outcome import BOOTSTRAP, EXACT, Estimate, Found, tested
from asi_repro.results.statistics import Interval, detectable_correlation, spearman_interval

Rows = NDArray[np.int64]


def bootstrap(
    context: Context,
    size: int,
    statistic: Callable[[Rows], float],
    *,
    rng: np.random.Generator | None = None,
    part: int = 1,
    made: str = BOOTSTRAP,
) -> Estimate:
    """A statistic of rows 0 to `size` - 1 with its 95% percentile interval over rows drawn anew.

    Args:
        rng: where it is not the question's from its start.
        part: of the settings' resamples one in so many is drawn.
    """
    rng = rng or context.rng()
    draws = [statistic(rng.integers(0, size, size)) for _ in range(context.settings.resamples // part)]
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return Estimate(float(statistic(np.arange(size))), float(low), float(high), size, made)


def median_interval(context: Context, values: Vector, made: str = BOOTSTRAP) -> Estimate:
    """The median of `values` with its bootstrap interval."""
    return bootstrap(context, len(values), lambda rows: float(np.median(values[rows])), made=made)


def share(count: int, total: int) -> Estimate:
    """A share with its exact 95% interval (Clopper-Pearson)."""
    low, high = stats.binomtest(count, total).proportion_ci(0.95, "exact")
    return Estimate(count / total, float(low), float(high), total, EXACT)


def correlation(
    context: Context, x: Vector, y: Vector, *, rng: np.random.Generator | None = None
) -> Estimate:
    """Spearman's rank correlation with its bootstrap interval."""
    found = spearman_interval(x, y, rng=rng or context.rng(), resamples=context.settings.resamples)
    return Estimate(found.estimate, found.low, found.high, len(x), BOOTSTRAP)


def correlation_found(context: Context, x: Vector, y: Vector, sentence: str, *, falls: bool = False) -> Found:
    """The answer of a question whether y rises (or falls) with x, by Spearman's rank correlation.

    Args:
        sentence: with a place for `{}`, the correlation and its interval.
    """
    estimate, p_value = correlation(context, x, y), float(stats.spearmanr(x, y).pvalue)
    return Found(
        answer=tested(-estimate.estimate if falls else estimate.estimate, p_value),
        sentence=sentence.format(shown(estimate)),
        estimate=estimate,
        numbers={"power": detectable_correlation(len(x))},
        p_value=p_value,
    )


def correlates(x: ArrayLike, y: ArrayLike) -> str:
    """Spearman's rank correlation with its two-sided p-value, in a sentence."""
    found = stats.spearmanr(x, y)
    return f"{found.statistic:.2f} (p = {found.pvalue:.2g})"


def permutation_p(
    observed: float,
    draw: Callable[[], float],
    resamples: int,
    *,
    two_sided: bool = True,
    centre: float | None = None,
) -> tuple[Vector, float]:
    """A statistic under the null, shape [resamples], and the p-value of the observed one (never 0).

    Args:
        draw: the statistic of one permutation.
        two_sided: by the distance from the centre; else by values at least as high.
        centre: of the null; its mean where it is not known.
    """
    null = np.asarray([draw() for _ in range(resamples)])
    if two_sided:
        centre = float(null.mean()) if centre is None else centre
        extreme = np.abs(null - centre) >= abs(observed - centre) - 1e-12
    else:
        extreme = null >= observed - 1e-12
    return null, (int(extreme.sum()) + 1) / (resamples + 1)


def standard_error(points: ArrayLike, items: ArrayLike) -> Vector:
    """Binomial standard error of an accuracy in points of 100, in points."""
    rate = np.asarray(points, dtype=np.float64) / 100
    return np.asarray(100 * np.sqrt(rate * (1 - rate) / np.asarray(items)))


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
