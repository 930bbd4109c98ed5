"""What luck alone gives a search: how often the best improves, how good the best of N is, what noise does.

Pure functions of scores in the order they came. A score that is missing, NaN or infinite is never the best.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from asi_repro.results.reliability import pooled_deviation

Vector = NDArray[np.float64]
Scores = Sequence[Optional[float]]
_CELLS = 20_000_000  # of all permutations together
_CELLS_AT_ONCE = 2_000_000
FEWEST = 5  # scores that a distribution can be drawn from


@dataclass(frozen=True)
class Improvements:
    """How often the best score was beaten, beside the same scores in random order.

    Attributes:
        observed: times that a score beat the best so far; the first score is none.
        expected: mean over random orders.
        high: 95% quantile over random orders.
        p_value: share of random orders with at least as many; never 0. Small: later scores are better than
            earlier ones more often than luck has it.
        orders: random orders drawn.
        tau: Kendall's rank correlation of score and order, above 0 where later scores are better.
        tau_p: its two-sided p-value; 1 where all scores are equal.
    """

    observed: int
    expected: float
    high: float
    p_value: float
    orders: int
    tau: float
    tau_p: float


@dataclass(frozen=True)
class BestOfN:
    """The best of a run beside the best of as many independent draws from its first generation.

    Attributes:
        observed: the best score.
        draws: N, the scores of the run.
        pool: scores of the first generation, which are drawn from with replacement.
        expected: mean of the best of N.
        high: its 95% quantile in the run's direction; no draw can pass the best of the pool.
        p_value: chance that the best of N is at least as good; None where N is larger than the pool, whose
            best such a draw all but always is.
        normal_high: the quantile for draws from a normal distribution with the pool's mean and standard
            deviation, which have a tail; that the tail is normal is an assumption.
        normal_p: the chance for such draws.
    """

    observed: float
    draws: int
    pool: int
    expected: float
    high: float
    p_value: Optional[float]
    normal_high: float
    normal_p: float


@dataclass(frozen=True)
class Noise:
    """What measurement noise alone gives as many scores of equal true quality (normal).

    Attributes:
        deviation: standard deviation of one score.
        source: where it is from, for a reader.
        improvements: of the run.
        above: those that beat the best so far by more than noise does once in 20 times (1.64 √2 deviations).
        gain: of the run's best over its first score, in its direction.
        expected_gain: mean gain under noise alone.
        high_gain: its 95% quantile: a smaller gain is no evidence of a better program.
    """

    deviation: float
    source: str
    improvements: int
    above: int
    gain: float
    expected_gain: float
    high_gain: float


def finite_scores(scores: Scores) -> Vector:
    """The scores as an array, shape [N]; NaN where one is missing or infinite."""
    array = np.array([math.nan if score is None else score for score in scores], dtype=np.float64)
    return np.where(np.isfinite(array), array, math.nan)


def best_so_far(scores: Scores, *, higher: bool = True) -> Vector:
    """The best of the scores up to each place, shape [N]; NaN before the first score."""
    array = finite_scores(scores)
    return np.asarray((np.fmax if higher else np.fmin).accumulate(array) if len(array) else array)


def steps_up(scores: Scores, *, higher: bool = True) -> Vector:
    """By how much each improvement beat the best so far, above 0."""
    found = _upwards(scores, higher)
    if len(found) < 2:
        return np.zeros(0)
    gains = found[1:] - np.maximum.accumulate(found)[:-1]
    return np.asarray(gains[gains > 0])


def improvements(
    scores: Scores, *, rng: np.random.Generator, resamples: int, higher: bool = True
) -> Improvements | None:
    """The improvements of a run and of its own scores in random order; None for fewer than 5 scores.

    Args:
        resamples: random orders; fewer for very long runs.
    """
    found = _upwards(scores, higher)
    if len(found) < FEWEST:
        return None
    orders = max(min(resamples, _CELLS // len(found)), 100)
    counts: list[Vector] = []
    step = max(_CELLS_AT_ONCE // len(found), 1)
    for start in range(0, orders, step):
        drawn = rng.permuted(np.tile(found, (min(step, orders - start), 1)), axis=1)
        counts.append((np.diff(np.maximum.accumulate(drawn, axis=1), axis=1) > 0).sum(axis=1))
    all_counts = np.concatenate(counts)
    observed = len(steps_up(scores, higher=higher))
    trend = stats.kendalltau(np.arange(len(found)), found)
    tau, tau_p = (
        float(v) if math.isfinite(v) else d for v, d in ((trend.statistic, 0.0), (trend.pvalue, 1.0))
    )
    return Improvements(
        observed,
        float(all_counts.mean()),
        float(np.quantile(all_counts, 0.95, method="inverted_cdf")),
        float((np.count_nonzero(all_counts >= observed) + 1) / (orders + 1)),
        orders,
        tau,
        tau_p,
    )


def best_of_n(scores: Scores, pool: Scores, *, higher: bool = True) -> BestOfN | None:
    """The best of a run beside the best of N draws from `pool`, exactly; None where `pool` has fewer than 5.

    Args:
        scores: of the run; N is how many of them are numbers.
        pool: of its first generation.
    """
    run, drawn = _upwards(scores, higher), np.sort(_upwards(pool, higher))
    if len(drawn) < FEWEST or not len(run):
        return None
    observed, size, n = float(run.max()), len(drawn), len(run)
    # P(best of n <= the k-th smallest) = (k / size) ** n.
    below = (np.arange(size + 1) / size) ** n
    expected = float(np.diff(below) @ drawn)
    high = float(drawn[int(np.searchsorted(below[1:], 0.95))])
    worse = int(np.searchsorted(drawn, observed, side="left"))
    p_value = float(1 - (worse / size) ** n) if n <= size else None
    normal = stats.norm(drawn.mean(), drawn.std(ddof=1) or np.finfo(float).tiny)
    normal_high, normal_p = float(normal.ppf(0.95 ** (1 / n))), float(-np.expm1(n * normal.logcdf(observed)))
    sign = 1.0 if higher else -1.0
    drawn_ends = (sign * expected, sign * high, p_value, sign * normal_high, normal_p)
    return BestOfN(sign * observed, n, size, *drawn_ends)


def noise_alone(scores: Scores, deviation: float, source: str, *, higher: bool = True) -> Noise | None:
    """A run's improvements beside those of noise; None for fewer than 2 scores.

    Under noise alone the best of n is the first score or the best of n - 1 others, whichever is better; the
    gain's mean is the mean of the best of n, and its quantile is found from the distribution of the gain.
    """
    found = _upwards(scores, higher)
    n = len(found)
    if n < 2:
        return None
    gains = steps_up(scores, higher=higher)
    # Rounded: the last bits of an integral depend on the processor.
    expected, high = (round(value, 6) * deviation for value in _gain_of_noise(n))
    above = int(np.count_nonzero(gains > stats.norm.ppf(0.95) * math.sqrt(2) * deviation))
    return Noise(deviation, source, len(gains), above, float(found.max() - found[0]), expected, high)


def _gain_of_noise(n: int) -> tuple[float, float]:
    """Mean and 95% quantile of (best of n) - (the first of them), standard normal."""
    at = np.linspace(-9.0, 9.0, 3601)
    weight = stats.norm.pdf(at) * (at[1] - at[0])
    mean = float((n * stats.norm.cdf(at) ** (n - 1) * weight) @ at)

    def below(gain: float) -> float:
        return float(stats.norm.cdf(at + gain) ** (n - 1) @ weight)

    low, high = 0.0, 18.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) < 0.95 else (low, middle)
    return mean, high


def repeat_deviation(repeats: Sequence[Scores]) -> tuple[float, int] | None:
    """The pooled standard deviation of repeated evaluations and its degrees of freedom; None without any.

    Args:
        repeats: for each program that was scored more than once, its scores.
    """
    deviation, freedom = pooled_deviation([_upwards(group, True) for group in repeats])
    return (deviation, freedom) if freedom else None


def _upwards(scores: Scores, higher: bool) -> Vector:
    """The scores that are numbers, in order, such that more is better."""
    array = finite_scores(scores)
    array = array[np.isfinite(array)]
    return array if higher else -array
