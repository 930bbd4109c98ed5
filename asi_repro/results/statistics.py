"""Statistics of the checks: named tests and intervals, every draw from a generator that is handed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Vector = NDArray[np.float64]
_DRAWS_AT_ONCE = 1000


@dataclass(frozen=True)
class Line:
    """A least-squares line."""

    slope: float
    intercept: float
    r2: float


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval."""

    estimate: float
    low: float
    high: float


def fit_line(x: ArrayLike, y: ArrayLike) -> Line:
    """Ordinary least squares of `y` on `x`.

    Raises:
        ValueError: where all of `x` are equal, or there are fewer than two points.
    """
    result = stats.linregress(_vector(x), _vector(y))
    return Line(float(result.slope), float(result.intercept), float(result.rvalue) ** 2)


def spearman_interval(
    x: ArrayLike, y: ArrayLike, *, rng: np.random.Generator, resamples: int, level: float = 0.95
) -> Interval:
    """Spearman's rank correlation with a percentile bootstrap interval over pairs."""
    first, second = _vector(x), _vector(y)
    draws = np.concatenate(
        [_row_correlations(first[rows], second[rows]) for rows in _index_draws(len(first), resamples, rng)]
    )
    low, high = _quantiles(draws[np.isfinite(draws)], level)
    return Interval(float(stats.spearmanr(first, second).statistic), low, high)


def spearman_contrast(
    x: ArrayLike, other: ArrayLike, y: ArrayLike, *, rng: np.random.Generator, resamples: int
) -> Interval:
    """How much better `x` agrees with `y` than `other` does: the difference of their Spearman correlations.

    The interval is a percentile bootstrap over the same draws for both.
    """
    first, second, measure = _vector(x), _vector(other), _vector(y)
    draws = np.concatenate(
        [
            _row_correlations(first[rows], measure[rows]) - _row_correlations(second[rows], measure[rows])
            for rows in _index_draws(len(measure), resamples, rng)
        ]
    )
    low, high = _quantiles(draws[np.isfinite(draws)], 0.95)
    estimate = stats.spearmanr(first, measure).statistic - stats.spearmanr(second, measure).statistic
    return Interval(float(estimate), low, high)


def _index_draws(size: int, resamples: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    starts = range(0, resamples, _DRAWS_AT_ONCE)
    return [rng.integers(0, size, size=(min(_DRAWS_AT_ONCE, resamples - start), size)) for start in starts]


def _row_correlations(x: Vector, y: Vector) -> Vector:
    """Spearman's correlation of each row of `x` with the same row of `y`; NaN where one is constant."""
    a = stats.rankdata(x, axis=1) - (x.shape[1] + 1) / 2
    b = stats.rankdata(y, axis=1) - (y.shape[1] + 1) / 2
    scale = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((a * b).sum(axis=1) / scale, dtype=np.float64)


def _quantiles(draws: Vector, level: float) -> tuple[float, float]:
    tail = (1 - level) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return float(low), float(high)


def detectable_correlation(size: int) -> float:
    """The correlation that a two-sided test at 0.05 finds in four cases of five, by Fisher's z."""
    return float(np.tanh(2.8 / np.sqrt(size - 3))) if size > 3 else 1.0


@dataclass(frozen=True)
class Trend:
    """A monotone trend: Theil–Sen slope with interval, Mann–Kendall test."""

    slope: Interval
    tau: float
    p_value: float


def trend(x: ArrayLike, y: ArrayLike, *, level: float = 0.95) -> Trend:
    """Theil–Sen slope of `y` over `x` with Sen's interval, and the two-sided Mann–Kendall test.

    The Mann–Kendall test is the test of Kendall's tau (tau-b, for ties) between `y` and the order.
    """
    first, second = _vector(x), _vector(y)
    slope, _, low, high = stats.theilslopes(second, first, alpha=level)
    test = stats.kendalltau(first, second)
    if not np.isfinite(test.pvalue):  # all values equal: no trend
        return Trend(Interval(0.0, 0.0, 0.0), 0.0, 1.0)
    return Trend(Interval(float(slope), float(low), float(high)), float(test.statistic), float(test.pvalue))


@dataclass(frozen=True)
class Chance:
    """What drawing without replacement gives: the expected overlap and P(overlap or more)."""

    expected: float
    p_value: float


def overlap_by_chance(overlap: int, drawn: int, marked: int, population: int) -> Chance:
    """The hypergeometric overlap of a random `drawn` with `marked` of `population`."""
    as_many_or_more = stats.hypergeom(population, marked, drawn).sf(overlap - 1)
    return Chance(drawn * marked / population, float(as_many_or_more))


def uniform_distance(events: ArrayLike, low: float, high: float) -> tuple[float, float]:
    """Kolmogorov–Smirnov distance of `events` from a uniform distribution, and its p-value.

    No events are at no distance: (0, 1).
    """
    if not len(_vector(events)):
        return 0.0, 1.0
    result = stats.kstest(_vector(events), stats.uniform(low, high - low).cdf)
    return float(result.statistic), float(result.pvalue)


def rank_probability(first: ArrayLike, second: ArrayLike) -> tuple[float, float]:
    """P(a value of `first` exceeds one of `second`), ties half, and Mann–Whitney's one-sided p-value."""
    a, b = _vector(first), _vector(second)
    result = stats.mannwhitneyu(a, b, alternative="greater")
    return float(result.statistic) / (len(a) * len(b)), float(result.pvalue)


def random_order_r2(
    places: Sequence[float], size: int, x: ArrayLike, *, rng: np.random.Generator, resamples: int
) -> Vector:
    """R² of a line through the cumulative count of `size` random ones among `places`, over and over.

    Each draw marks `size` of the places at random and counts, at every value of `x`, how many marked
    places are not above it. A count that is the same at every `x` has no R², and its draw is left out.

    Returns:
        R² of each draw that has one, sorted, shape [at most resamples].
    """
    points, at = _vector(x), np.sort(_vector(places))
    centred = points - points.mean()
    found = []
    for _ in range(resamples):
        marked = np.sort(rng.choice(at, size, replace=False))
        counts = np.searchsorted(marked, points, side="right").astype(np.float64)
        if np.ptp(counts) > 0:
            spread = counts - counts.mean()
            found.append((centred @ spread) ** 2 / ((centred @ centred) * (spread @ spread)))
    return np.sort(np.asarray(found))


def sign_flip_test(differences: ArrayLike, *, rng: np.random.Generator, resamples: int) -> float:
    """Two-sided p-value of a mean of paired differences: signs are as likely either way under the null.

    Exact for up to 16 differences, and else over random signs (never 0).
    """
    array = _vector(differences)
    bound = abs(array.sum()) - 1e-12
    if len(array) <= 16:
        signs = 1 - 2 * (np.arange(2 ** len(array))[:, None] >> np.arange(len(array)) & 1)
        return float(np.mean(np.abs(signs @ array) >= bound))
    extreme = np.count_nonzero(np.abs(rng.choice((-1.0, 1.0), (resamples, len(array))) @ array) >= bound)
    return float((extreme + 1) / (resamples + 1))


def binomial_difference_error(first: float, second: float, examples: int) -> float:
    """Standard error of the difference of two accuracies (0 to 1), each over its own `examples`."""
    return float(np.sqrt((first * (1 - first) + second * (1 - second)) / examples))


def agrees(printed: float, value: float, decimals: int) -> bool:
    """Whether `value` rounds to `printed`, either way where it lies half-way."""
    return abs(printed - value) <= 0.5 * 10.0**-decimals + 1e-9


def descending_ranks(values: Sequence[float]) -> list[int]:
    """1 for the highest; equal values share the best rank."""
    return [int(rank) for rank in stats.rankdata([-v for v in values], method="min")]


def _vector(values: Any) -> Vector:
    return np.asarray(values, dtype=np.float64)
