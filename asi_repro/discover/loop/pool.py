"""The pool of candidates: the best finished experiments, and who is drawn from it (paper, section 3.2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from asi_repro.config.discover import PoolSettings
from asi_repro.discover.loop.schedule import Draw
from asi_repro.discover.types import Candidate


@dataclass(frozen=True)
class Sample:
    """Who an experiment builds on.

    Attributes:
        parent: from the first ranks.
        references: from the ranks below them, in rank order.
        ranks: of the parent and then of the references, from 1.
    """

    parent: Candidate
    references: tuple[Candidate, ...]
    ranks: tuple[int, ...]


class Pool:
    """One state of the pool; it never changes.

    Args:
        candidates: the finished experiments that it may hold, in any order.
    """

    def __init__(self, candidates: Iterable[Candidate], settings: PoolSettings) -> None:
        # Equal fitness: the earlier experiment first.
        ranked = sorted(candidates, key=lambda candidate: (-candidate.fitness, candidate.index))
        self.ranked: tuple[Candidate, ...] = tuple(ranked[: settings.capacity])
        self._settings = settings

    def sample(self, draw: Draw) -> Sample:
        """A parent from the first ranks and references from the ranks below.

        While the pool is no larger than the first ranks, references come from all but the parent: the paper
        does not say what is done then.

        Raises:
            ValueError: for an empty pool.
        """
        if not self.ranked:
            raise ValueError("an empty pool has no parent")
        top = min(self._settings.parents, len(self.ranked))
        parent = draw.below(top)
        below = list(range(top, len(self.ranked))) or [rank for rank in range(top) if rank != parent]
        chosen = [below[place] for place in draw.some(self._settings.references, len(below))]
        ranks = (parent, *chosen)
        return Sample(
            self.ranked[parent],
            tuple(self.ranked[rank] for rank in chosen),
            tuple(rank + 1 for rank in ranks),
        )
