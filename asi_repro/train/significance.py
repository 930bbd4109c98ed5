"""How sure a comparison is: intervals over seeds, paired bootstrap, Holm, the best of many under the null.

Pure functions of numbers; every draw comes from a generator that is handed in. Scores of two models on the
same items are compared item by item, since items differ far more than models do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Matrix = NDArray[np.float64]
_CELLS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Estimate:
    """A mean with its interval.

    Attributes:
        mean: of the values.
        low, high: Student's t interval; None for a single value, which tells nothing of the spread.
        count: values.
    """

    mean: float
    low: float | None
    high: float | None
    count: int


def mean_interval(values: ArrayLike, level: float = 0.95) -> Estimate:
    """The mean of values (one a seed) and its t interval.

    Raises:
        ValueError: for no values.
    """
    array = np.asarray(values, dtype=np.float64)
    if not len(array):
        raise ValueError("a mean of no values")
    mean = float(array.mean())
    if len(array) == 1:
        return Estimate(mean, None, None, 1)
    error = float(array.std(ddof=1)) / math.sqrt(len(array))
    reach = float(stats.t.ppf((1 + level) / 2, len(array) - 1)) * error
    return Estimate(mean, mean - reach, mean + reach, len(array))


@dataclass(frozen=True)
class Difference:
    """Model minus reference.

    Attributes:
        estimate: the difference.
        low, high: percentile bootstrap interval.
        p_value: two-sided; never 0: (draws beyond zero + 1) / (draws + 1), twice.
    """

    estimate: float
    low: float
    high: float
    p_value: float


def paired_bootstrap(
    strata: Sequence[tuple[ArrayLike, ArrayLike]],
    *,
    rng: np.random.Generator,
    resamples: int,
    level: float = 0.95,
) -> Difference:
    """The difference of mean scores, items resampled in pairs, and seeds where there are several.

    Args:
        strata: for each task the scores (seeds, items) of the model and of the reference on the same items;
            tasks weigh the same however many items they have. Seeds of the two are drawn independently.

    Raises:
        ValueError: where the items of a task are not the same number, or there are none.
    """
    pairs = [(_matrix(model), _matrix(reference)) for model, reference in strata]
    for model, reference in pairs:
        if model.shape[1] != reference.shape[1] or not model.shape[1]:
            raise ValueError(f"scores of {model.shape[1]} and {reference.shape[1]} items are not paired")
    estimate = float(np.mean([model.mean() - reference.mean() for model, reference in pairs]))
    first, second = pairs[0][0].shape[0], pairs[0][1].shape[0]
    model_weights = _draw_weights(first, resamples, rng)
    reference_weights = _draw_weights(second, resamples, rng)
    draws = np.zeros(resamples)
    for model, reference in pairs:
        items = model.shape[1]
        step = max(_CELLS_AT_ONCE // items, 1)
        for start in range(0, resamples, step):
            stop = min(start + step, resamples)
            mean = model_weights[start:stop] @ model - reference_weights[start:stop] @ reference
            counts = rng.multinomial(items, np.full(items, 1 / items), size=stop - start)
            draws[start:stop] += (counts * mean).sum(axis=1) / items / len(pairs)
    return _difference(estimate, draws, level)


def two_sample_bootstrap(
    model: ArrayLike,
    reference: ArrayLike,
    *,
    rng: np.random.Generator,
    resamples: int,
    level: float = 0.95,
) -> Difference:
    """The difference of two means of values that are not paired, each side resampled."""
    a, b = np.asarray(model, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    draws = a[rng.integers(0, len(a), (resamples, len(a)))].mean(axis=1)
    draws = draws - b[rng.integers(0, len(b), (resamples, len(b)))].mean(axis=1)
    return _difference(float(a.mean() - b.mean()), draws, level)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min((len(p_values) - rank) * p_values[place], 1.0))
        adjusted[place] = highest
    return adjusted


@dataclass(frozen=True)
class WinnersCurse:
    """What the best of many would show if none were better than the reference.

    Attributes:
        models: how many were compared.
        observed: the best one's difference from the reference.
        expected: mean of the best difference under the null.
        high: its upper quantile (95%): a best below it is no evidence of a better model.
        p_value: share of draws whose best is at least the observed one; never 0.
    """

    models: int
    observed: float
    expected: float
    high: float
    p_value: float


def winners_curse(
    differences: Sequence[ArrayLike],
    *,
    rng: np.random.Generator,
    resamples: int,
    level: float = 0.95,
) -> WinnersCurse:
    """The best of several models under the null that each equals the reference.

    Args:
        differences: for each task (models, items): each model's score minus the reference's on each item.
            Items are drawn for all models together, so that what models share stays shared.
    """
    tasks = [np.asarray(task, dtype=np.float64) for task in differences]
    means = np.mean([task.mean(axis=1) for task in tasks], axis=0)
    draws = np.zeros((resamples, len(means)))
    for task in tasks:
        centred = task - task.mean(axis=1, keepdims=True)
        items = task.shape[1]
        step = max(_CELLS_AT_ONCE // items, 1)
        for start in range(0, resamples, step):
            stop = min(start + step, resamples)
            counts = rng.multinomial(items, np.full(items, 1 / items), size=stop - start)
            draws[start:stop] += counts @ centred.T / items / len(tasks)
    best = draws.max(axis=1)
    observed = float(means.max())
    return WinnersCurse(
        models=len(means),
        observed=observed,
        expected=float(best.mean()),
        high=float(np.quantile(best, level)),
        p_value=float((np.count_nonzero(best >= observed) + 1) / (resamples + 1)),
    )


def window_at_flops(
    steps: Sequence[int], losses: Sequence[float], flops_per_step: float, budget: float, share: float = 0.1
) -> list[float]:
    """The losses of the last tenth of the steps that a budget of FLOPs pays for.

    Args:
        steps, losses: the points of a curve.
        flops_per_step: of this model.
        budget: FLOPs from the first step on.
    """
    paid = budget / flops_per_step * (1 + 1e-9)
    inside = [(step, loss) for step, loss in zip(steps, losses, strict=True) if step <= paid]
    if not inside:
        return []
    first = inside[-1][0] * (1 - share)
    return [loss for step, loss in inside if step > first]


def _difference(estimate: float, draws: Matrix, level: float) -> Difference:
    tail = (1 - level) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    beyond = min(np.count_nonzero(draws <= 0), np.count_nonzero(draws >= 0))
    p_value = min(2 * (int(beyond) + 1) / (len(draws) + 1), 1.0)
    return Difference(estimate, float(low), float(high), p_value)


def _matrix(values: ArrayLike) -> Matrix:
    array = np.asarray(values, dtype=np.float64)
    return array[None, :] if array.ndim == 1 else array


def _draw_weights(seeds: int, resamples: int, rng: np.random.Generator) -> Matrix:
    """Share of each seed in each draw."""
    if seeds == 1:
        return np.ones((resamples, 1))
    return np.asarray(rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=resamples) / seeds)
