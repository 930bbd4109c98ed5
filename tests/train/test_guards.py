"""When a training is stopped."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asi_repro.train.guards import MIN_PEERS, MIN_TIMED_STEPS, Watch, interpolate, slow_limit

CURVE = ((1, 10.0), (100, 5.0), (200, 4.0))


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_stops_at_once(loss):
    stop = Watch().look(1, loss, timed_steps=1, seconds=0.1)
    assert stop is not None
    assert (stop.reason, stop.step) == ("nan", 1)


def test_a_loss_far_below_deltanets_stops_but_not_before_its_time():
    watch = Watch(reference=CURVE, leak_ratio=0.5, leak_from=50)
    assert watch.look(49, 0.1, timed_steps=49, seconds=1) is None
    assert watch.look(100, 2.51, timed_steps=100, seconds=1) is None
    stop = watch.look(100, 2.49, timed_steps=100, seconds=1)
    assert stop is not None
    assert stop.reason == "leak"
    assert "5.0000" in stop.detail


def test_without_a_reference_or_with_ratio_zero_there_is_no_leak_guard():
    assert Watch(leak_ratio=0.5).look(100, 0.001, timed_steps=1, seconds=0) is None
    assert Watch(reference=CURVE).look(100, 0.001, timed_steps=1, seconds=0) is None


def test_slow_needs_enough_steps_and_enough_peers():
    assert slow_limit([1.0] * (MIN_PEERS - 1), 3.0) is None
    assert slow_limit([1.0, 2.0, 9.0], 0.0) is None
    assert slow_limit([1.0, 2.0, 9.0], 3.0) == 6.0
    watch = Watch(slow_seconds=6.0)
    assert watch.look(2, 3.0, timed_steps=MIN_TIMED_STEPS - 1, seconds=1000) is None
    stop = watch.look(9, 3.0, timed_steps=MIN_TIMED_STEPS, seconds=6.1 * MIN_TIMED_STEPS)
    assert stop is not None
    assert stop.reason == "slow"


def test_the_time_limit_holds_without_peers():
    stop = Watch(max_seconds=10).look(1, 3.0, timed_steps=1, seconds=10.5)
    assert stop is not None
    assert stop.reason == "slow"


@given(st.integers(1, 200))
def test_between_two_points_the_reference_lies_between_them(step):
    value = interpolate(CURVE, step)
    assert value is not None
    assert 4.0 <= value <= 10.0
    assert interpolate(CURVE, 201) is None
    assert interpolate((), step) is None


def test_a_watch_survives_its_message():
    watch = Watch(CURVE, 0.5, 3, 2.0, math.inf)
    assert Watch.from_message(watch.message()) == watch
