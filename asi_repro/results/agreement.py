"""How far opinions agree with outcomes, with each other, and with the order in which they were asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from asi_repro.results.statistics import sign_flip_test, spearman_interval

FEWEST = 5


@dataclass(frozen=True)
class Agreement:
    """Spearman's rank correlation of an opinion with an outcome; None where it cannot be told.

    Attributes:
        pairs: that have both.
        low, high: 95% bootstrap interval over pairs.
        p_value: two-sided.
        why: what is missing, "" where nothing is.
    """

    outcome: str
    pairs: int
    rho: Optional[float] = None
    low: Optional[float] = None
    high: Optional[float] = None
    p_value: Optional[float] = None
    why: str = ""


@dataclass(frozen=True)
class Repeatability:
    """Opinions of the same thing, asked for several times.

    Attributes:
        things: asked about more than once.
        within: pooled standard deviation of the answers about one thing.
        between: standard deviation of the things' means.
        single: intraclass correlation, one-way: how much of the variance of one answer is of the thing; may
            be below 0 by chance.
        mean_of_all: the same of the mean of all answers about a thing (Spearman–Brown).
    """

    things: int
    answers: float
    within: float
    between: float
    single: Optional[float]
    mean_of_all: Optional[float]


@dataclass(frozen=True)
class OrderEffect:
    """Whether an opinion hangs on when it is given.

    Attributes:
        first_minus_later: mean difference of the first answer about a thing from the mean of its later ones.
        first_p: its two-sided sign-flip p-value.
        drift: Spearman's correlation of opinion and order over the run.
        drift_p: two-sided.
        drift_at_equal_outcome: partial rank correlation, the outcome held equal: a run that improves has a
            drift that is none of the opinion's own.
    """

    first_minus_later: Optional[float]
    first_p: Optional[float]
    drift: Optional[float]
    drift_p: Optional[float]
    drift_at_equal_outcome: Optional[float]


def agreement(
    outcome: str,
    opinions: Sequence[float | None],
    outcomes: Sequence[float | None],
    *,
    rng: np.random.Generator,
    resamples: int,
) -> Agreement:
    """The agreement over the pairs that have both numbers."""
    pairs = [
        (a, b)
        for a, b in zip(opinions, outcomes, strict=True)
        if a is not None and b is not None and math.isfinite(a) and math.isfinite(b)
    ]
    if len(pairs) < FEWEST:
        return Agreement(
            outcome, len(pairs), why="not recorded" if not pairs else f"fewer than {FEWEST} pairs"
        )
    first, second = np.array(pairs).T
    if len(set(first)) == 1 or len(set(second)) == 1:
        return Agreement(outcome, len(pairs), why="one side has a single value")
    found = spearman_interval(first, second, rng=rng, resamples=resamples)
    p_value = float(stats.spearmanr(first, second).pvalue)
    return Agreement(outcome, len(pairs), found.estimate, found.low, found.high, p_value)


def repeatability(samples: Sequence[Sequence[float]]) -> Repeatability | None:
    """How much repeated answers differ; None where fewer than 2 things were asked about more than once."""
    several = [np.asarray(one, dtype=np.float64) for one in samples if len(one) > 1]
    if len(several) < 2:
        return None
    sizes = np.array([len(one) for one in several])
    means = np.array([one.mean() for one in several])
    total, things = int(sizes.sum()), len(several)
    grand = float((sizes * means).sum() / total)
    within = sum(float(((one - one.mean()) ** 2).sum()) for one in several) / (total - things)
    between = float((sizes * (means - grand) ** 2).sum()) / (things - 1)
    size = (total - float((sizes**2).sum()) / total) / (things - 1)  # for unequal numbers of answers
    scale = between + (size - 1) * within
    single = (between - within) / scale if scale > 0 else None
    mean_of_all = (between - within) / between if between > 0 else None
    return Repeatability(
        things, total / things, math.sqrt(within), float(means.std(ddof=1)), single, mean_of_all
    )


def order_effect(
    samples: Sequence[Sequence[float]],
    opinions: ArrayLike,
    outcomes: ArrayLike,
    *,
    rng: np.random.Generator,
    resamples: int,
) -> OrderEffect:
    """Of answers in the order they were given, and opinions with outcomes in the order of the run."""
    apart = [one[0] - float(np.mean(one[1:])) for one in samples if len(one) > 1]
    first = float(np.mean(apart)) if len(apart) >= FEWEST else None
    first_p = None if first is None else sign_flip_test(apart, rng=rng, resamples=resamples)
    opinion, outcome = (np.asarray(side, dtype=np.float64) for side in (opinions, outcomes))
    if len(opinion) < FEWEST or len(set(opinion)) == 1:
        return OrderEffect(first, first_p, None, None, None)
    order = np.arange(len(opinion))
    drift = stats.spearmanr(order, opinion)
    return OrderEffect(
        first, first_p, float(drift.statistic), float(drift.pvalue), _partial(opinion, order, outcome)
    )


def _partial(x: ArrayLike, y: ArrayLike, given: ArrayLike) -> float | None:
    """Rank correlation of x and y with the third held equal; None where that is not defined."""
    if len(set(np.asarray(given).tolist())) == 1:
        return None
    xy, xz, yz = (float(stats.spearmanr(a, b).statistic) for a, b in ((x, y), (x, given), (y, given)))
    scale = math.sqrt(max((1 - xz**2) * (1 - yz**2), 0.0))
    return (xy - xz * yz) / scale if scale > 1e-9 else None
