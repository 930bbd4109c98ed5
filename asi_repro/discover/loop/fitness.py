"""Fitness of an experiment (paper, equation 2): the mean of terms in 0 to 1, none of them ever made up."""

from __future__ import annotations

import math

from asi_repro.config.discover import DiscoverSettings
from asi_repro.discover.types import Judgement, LeakSuspected, Metrics
from asi_repro.errors import DataError
from asi_repro.store.records import Record

# exp() may differ in the last bit from one C library to the next; a commit's bytes must not.
_DIGITS = 9


class Fitness(Record):
    """A fitness with its terms.

    Attributes:
        value: their mean, 0 to 1.
        terms: each component's term, 0 to 1; only those that are used.
        loss_difference, benchmark_difference: better than the baseline by, as a share of it, not clamped.
        beats_baseline: better than the baseline in both metrics: a discovery of the first stage.
    """

    value: float
    terms: dict[str, float]
    loss_difference: float
    benchmark_difference: float
    beats_baseline: bool


def compute_fitness(
    metrics: Metrics, baseline: Metrics, judgement: Judgement | None, settings: DiscoverSettings
) -> Fitness:
    """Equation 2.

    Raises:
        LeakSuspected: where the loss is lower than the baseline's by more than the margin.
        DataError: where a component is missing, or not a number in its range.
    """
    loss, benchmark = differences(metrics, baseline, settings)
    rule = settings.fitness
    terms: dict[str, float] = {}
    for component in settings.components:
        if component == "judge":
            terms[component] = _judged(judgement)
        else:
            difference = loss if component == "loss" else benchmark
            terms[component] = sigmoid(difference, steepness=rule.steepness, clamp=rule.clamp)
    return Fitness(
        value=round(math.fsum(terms.values()) / len(terms), _DIGITS),
        terms=terms,
        loss_difference=loss,
        benchmark_difference=benchmark,
        beats_baseline=loss > 0 and benchmark > 0,
    )


def differences(metrics: Metrics, baseline: Metrics, settings: DiscoverSettings) -> tuple[float, float]:
    """How much better than the baseline in loss and benchmark, as shares of the baseline's.

    Raises:
        LeakSuspected, DataError: as `compute_fitness`.
    """
    loss = _positive(metrics.train_loss, "train_loss")
    reference = _positive(baseline.train_loss, "the baseline's train_loss")
    lower = (reference - loss) / reference
    margin = settings.fitness.leak_margin
    if lower > margin:
        raise LeakSuspected(
            f"the training loss {loss:.4f} is {lower:.1%} below the baseline's {reference:.4f}, "
            f"more than {margin:.0%}"
        )
    _check_tasks(metrics, baseline)
    score, reference = _share(metrics.benchmark, "benchmark"), baseline.benchmark
    higher = (score - reference) / _positive(reference, "the baseline's benchmark")
    return round(lower, _DIGITS), round(higher, _DIGITS)


def sigmoid(difference: float, *, steepness: float, clamp: float) -> float:
    """σ of a relative difference that is cut at ±`clamp`; 0.5 for none."""
    cut = max(-clamp, min(clamp, difference))
    return round(1.0 / (1.0 + math.exp(-steepness * cut)), _DIGITS)


def _judged(judgement: Judgement | None) -> float:
    if judgement is None:
        raise DataError(
            "the fitness includes the component judge, but there is no judgement",
            where="params.yaml: discover.fitness.components",
            hint="remove judge from the components if the arm has no judge",
        )
    return _share(judgement.score, "the judge's score")


def _check_tasks(metrics: Metrics, baseline: Metrics) -> None:
    if set(metrics.scores) != set(baseline.scores) or not metrics.scores:
        raise DataError(
            f"the scores are of {sorted(metrics.scores)}, but the baseline's are of "
            f"{sorted(baseline.scores)}",
            where="discover: fitness",
        )
    for task, score in metrics.scores.items():
        _share(score, f"the score of {task}")


def _positive(value: float, name: str) -> float:
    if not math.isfinite(value) or value <= 0:
        raise DataError(
            f"{name} is {value}, but the fitness needs a number above 0", where="discover: fitness"
        )
    return value


def _share(value: float, name: str) -> float:
    if not math.isfinite(value) or not 0 <= value <= 1:
        raise DataError(
            f"{name} is {value}, but the fitness needs a number from 0 to 1", where="discover: fitness"
        )
    return value
