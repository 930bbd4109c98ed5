"""Who may know of whom, and who is drawn: by index alone."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asi_repro.config.discover import PoolSettings
from asi_repro.discover.loop.pool import Pool
from asi_repro.discover.loop.schedule import Draw, Schedule
from asi_repro.discover.types import Candidate, Metrics

PAPER = Schedule(cold_start=200, refresh=50, window=8, seed=1)
METRICS = Metrics(4.0, {"a": 0.5}, 0.5)


def candidate(index: int, fitness: float) -> Candidate:
    return Candidate(index, f"n{index}", "why", "code", 1, fitness, METRICS)


def test_the_papers_schedule():
    states = {index: PAPER.snapshot(index) for index in (1, 2, 200, 201, 250, 251, 300, 301)}
    assert states == {1: 0, 2: 1, 200: 1, 201: 200, 250: 200, 251: 250, 300: 250, 301: 300}


@given(st.integers(1, 40), st.integers(1, 20), st.integers(1, 12), st.integers(1, 300))
def test_an_experiment_needs_only_earlier_ones_and_at_most_a_window_may_run_at_once(
    cold, batch, window, index
):
    plan = Schedule(cold, batch, window, 0)
    assert 0 <= plan.snapshot(index) <= plan.memory(index) <= plan.needs(index) < index
    assert plan.needs(index) >= index - window
    assert plan.snapshot(index) <= plan.snapshot(index + 1)


@given(st.integers(0, 10**6), st.integers(1, 60), st.integers(0, 9))
def test_some_draws_different_places(seed, of, count):
    found = Draw(str(seed)).some(count, of)
    assert found == sorted(set(found))
    assert len(found) == min(count, of)
    assert all(0 <= place < of for place in found)


def test_the_pool_keeps_the_best_and_the_earlier_of_equals():
    pool = Pool([candidate(i, 0.5 if i in (3, 7) else i / 100) for i in range(1, 70)], PoolSettings())
    assert len(pool.ranked) == 50
    assert [c.index for c in pool.ranked[:3]] == [69, 68, 67]
    ranks = [c.index for c in pool.ranked]
    assert ranks.index(3) < ranks.index(7)


def test_parents_come_from_the_first_ten_ranks_and_references_from_11_to_50():
    pool = Pool([candidate(i, i / 100) for i in range(1, 60)], PoolSettings())
    parents, references = Counter(), Counter()
    for index in range(2000):
        sample = pool.sample(PAPER.draw(index, "sample"))
        parents[sample.ranks[0]] += 1
        references.update(sample.ranks[1:])
        assert len(set(sample.ranks)) == 5
        assert sample.parent == pool.ranked[sample.ranks[0] - 1]
    assert set(parents) == set(range(1, 11))
    assert set(references) == set(range(11, 51))
    assert min(parents.values()) > 120  # 200 each, by chance
    assert max(parents.values()) < 280


def test_a_young_pool_gives_what_it_has():
    alone = Pool([candidate(1, 0.5)], PoolSettings()).sample(PAPER.draw(1, "sample"))
    assert (alone.parent.index, alone.references) == (1, ())
    few = Pool([candidate(i, i / 10) for i in (1, 2, 3)], PoolSettings()).sample(PAPER.draw(1, "sample"))
    assert {few.parent.index, *(c.index for c in few.references)} == {1, 2, 3}
    with pytest.raises(ValueError, match="empty pool"):
        Pool([], PoolSettings()).sample(PAPER.draw(1, "sample"))
