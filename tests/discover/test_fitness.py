"""Equation 2: what it gives, and what it refuses to make up."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asi_repro.config.discover import DiscoverSettings, FitnessSettings
from asi_repro.discover.loop.fitness import compute_fitness, sigmoid
from asi_repro.discover.types import Judgement, LeakSuspected, Metrics
from asi_repro.errors import DataError

BASE = Metrics(4.0, {"a": 0.4, "b": 0.6}, 0.5)
ALL = DiscoverSettings(arm="llm")
CONTROL = DiscoverSettings()
JUDGED = Judgement(0.9, {}, (0.9,))


def metrics(loss: float, benchmark: float) -> Metrics:
    return Metrics(loss, {"a": benchmark, "b": benchmark}, benchmark)


def test_the_mean_of_three_terms():
    found = compute_fitness(metrics(3.8, 0.525), BASE, JUDGED, ALL)
    loss, benchmark = 1 / (1 + math.exp(-40 * 0.05)), 1 / (1 + math.exp(-40 * 0.05))
    assert found.value == pytest.approx((loss + benchmark + 0.9) / 3, abs=1e-8)
    assert set(found.terms) == {"loss", "benchmark", "judge"}
    assert found.beats_baseline


def test_the_control_arm_has_two_terms_and_its_baseline_gets_a_half():
    found = compute_fitness(BASE, BASE, None, CONTROL)
    assert (found.value, found.terms) == (0.5, {"loss": 0.5, "benchmark": 0.5})
    assert not found.beats_baseline


@pytest.mark.parametrize(("loss", "benchmark"), [(3.9, 0.5), (4.0, 0.6), (4.1, 0.6), (3.9, 0.4)])
def test_better_in_one_metric_only_is_no_discovery(loss, benchmark):
    assert not compute_fitness(metrics(loss, benchmark), BASE, None, CONTROL).beats_baseline


@given(st.floats(3.61, 40), st.floats(0.0, 1.0), st.floats(0, 1))
def test_it_lies_in_0_to_1_and_rises_with_every_component(loss, benchmark, score):
    judged = Judgement(score, {}, (score,))
    found = compute_fitness(metrics(loss, benchmark), BASE, judged, ALL).value
    assert 0 <= found <= 1
    better = compute_fitness(metrics(max(loss * 0.99, 3.61), min(benchmark + 0.01, 1)), BASE, judged, ALL)
    assert better.value >= found


@given(st.floats(0.1, 5))
def test_differences_are_cut_at_ten_percent(beyond):
    ends = [sigmoid(sign * beyond, steepness=40, clamp=0.1) for sign in (1, -1)]
    assert ends == [sigmoid(sign * 0.1, steepness=40, clamp=0.1) for sign in (1, -1)]
    assert sum(ends) == pytest.approx(1)


def test_a_loss_more_than_ten_percent_below_the_baseline_is_discarded():
    compute_fitness(metrics(3.601, 0.5), BASE, None, CONTROL)
    with pytest.raises(LeakSuspected, match=r"3\.5900 is 10\.3% below"):
        compute_fitness(metrics(3.59, 0.5), BASE, None, CONTROL)


@pytest.mark.parametrize("loss", [math.nan, math.inf, 0.0, -1.0])
def test_a_loss_that_is_none_is_an_error_and_no_middling_score(loss):
    with pytest.raises(DataError, match="train_loss"):
        compute_fitness(metrics(loss, 0.5), BASE, None, CONTROL)


@pytest.mark.parametrize("benchmark", [math.nan, -0.1, 1.1])
def test_a_score_out_of_its_range_is_an_error(benchmark):
    with pytest.raises(DataError, match="score of a"):
        compute_fitness(metrics(4.0, benchmark), BASE, None, CONTROL)


def test_a_missing_task_is_an_error():
    with pytest.raises(DataError, match=r"\['a'\], but the baseline's are of \['a', 'b'\]"):
        compute_fitness(replace(BASE, scores={"a": 0.4}), BASE, None, CONTROL)


@pytest.mark.parametrize("score", [None, math.nan, 1.01])
def test_a_missing_or_impossible_judgement_is_an_error(score):
    judged = None if score is None else Judgement(score, {}, ())
    with pytest.raises(DataError, match="judge"):
        compute_fitness(BASE, BASE, judged, ALL)


def test_the_control_arm_cannot_ask_for_a_judge():
    with pytest.raises(ValueError, match="no judge"):
        DiscoverSettings(fitness=FitnessSettings(components=["loss", "judge"]))
