"""How well a measurement repeats itself over seeds, and how many seeds would tell models apart.

Pure functions of numbers; every draw comes from a generator that is handed in. A matrix has a row a model and
a column a seed; what all models share in a seed (the order of the text) is taken out as the column's mean.

Sources: Shrout and Fleiss, Intraclass correlations (1979), ICC(3,1) and ICC(3,k); Spearman's and Brown's
formula for a longer test (1910); Blom's approximation of normal order statistics (1958).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Matrix = NDArray[np.float64]
_MIN_MODELS = 3
POWER, LEVEL = 0.8, 0.05


@dataclass(frozen=True)
class Reliability:
    """How well one number of a model repeats itself.

    Attributes:
        models, seeds: the shape of what it is from.
        between: standard deviation of the models' true values; 0 where seeds explain all that is seen.
        within: standard deviation of one seed around its model's value.
        single: intraclass correlation of one seed, ICC(3,1): 1 is perfect, 0 or less is noise.
        low, high: its 95% bootstrap interval over the models.
        mean: that of the mean over the seeds, ICC(3,k).
        split_half: Spearman's correlation between two seeds, the mean over all pairs of them.
    """

    models: int
    seeds: int
    between: float
    within: float
    single: float
    low: float
    high: float
    mean: float
    split_half: float

    @property
    def ceiling(self) -> float:
        """The highest correlation that the mean over seeds can show with anything, on average."""
        return math.sqrt(max(self.mean, 0.0))


def reliability(values: ArrayLike, *, rng: np.random.Generator, resamples: int) -> Reliability | None:
    """The reliability of values (models, seeds); None for fewer than three models or two seeds.

    None also where all models have the same value in a seed: there is nothing to repeat.
    """
    matrix = np.asarray(values, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] < _MIN_MODELS or matrix.shape[1] < 2:
        return None
    if not np.ptp(matrix, axis=0).all():
        return None
    count, seeds = matrix.shape
    rows, error = _mean_squares(matrix)
    draws = np.array(
        [_single(*_mean_squares(matrix[rng.integers(0, count, count)]), seeds) for _ in range(resamples)]
    )
    draws = draws[np.isfinite(draws)]
    low, high = np.quantile(draws, [0.025, 0.975]) if len(draws) else (math.nan, math.nan)
    return Reliability(
        models=count,
        seeds=seeds,
        between=math.sqrt(max(rows - error, 0.0) / seeds),
        within=math.sqrt(error),
        single=_single(rows, error, seeds),
        low=float(low),
        high=float(high),
        mean=(rows - error) / rows if rows else 0.0,
        split_half=float(
            np.mean(
                [
                    stats.spearmanr(matrix[:, a], matrix[:, b]).statistic
                    for a, b in combinations(range(seeds), 2)
                ]
            )
        ),
    )


def longer(single: float, times: float) -> float:
    """Reliability of the mean of so many seeds from that of one (Spearman–Brown)."""
    return times * single / (1 + (times - 1) * single)


def seeds_to_separate(between: float, within: float, *, models: int, first: int, second: int) -> int | None:
    """Seeds of each model after which its place and another's are told apart in 8 of 10 cases (p < 0.05).

    Args:
        between: standard deviation of the models' true values, taken as normal.
        within: standard deviation of one seed.
        models: how many there are.
        first, second: the two places, from 1 for the best.

    Returns:
        None where the models' true values do not differ measurably.
    """
    if between <= 0:
        return None
    places = [stats.norm.ppf(1 - (place - 0.375) / (models + 0.25)) for place in (first, second)]
    gap = between * float(places[0] - places[1])
    needed = stats.norm.ppf(1 - LEVEL / 2) + stats.norm.ppf(POWER)
    return max(math.ceil(2 * float(needed * within / gap) ** 2), 2)


def pooled_deviation(groups: Sequence[ArrayLike]) -> tuple[float, int]:
    """Standard deviation of a seed around its model's mean, and its degrees of freedom.

    Only models with several seeds tell; (0, 0) where there is none.
    """
    several = [group for each in groups if len(group := np.asarray(each, dtype=np.float64)) > 1]
    freedom = sum(len(group) - 1 for group in several)
    if not freedom:
        return 0.0, 0
    squares = sum(float(((group - group.mean()) ** 2).sum()) for group in several)
    return math.sqrt(squares / freedom), freedom


def pooled_test(
    ours: list[float], theirs: list[float], deviation: float, freedom: int
) -> tuple[float, float | None]:
    """The difference of two means over seeds and its two-sided p-value, with the pooled deviation of a seed.

    No p-value without a deviation.
    """
    estimate = float(np.mean(ours) - np.mean(theirs))
    error = deviation * math.sqrt(1 / len(ours) + 1 / len(theirs))
    return estimate, 2 * float(stats.t.sf(abs(estimate) / error, freedom)) if error > 0 else None


def _mean_squares(matrix: Matrix) -> tuple[float, float]:
    """Of models, and of what neither models nor seeds explain."""
    count, seeds = matrix.shape
    grand = matrix.mean()
    models, columns = matrix.mean(axis=1), matrix.mean(axis=0)
    rest = matrix - models[:, None] - columns[None, :] + grand
    rows = seeds * float(((models - grand) ** 2).sum()) / (count - 1)
    return rows, float((rest**2).sum()) / ((count - 1) * (seeds - 1))


def _single(rows: float, error: float, seeds: int) -> float:
    whole = rows + (seeds - 1) * error
    return (rows - error) / whole if whole else math.nan
