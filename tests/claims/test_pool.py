"""The parent's rank under the assumed schedules, against counting by hand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from asi_repro.archive.reader import Experiment
from asi_repro.claims.pool import parent_ranks, schedules


def experiments(scores: list[float | None], parents: list[int]) -> list[Experiment]:
    """Experiments 1, 2, ...; the first is the root, `parents` are positions for the rest."""
    return [
        Experiment(
            place + 1, f"n{place}", None, None if place == 0 else parent + 1, 0, 0, score, False, False
        )
        for place, (score, parent) in enumerate(zip(scores, [0, *parents], strict=True))
    ]


@st.composite
def runs(draw: st.DrawFn) -> list[Experiment]:
    size = draw(st.integers(2, 40))
    value = st.one_of(st.none(), st.integers(0, 12).map(float))
    scores = draw(st.lists(value, min_size=size, max_size=size))
    parents = [draw(st.integers(0, place - 1)) for place in range(1, size)]
    return experiments(scores, parents)


@given(runs(), st.integers(1, 7))
def test_ranks_are_those_of_counting(run: list[Experiment], refresh: int) -> None:
    for schedule in schedules(refresh):
        found = parent_ranks(run, run[1:], schedule)
        for place, child in enumerate(run[1:], 1):
            parent_place = child.parent - 1  # type: ignore[operator]
            score = run[parent_place].score
            seen = schedule.seen(place, parent_place)
            known = schedule.bound or parent_place < seen
            pool = [e.score for e in run[:seen] if e.score is not None]
            expected = 1 + sum(s > score for s in pool) if known and score is not None else None
            assert found[child.index] == expected, (schedule.name, child.index)


@given(runs(), st.integers(1, 7))
def test_no_schedule_ranks_a_parent_above_the_bounds(run: list[Experiment], refresh: int) -> None:
    everything = schedules(refresh)
    bounds = [s for s in everything if s.bound]
    for schedule in everything:
        ranks = parent_ranks(run, run[1:], schedule)
        for bound in bounds:
            best = parent_ranks(run, run[1:], bound)
            for index, rank in ranks.items():
                if rank is not None and not schedule.bound:
                    assert best[index] is not None
                    assert best[index] <= rank  # type: ignore[operator]


def test_no_schedule_has_seen_the_child_itself() -> None:
    for schedule in schedules(50):
        assert all(
            schedule.seen(before, parent) <= before
            for before in range(1, 400)
            for parent in range(0, before, 7)
        )
