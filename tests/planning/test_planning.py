"""The plan: schedules by arithmetic, the drivers' own order, and what a person may get wrong."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asi_repro.discover.loop.schedule import Schedule
from asi_repro.errors import AsiReproError, DataError, MissingInput
from asi_repro.executor.virtual import VirtualExecutor
from asi_repro.planning.simulation import end_times, experiment_hours, plan_run, plan_sweep
from asi_repro.planning.times import Assumptions, forward_speeds

whole = st.integers(min_value=1, max_value=40)
ASSUMED = Assumptions()


def plain(durations: list[int], workers: int) -> tuple[int, list[int]]:
    """A schedule second by second: the end, and the order in which tasks end."""
    left = list(enumerate(durations))
    running: list[tuple[int, int]] = []
    clock, order = 0, []
    while left or running:
        while left and len(running) < workers:
            position, spent = left.pop(0)
            running.append((clock + spent, position))
        clock += 1
        order += sorted(position for end, position in running if end == clock)
        running = [(end, position) for end, position in running if end != clock]
    return clock, order


@given(st.lists(whole, min_size=1, max_size=12), st.integers(1, 5))
def test_the_virtual_executor_keeps_the_schedule_of_a_clock_that_ticks(
    durations: list[int], workers: int
) -> None:
    executor = VirtualExecutor(workers, lambda task: float(durations[task]))
    order: list[int] = []
    executor.run(
        lambda task, stop: task, range(len(durations)), on_result=lambda task, value: order.append(task)
    )
    assert (executor.now, order) == plain(durations, workers)
    assert executor.busy == sum(durations)
    assert executor.utilisation == pytest.approx(sum(durations) / (workers * executor.now))


def test_an_error_is_a_lost_task_there_too() -> None:
    def call(task: int, stop: object) -> int:
        if task == 1:
            raise DataError("no")
        return task

    took: list[int] = []
    lost = VirtualExecutor(2, lambda task: 1.0).run(
        call, [0, 1, 2], on_result=lambda task, value: took.append(value)
    )
    assert took == [0, 2]
    assert [(one.task, type(one.error)) for one in lost] == [(1, DataError)]


def test_deltanet_trains_alone_before_all_others() -> None:
    plan = plan_sweep(dict.fromkeys(range(8), 2.0), 8, Assumptions(doubling=0.5))
    assert (plan.per_task, plan.hours, plan.first_wave_hours) == (1, 4.0, 2.0)
    assert plan.training + plan.evaluation == pytest.approx(9 * 2.0 / (8 * 4.0))
    assert plan.evaluation == pytest.approx(0.15 * plan.training)
    assert plan.waiting_for_reference == pytest.approx(7 * 2.0 / (8 * 4.0))
    assert plan.waiting_at_the_end == pytest.approx(0, abs=1e-9)
    assert plan.dollars == pytest.approx(8 * 4.0 * ASSUMED.price)


def test_many_gpus_share_a_training_where_that_is_quicker() -> None:
    plan = plan_sweep(dict.fromkeys(range(4), 2.0), 16, Assumptions(doubling=1.0))
    assert (plan.per_task, plan.hours) == (8, 0.75)  # DeltaNet, then two by two


@given(st.lists(st.floats(0.5, 9), min_size=1, max_size=30), st.integers(0, 4))
def test_no_sweep_is_quicker_than_its_work_or_its_longest_training(hours: list[float], power: int) -> None:
    gpus = 2**power
    plan = plan_sweep(dict(enumerate(hours)), gpus, Assumptions(doubling=1.0))
    middle = sorted(hours)[len(hours) // 2]
    assert plan.hours >= (sum(hours) + middle) / gpus * (1 - 1e-9)
    assert plan.hours >= (max(hours) + middle) / min(gpus, 8) * (1 - 1e-9)
    shares = (plan.training, plan.evaluation, plan.waiting_for_reference, plan.waiting_at_the_end)
    assert min(shares) >= 0
    assert sum(shares) == pytest.approx(1)


def test_one_worker_never_waits_for_a_batch_and_many_wait_for_its_longest() -> None:
    hours = experiment_hours([1.0, 2.0, 3.0], ASSUMED, count=400, seed=1)
    assert sum(hours) / 400 == pytest.approx(ASSUMED.explore_gpu_hours, rel=0.1)
    assert hours == experiment_hours([1.0, 2.0, 3.0], ASSUMED, count=400, seed=1)
    alone = plan_run(hours, 1, ASSUMED)
    assert alone.waiting_for_batch == pytest.approx(0, abs=1e-9)
    assert alone.training + alone.evaluation + alone.waiting_for_llm == pytest.approx(1)
    # Experiment 1 is the first program; with so short a cold start all others come in batches.
    assumed = Assumptions(cold_start=1)
    full, twice = (plan_run([1.0, *hours], workers, assumed) for workers in (50, 100))
    llm = ASSUMED.llm_minutes / 60
    longest = [max(hours[start : start + 50]) + llm for start in range(0, 400, 50)]
    assert full.days * 24 == pytest.approx(math.fsum([1.0 + llm, *longest]))
    assert twice.days == pytest.approx(full.days)  # a batch of 50 has no work for more than 50
    assert twice.per_thousand_gpu_hours == pytest.approx(full.per_thousand_gpu_hours / 2)


@given(st.lists(whole, min_size=1, max_size=40), st.integers(1, 6), st.integers(1, 5), st.integers(1, 9))
def test_a_schedule_is_that_of_the_executor_batch_by_batch(
    durations: list[int], workers: int, cold_start: int, refresh: int
) -> None:
    plan = Schedule(cold_start, refresh, window=len(durations), seed=0)
    ends = end_times(plan, durations, workers)
    executor = VirtualExecutor(workers, float)
    by_snapshot = itertools.groupby(enumerate(durations, 1), key=lambda one: plan.snapshot(one[0]))
    for _, batch in by_snapshot:
        executor.run(
            lambda task, stop: None, [spent for _, spent in batch], on_result=lambda task, value: None
        )
    assert max(ends) == executor.now


@given(st.lists(whole, min_size=1, max_size=40), st.integers(1, 6), st.integers(1, 6))
def test_no_experiment_begins_before_what_it_needs_is_finished(
    durations: list[int], workers: int, window: int
) -> None:
    plan = Schedule(3, 5, window=window, seed=0)
    ends = end_times(plan, durations, workers)
    for index, (end, spent) in enumerate(zip(ends, durations, strict=True), start=1):
        assert end - spent >= max(ends[: plan.needs(index)], default=0)
    for end in ends:
        running = [1 for other, took in zip(ends, durations, strict=True) if other - took < end <= other]
        assert len(running) <= workers


def test_a_window_of_two_leaves_work_for_two() -> None:
    plan = Schedule(8, 6, window=2, seed=0)
    lengths = [max(end_times(plan, [1.0] * 64, workers)) for workers in (1, 2, 4)]
    assert lengths[0] == 64
    assert lengths[1] == lengths[2] < 40


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (None, MissingInput),
        ("{", DataError),
        ("[]", DataError),
        ("{}", MissingInput),
        ('{"1": {"forward": {"512": 1}}}', MissingInput),
        ('{"x": {"forward": {"2048": 1}}}', DataError),
        ('{"1": {"forward": {"2048": "1"}}}', DataError),
        ('{"1": {"forward": {"2048": true}}}', DataError),
        ('{"1": {"forward": {"2048": Infinity}}}', DataError),
        ('{"1": {"forward": {"2048": -1}}}', DataError),
    ],
)
def test_times_that_are_missing_or_damaged(tmp_path: Path, text: str | None, error: type[Exception]) -> None:
    path = tmp_path / "times.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(error):
        forward_speeds(path)


def test_speeds_are_over_their_median(tmp_path: Path) -> None:
    path = tmp_path / "times.json"
    path.write_text(json.dumps({str(n): {"forward": {"2048": n / 10}} for n in (1, 2, 4)}))
    assert forward_speeds(path) == {1: 0.5, 2: 1.0, 4: 2.0}


@pytest.mark.parametrize("text", ["", "0", "8,x", "-1"])
def test_a_list_of_sizes_that_is_none(text: str) -> None:
    from asi_repro.cli.plan import _numbers

    with pytest.raises(AsiReproError, match="positive integers"):
        _numbers(text)


@pytest.mark.parametrize("text", ["price", "price=x", "prices=1", "utilisation=2"])
def test_an_assumption_that_is_none(text: str) -> None:
    from asi_repro.cli.plan import _assumptions

    with pytest.raises(AsiReproError):
        _assumptions([text])
