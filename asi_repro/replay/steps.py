"""The steps of a run: at each, the recorded parent beside what the policy would have allowed.

Nothing is sampled again. The parent is the one that was recorded; the pool is worked out from the
recorded scores, under the policy's schedule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from asi_repro.archive.reader import Experiment
from asi_repro.claims.pool import Ranking
from asi_repro.replay.policy import Policy


class Ruling(str, Enum):
    """Where the recorded parent stood in the pool."""

    ROOT = "root"
    TOP = "top"
    POOL = "pool"
    OUTSIDE = "outside"
    NOT_YET = "not yet"
    NO_SCORE = "no score"

    def __str__(self) -> str:
        return self.value

    @property
    def meaning(self) -> str:
        return _MEANINGS[self]


_MEANINGS = {
    Ruling.ROOT: "has no parent",
    Ruling.TOP: "among the best, which are drawn from",
    Ruling.POOL: "in the pool, below the ranks drawn from",
    Ruling.OUTSIDE: "had been added, but the pool holds better ones",
    Ruling.NOT_YET: "would not have been added to the pool yet",
    Ruling.NO_SCORE: "has no recorded score",
}


_TOLD = ("index", "name", "display_name", "score", "in_gallery", "depth", "parent")


@dataclass(frozen=True, slots=True)
class Pool:
    """The pool from one refresh to the next; the steps between share it.

    Attributes:
        seen: experiments that it had been given.
        members: (index, score), the best first.
        allowed: indices from which the policy draws; more than `top` where scores are equal.
        entered, left: members that the refresh brought and those that it cost.
    """

    seen: int
    members: tuple[tuple[int, float], ...]
    allowed: tuple[int, ...]
    entered: tuple[int, ...]
    left: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One experiment as it was added to the run.

    Attributes:
        position: counted from 0, the first experiment.
        parent_score: recorded score of the parent.
        cold: whether it falls into the cold start.
        refreshed: whether the pool changed hands just before.
        pool: as it would have stood when the parent was drawn.
        rank: of the parent among all that the pool had been given, 1 for the best; None where it had
            not been given the parent, or there is no score.
        best_rank: the parent's rank when it was itself added, which no schedule can better.
        siblings: children that the parent had before.
        gallery: architectures of the gallery up to this experiment, itself included.
        best_index, best_score: the best up to this experiment, itself included; None without scores.
    """

    position: int
    experiment: Experiment
    parent_score: float | None
    cold: bool
    refreshed: bool
    pool: Pool
    rank: int | None
    best_rank: int | None
    ruling: Ruling
    siblings: int
    gallery: int
    best_index: int | None
    best_score: float | None

    def to_dict(self) -> dict[str, Any]:
        """Flat, for JSON and CSV."""
        e, pool = self.experiment, self.pool
        return {
            "position": self.position,
            **{name: getattr(e, name) for name in _TOLD},
            "parent_score": self.parent_score,
            "parent_rank": self.rank,
            "parent_best_rank": self.best_rank,
            "parent_children_before": self.siblings,
            "ruling": str(self.ruling),
            "cold_start": self.cold,
            "pool_refreshed": self.refreshed,
            "pool_given": pool.seen,
            "pool_size": len(pool.members),
            "pool_best": pool.members[0][1] if pool.members else None,
            "pool_worst": pool.members[-1][1] if pool.members else None,
            "allowed": list(pool.allowed),
            "gallery": self.gallery,
            "best_index": self.best_index,
            "best_score": self.best_score,
        }


def replay(experiments: Sequence[Experiment], policy: Policy) -> list[Step]:
    """Every step of a run, in index order.

    Args:
        experiments: all of them, in index order.
    """
    return list(iterate(experiments, policy))


def iterate(experiments: Sequence[Experiment], policy: Policy) -> Iterator[Step]:
    """`replay`, one step at a time."""
    given = _Given(experiments, policy)
    indices = [e.index for e in experiments]
    everything = Ranking()
    score_of: dict[int, float | None] = {}
    rank_when_added: dict[int, int] = {}
    children: dict[int, int] = {}
    gallery = 0
    for position, e in enumerate(experiments):
        refreshed = given.advance(policy.given(indices, position))
        parent_score = None if e.parent is None else score_of.get(e.parent)
        rank, ruling = given.judge(e.parent, parent_score)
        everything.add(e.index, e.score)
        score_of[e.index] = e.score
        if e.score is not None:
            rank_when_added[e.index] = everything.rank(e.score)
        gallery += e.in_gallery
        best = everything.best(1)
        siblings = 0
        best_rank = None
        if e.parent is not None:
            siblings = children.get(e.parent, 0)
            children[e.parent] = siblings + 1
            best_rank = rank_when_added.get(e.parent)
        yield Step(
            position=position,
            experiment=e,
            parent_score=parent_score,
            cold=policy.is_cold(e.index, position),
            refreshed=refreshed,
            pool=given.pool,
            rank=rank,
            best_rank=best_rank,
            ruling=ruling,
            siblings=siblings,
            gallery=gallery,
            best_index=best[0][0] if best else None,
            best_score=best[0][1] if best else None,
        )


class _Given:
    """What the pool has been given so far, and the pool made of it."""

    def __init__(self, experiments: Sequence[Experiment], policy: Policy) -> None:
        self._experiments = experiments
        self._policy = policy
        self._ranking = Ranking()
        self._indices: set[int] = set()
        self._added = 0
        self.pool = Pool(0, (), (), (), ())

    def advance(self, seen: int) -> bool:
        """Give the pool the experiments up to `seen`; whether there were any."""
        if seen <= self._added:
            return False
        for e in self._experiments[self._added : seen]:
            self._ranking.add(e.index, e.score)
            self._indices.add(e.index)
        self._added = seen
        members = tuple(self._ranking.best(self._policy.pool))
        before = {index for index, _ in self.pool.members}
        now = {index for index, _ in members}
        self.pool = Pool(
            seen=seen,
            members=members,
            allowed=tuple(i for i, score in members if self._ranking.rank(score) <= self._policy.top),
            entered=tuple(index for index, _ in members if index not in before),
            left=tuple(index for index, _ in self.pool.members if index not in now),
        )
        return True

    def judge(self, parent: int | None, score: float | None) -> tuple[int | None, Ruling]:
        if parent is None:
            return None, Ruling.ROOT
        if parent not in self._indices:
            return None, Ruling.NOT_YET
        if score is None:
            return None, Ruling.NO_SCORE
        rank = self._ranking.rank(score)
        if rank <= self._policy.top:
            return rank, Ruling.TOP
        return rank, Ruling.POOL if rank <= self._policy.pool else Ruling.OUTSIDE
