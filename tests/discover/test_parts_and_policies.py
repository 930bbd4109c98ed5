"""The loop with a part switched off, or with another way to choose parents, on a made-up lab."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from fake_team import SETTINGS, begin, do_all, fake_job, in_child
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from asi_repro.config.discover import DiscoverSettings, FitnessSettings, PoolSettings
from asi_repro.discover.loop.pool import Pool
from asi_repro.discover.loop.schedule import Schedule
from asi_repro.discover.run.content import ANALYSIS, DISCOVERY
from asi_repro.discover.run.recorded import commit_lines
from asi_repro.discover.types import Candidate, Metrics
from asi_repro.errors import DataError
from asi_repro.replay.policy import policy_of

SCHEDULE = Schedule(cold_start=4, refresh=4, window=4, seed=1)


def discoveries(run) -> list[dict]:
    files = run.store.files(run.store.commits().values(), (DISCOVERY, ANALYSIS))
    return [{**json.loads(one[DISCOVERY]), "text": one[ANALYSIS].decode()} for one in files]


def settings(pool: dict | None = None, **changes) -> DiscoverSettings:
    """The fake team's, as those of an arm that has an Engineer."""
    fitness = FitnessSettings(components=["loss", "benchmark"])
    parts = {"arm": "llm", "fitness": fitness, "promote": 0, **changes}
    return SETTINGS.model_copy(update={**parts, "pool": SETTINGS.pool.model_copy(update=pool or {})})


@pytest.mark.parametrize("part", ["analyst", "novelty", "references", "repairs"])
def test_a_part_that_is_switched_off_leaves_no_trace_and_the_others_do(tmp_path, part):
    run = begin(tmp_path / "run", settings(without=[part]))
    do_all(fake_job(run.folder))
    found = discoveries(run)[1:]
    assert len(found) > 8
    present = {
        "analyst": any(one["text"].strip() for one in found),
        "novelty": any("novelty" in one for one in found),
        "references": any(one["references"] for one in found),
        "repairs": any(one["repairs"] for one in found),
    }
    assert present == {name: name != part for name in present}
    assert all(len(one["ranks"]) == 1 + len(one["references"]) for one in found)


def test_the_judge_cannot_be_switched_off_and_asked_for():
    assert DiscoverSettings(arm="llm").components == ("loss", "benchmark", "judge")
    assert DiscoverSettings(arm="llm", without=["judge"]).components == ("loss", "benchmark")
    with pytest.raises(ValidationError, match="switches the judge off"):
        DiscoverSettings.model_validate(
            {"arm": "llm", "without": ["judge"], "fitness": {"components": ["loss", "judge"]}}
        )
    for part in ("judge", "cognition", "repairs"):
        with pytest.raises(ValidationError, match="arm operators does not have"):
            DiscoverSettings(without=[part])


@pytest.mark.parametrize("policy", ["greedy", "ucb1", "islands", "random"])
def test_commits_do_not_depend_on_what_runs_beside_what(tmp_path, policy):
    made = []
    for name, processes in (("one", 1), ("three", 3)):
        run = begin(tmp_path / name, settings({"policy": policy, "islands": 2}))
        children = [in_child(fake_job(run.folder)) for _ in range(processes)]
        for child in children:
            child.join(120)
        assert [child.exitcode for child in children] == [0] * processes
        made.append(commit_lines(run))
    assert made[0] == made[1]
    with pytest.raises(DataError, match=f"chose its parents by {policy}"):
        policy_of(run.folder)


def candidate(
    index: int, fitness: float, parent: int | None = 1, lines: int = 1, size: int = 100
) -> Candidate:
    metrics = Metrics(4.0, {"a": 0.5}, 0.5, parameters=size)
    return Candidate(index, f"n{index}", "why", "x\n" * lines, parent, fitness, metrics)


def parents(candidates: list[Candidate], draws: int = 400, **changes) -> Counter[int]:
    pool = Pool(candidates, PoolSettings(**changes))
    samples = [pool.choose(SCHEDULE.draw(n, "sample"), n, 0) for n in range(draws)]
    assert all(one.parent not in one.references for one in samples)
    return Counter(one.parent.index for one in samples)


TEN = [candidate(1, 0.5, None), *(candidate(n, 0.5 + n / 100) for n in range(2, 11))]


def test_greedy_takes_the_best_and_random_takes_all_alike():
    assert parents(TEN, policy="greedy") == {10: 400}
    drawn = parents(TEN, policy="random", capacity=3, draws=2000)
    assert set(drawn) == set(range(1, 11))  # also those that the pool does not hold
    assert min(drawn.values()) > 140  # 200 each; the standard deviation is 13


def test_ucb1_plays_the_best_until_its_children_disappoint_and_spreads_a_batch():
    pool = Pool(TEN, PoolSettings(policy="ucb1", ucb_factor=0.0))
    draw = SCHEDULE.draw(11, "sample")
    assert pool.choose(draw, 11, 0).parent.index == 10
    worse = [*TEN, candidate(11, 0.1, parent=10)]
    assert Pool(worse, PoolSettings(policy="ucb1", ucb_factor=0.0)).choose(draw, 12, 0).parent.index == 9
    wide = Pool(TEN, PoolSettings(policy="ucb1", ucb_factor=1.0))
    assert len({wide.choose(draw, 11, beside).parent.index for beside in range(8)}) > 4


def test_an_island_sees_its_own_the_first_program_and_one_visitor():
    drawn = parents(
        [candidate(1, 0.5, None), *(candidate(n, 0.5 + n / 100, lines=30 * n) for n in range(2, 11))],
        policy="islands",
        islands=2,
    )
    assert set(drawn) == set(range(1, 11))
    even = Pool(
        [candidate(n, n / 100, lines=30 * n) for n in range(1, 11)], PoolSettings(policy="islands", islands=2)
    )
    seen = {even.choose(SCHEDULE.draw(n, "sample"), n, 0).parent.index for n in range(2, 400, 2)}
    assert seen == {2, 4, 6, 8, 10, 1, 9}
    # Of two in one cell of the grid the better one stays.
    alike = [candidate(1, 0.1, None), candidate(2, 0.3), candidate(4, 0.4), candidate(6, 0.2, size=300)]
    assert set(parents(alike, policy="islands", islands=1)) == {4, 6}


@given(
    st.sampled_from(["pool", "greedy", "ucb1", "islands", "random"]),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 5), st.integers(0, 60)), min_size=1, max_size=40),
    st.integers(0, 6),
    st.integers(0, 9),
)
def test_every_policy_gives_a_parent_and_references_that_are_there(policy, rows, references, beside):
    listed = [
        candidate(n, fitness, None if n == 1 else max(n // (2 + by), 1), lines)
        for n, (fitness, by, lines) in enumerate(rows, 1)
    ]
    made = PoolSettings(policy=policy, references=references, capacity=12, parents=3)
    pool = Pool(listed, made)
    sample = pool.choose(SCHEDULE.draw(len(rows) + 1, "sample"), len(rows) + 1, beside)
    assert sample.parent in listed
    assert sample.parent not in sample.references
    assert {one.index for one in sample.references} <= {one.index for one in pool.ranked}
    assert len(sample.references) == len({one.index for one in sample.references}) <= references
    ranked = sorted(listed, key=lambda one: (-one.fitness, one.index))
    assert [ranked[rank - 1] for rank in sample.ranks] == [sample.parent, *sample.references]
