"""How sure a comparison is: intervals over seeds, paired bootstrap, Holm, the best of many under the null.

Pure functions of numbers; every draw comes from a generator that is handed in. Scores of two models on the
same items are compared item by item, since items differ far more than models do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from asi_repro.results.differences import Difference, Spread, WinnersCurse

Matrix = NDArray[np.float64]
_CELLS_AT_ONCE = 4_000_000
_LEVEL = 0.95
_SHARE = 0.1
_ROUNDING = 1e-12  # sums in another order leave a last bit where a difference is none


def mean_interval(values: ArrayLike) -> Spread:
    """The mean of values (one a seed) and its 95% t interval.

    Raises:
        ValueError: for no values.
    """
    array = np.asarray(values, dtype=np.float64)
    if not len(array):
        raise ValueError("a mean of no values")
    mean = float(array.mean())
    if len(array) == 1:
        return Spread(mean=mean, count=1)
    error = float(array.std(ddof=1)) / math.sqrt(len(array))
    reach = float(stats.t.ppf((1 + _LEVEL) / 2, len(array) - 1)) * error
    return Spread(mean=mean, low=mean - reach, high=mean + reach, count=len(array))


def paired_bootstrap(
    models: Sequence[Sequence[ArrayLike]],
    reference: Sequence[ArrayLike],
    *,
    rng: np.random.Generator,
    resamples: int,
    equal_within: float = _ROUNDING,
) -> list[Difference]:
    """The difference of each model's mean score from the reference's: items resampled in pairs, and seeds.

    Items are drawn for all models together; seeds, where there are several, for each by itself. Tasks weigh
    the same however many items they have.

    Args:
        models: for each model, for each task, scores (seeds, items) on the reference's items.
        reference: for each task, scores (seeds, items).
        equal_within: a smaller difference in a draw is none.

    Raises:
        ValueError: where the items of a task are not the same number, or there are none.
    """
    ours = [[_matrix(task) for task in model] for model in models]
    theirs = [_matrix(task) for task in reference]
    for model in ours:
        for mine, other in zip(model, theirs, strict=True):
            if mine.shape[1] != other.shape[1] or not mine.shape[1]:
                raise ValueError(f"scores of {mine.shape[1]} and {other.shape[1]} items are not paired")
    reference_weights = _draw_weights(theirs[0].shape[0], resamples, rng)
    weights = {
        seeds: _draw_weights(seeds, resamples, rng) for seeds in sorted({len(model[0]) for model in ours})
    }
    draws = np.zeros((len(ours), resamples))
    for number, other in enumerate(theirs):
        for part, counts in _item_counts(other.shape[1], resamples, rng):
            base = ((counts @ other.T) * reference_weights[part]).sum(axis=1)
            for place, model in enumerate(ours):
                mean = ((counts @ model[number].T) * weights[len(model[0])][part]).sum(axis=1)
                draws[place, part] += (mean - base) / other.shape[1] / len(theirs)
    draws[np.abs(draws) < equal_within] = 0.0
    estimates = [
        float(np.mean([mine.mean() - other.mean() for mine, other in zip(model, theirs, strict=True)]))
        for model in ours
    ]
    return [difference_of(estimate, row) for estimate, row in zip(estimates, draws, strict=True)]


def ratio_draws(
    events: ArrayLike, exposures: Sequence[ArrayLike], *, rng: np.random.Generator, resamples: int
) -> list[Matrix]:
    """Events per unit of each exposure in bootstrap resamples of the rows: for each, shape (resamples,).

    Args:
        events: one number a row, such as 1 for a discovery.
        exposures: for each unit, what each row took of it. The same rows are drawn for all units.
    """
    columns = np.column_stack([np.asarray(values, dtype=np.float64) for values in (events, *exposures)])
    sums = np.zeros((resamples, columns.shape[1]))
    for part, counts in _item_counts(len(columns), resamples, rng):
        sums[part] = counts @ columns
    with np.errstate(divide="ignore", invalid="ignore"):
        return [sums[:, 0] / sums[:, place] for place in range(1, columns.shape[1])]


def welch(model: ArrayLike, reference: ArrayLike) -> Difference:
    """The difference of two means of values (one a seed), with Welch's 95% interval and p-value.

    With a single value on a side there is neither: it tells nothing of the spread.
    """
    a, b = np.asarray(model, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    estimate = float(a.mean() - b.mean())
    if min(len(a), len(b)) < 2 or not (a.std() or b.std()):
        return Difference(estimate=estimate)
    found = stats.ttest_ind(a, b, equal_var=False)
    interval = found.confidence_interval(_LEVEL)
    return Difference(
        estimate=estimate, low=float(interval.low), high=float(interval.high), p_value=float(found.pvalue)
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min((len(p_values) - rank) * p_values[place], 1.0))
        adjusted[place] = highest
    return adjusted


def winners_curse(
    differences: Sequence[ArrayLike], *, rng: np.random.Generator, resamples: int
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
        for part, counts in _item_counts(task.shape[1], resamples, rng):
            draws[part] += counts @ centred.T / task.shape[1] / len(tasks)
    best = draws.max(axis=1)
    observed = float(means.max())
    return WinnersCurse(
        models=len(means),
        observed=observed,
        expected=float(best.mean()),
        high=float(np.quantile(best, _LEVEL)),
        p_value=float((np.count_nonzero(best >= observed) + 1) / (resamples + 1)),
    )


def window_at_flops(
    steps: Sequence[int], losses: Sequence[float], flops_per_step: float, budget: float
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
    first = inside[-1][0] * (1 - _SHARE)
    return [loss for step, loss in inside if step > first]


def difference_of(estimate: float, draws: Matrix) -> Difference:
    """A difference with 95% percentile interval and p-value of its bootstrap draws, shape (resamples,)."""
    tail = (1 - _LEVEL) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    beyond = min(np.count_nonzero(draws <= 0), np.count_nonzero(draws >= 0))
    p_value = min(2 * (int(beyond) + 1) / (len(draws) + 1), 1.0)
    return Difference(estimate=estimate, low=float(low), high=float(high), p_value=p_value)


def _matrix(values: ArrayLike) -> Matrix:
    array = np.asarray(values, dtype=np.float64)
    return array[None, :] if array.ndim == 1 else array


def _item_counts(items: int, resamples: int, rng: np.random.Generator) -> Iterator[tuple[slice, Matrix]]:
    """How often each item is drawn, (draws, items), for some of the draws at a time."""
    step = max(_CELLS_AT_ONCE // items, 1)
    for start in range(0, resamples, step):
        stop = min(start + step, resamples)
        rows = np.repeat(np.arange(stop - start), items) * items
        drawn = rng.integers(0, items, len(rows))
        counts = np.bincount(rows + drawn, minlength=len(rows)).reshape(stop - start, items)
        yield slice(start, stop), counts.astype(np.float64)


def _draw_weights(seeds: int, resamples: int, rng: np.random.Generator) -> Matrix:
    """Share of each seed in each draw."""
    if seeds == 1:
        return np.ones((resamples, 1))
    return np.asarray(rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=resamples) / seeds)
