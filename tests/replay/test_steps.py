"""The steps and their summary, against the slow way and against the ledger of claims."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from replay_runs import experiment, policies, runs, slow_steps

from asi_repro.archive.reader import Archive, Experiment
from asi_repro.discover.loop.schedule import Schedule
from asi_repro.replay.policy import Policy, published_policy
from asi_repro.replay.steps import Ruling, replay
from asi_repro.replay.summary import phase_name, summarise
from asi_repro.text import counted


@settings(max_examples=60, deadline=None)
@given(runs(), policies)
def test_every_step_is_that_of_sorting_from_scratch(run: list[Experiment], policy: Policy) -> None:
    found = [
        {
            "index": step.experiment.index,
            "members": [index for index, _ in step.pool.members],
            "allowed": list(step.pool.allowed),
            "given": step.pool.seen,
            "refreshed": step.refreshed,
            "rank": step.rank,
            "at_best": step.best_rank,
            "ruling": str(step.ruling),
            "siblings": step.siblings,
            "gallery": step.gallery,
            "best": step.best_index,
        }
        for step in replay(run, policy)
    ]
    assert found == slow_steps(run, policy)


@settings(max_examples=30, deadline=None)
@given(runs(), policies)
def test_pools_follow_from_one_another(run: list[Experiment], policy: Policy) -> None:
    steps = replay(run, policy)
    members: set[int] = set()
    for step in steps:
        if step.refreshed:
            assert set(step.pool.left) <= members
            assert not set(step.pool.entered) & members
            members = members - set(step.pool.left) | set(step.pool.entered)
        assert members == {index for index, _ in step.pool.members}
        assert step.experiment.index not in members
        assert (step.experiment.parent in step.pool.allowed) == (step.ruling is Ruling.TOP) or (
            # Equal scores at the pool's edge: the rank is good enough, the place is taken.
            step.ruling is Ruling.TOP and len(step.pool.members) == policy.pool
        )


@settings(max_examples=40, deadline=None)
@given(runs(), policies, st.data())
def test_the_summary_counts_every_step_once(
    run: list[Experiment], policy: Policy, data: st.DataObject
) -> None:
    steps = replay(run, policy)
    start = data.draw(st.integers(0, len(steps) - 1))
    chosen = steps[start : data.draw(st.integers(start + 1, len(steps)))]
    summary = summarise(run, chosen, policy)
    rulings = Counter(step.ruling for step in chosen)
    for name, ruling in {
        "top": Ruling.TOP,
        "pool": Ruling.POOL,
        "outside": Ruling.OUTSIDE,
        "not_yet": Ruling.NOT_YET,
        "no_score": Ruling.NO_SCORE,
    }.items():
        assert sum(getattr(phase, name) for phase in summary.phases) == rulings[ruling]
    assert sum(phase.drawn for phase in summary.phases) == len(chosen) - rulings[Ruling.ROOT]
    assert sum(phase.gallery for phase in summary.phases) == sum(s.experiment.in_gallery for s in chosen)
    assert [phase.first for phase in summary.phases] == sorted(phase.first for phase in summary.phases)
    after = [step for step in chosen if step.position > policy.cold_start]
    assert all(not step.cold for step in after)
    assert (summary.total is None) == (not after)
    # The schedule of the policy itself is among the assumed ones: shares must agree where none is a root.
    if summary.total and summary.schedules and policy.late < 4 and summary.total.drawn == len(after):
        row = summary.schedules[1 + policy.late]
        if all(s.pool.seen > 1 for s in after):
            assert row["share_from_top"] == pytest.approx(summary.total.share)


def test_phases_are_named_by_exploration() -> None:
    run = [experiment(1, None, 1.0), *(experiment(2 * n, 1, 1.0) for n in range(1, 12))]
    policy = Policy(top=1, pool=2, refresh=1, cold_start=3)
    names = [phase_name(step, policy, len(run) - 1) for step in replay(run, policy)]
    assert names == ["first program", *["cold start, 1–3"] * 3, *["4–8"] * 5, *["9–11"] * 3]


@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(2, 40)), st.integers(1, 9), st.integers(1, 9))
def test_our_own_loop_is_replayed_by_its_own_plan(later: set[int], cold: int, refresh: int) -> None:
    plan = Schedule(cold_start=cold, refresh=refresh, window=1, seed=0)
    indices = [1, *sorted(later)]
    run = [experiment(i, None if i == 1 else 1, 1.0) for i in indices]
    steps = replay(run, Policy(2, 3, refresh, cold, by_index=True))
    for step in steps:
        may_hold = plan.snapshot(step.experiment.index)
        assert step.pool.seen == sum(i <= may_hold for i in indices)


def test_the_published_policy_is_the_papers() -> None:
    assert published_policy() == Policy(top=10, pool=50, refresh=50, cold_start=200, late=0)
    with pytest.raises(ValueError, match="not a policy"):
        Policy(top=0, pool=50, refresh=50, cold_start=200)


def test_the_release_agrees_with_the_claim_on_parents(release_archive: Path) -> None:
    from asi_repro.claims.pool import parent_ranks, refreshed

    run = list(Archive(release_archive).experiments.values())
    for late in (0, 2):
        policy = published_policy(late)
        steps = replay(run, policy)
        children = run[1 + policy.cold_start :]
        ranks = parent_ranks(run, children, refreshed(policy.refresh, late))
        assert {s.experiment.index: s.rank for s in steps[1 + policy.cold_start :]} == ranks
    assert len(steps) == 1772
    assert all(step.ruling is Ruling.TOP for step in steps[1:201])
    assert steps[-1].gallery == 106


@settings(max_examples=20, deadline=None)
@given(runs())
def test_gaps_and_missing_scores_are_said(run: list[Experiment]) -> None:
    notes = " ".join(summarise(run, replay(run, published_policy()), published_policy()).unknown)
    indices = [e.index for e in run]
    gaps = indices[-1] - indices[0] + 1 - len(indices)
    assert (f"{gaps} indices between" in notes) == (gaps > 0)
    scoreless = sum(e.score is None for e in run)
    assert (f"never in the pool: {counted(scoreless, 'experiment')}." in notes) == (scoreless > 0)


def test_a_resampled_parent_would_show() -> None:
    """The recorded parent is kept even where the policy forbids it."""
    run = [experiment(1, None, 1.0), experiment(2, 1, 3.0), experiment(3, 1, 2.0), experiment(4, 1, 0.0)]
    steps = replay(run, Policy(top=1, pool=2, refresh=1, cold_start=0))
    assert [(s.experiment.parent, s.ruling.value, s.rank) for s in steps] == [
        (None, "root", None),
        (1, "top", 1),
        (1, "pool", 2),
        (1, "outside", 3),
    ]
