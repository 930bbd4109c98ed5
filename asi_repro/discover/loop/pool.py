"""The pool of candidates: the best finished experiments, and who is drawn from it (paper, section 3.2).

Beside the paper's policy stand others to compare it with. All are functions of the finished experiments
and of the index alone, so that a run comes out the same whatever runs beside what.
"""

from __future__ import annotations

import math
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
        self._all = sorted(candidates, key=lambda candidate: (-candidate.fitness, candidate.index))
        self.ranked: tuple[Candidate, ...] = tuple(self._all[: settings.capacity])
        self._settings = settings

    def choose(self, draw: Draw, index: int, beside: int) -> Sample:
        """A parent by the policy of the settings, and references.

        Args:
            index: of the experiment to be.
            beside: experiments before it that see the same pool.

        Raises:
            ValueError: for an empty pool.
        """
        if not self._all:
            raise ValueError("an empty pool has no parent")
        policy = self._settings.policy
        if policy == "greedy":
            return self._with_references(self._all[0], draw)
        if policy == "ucb1":
            return self._with_references(self._ucb1(beside), draw)
        if policy == "islands":
            elites = self._elites(index)
            return self._with_references(elites[draw.below(len(elites))], draw)
        if policy == "random":
            return self._with_references(self._all[draw.below(len(self._all))], draw)
        return self.sample(draw)

    def _ucb1(self, beside: int) -> Candidate:
        """UCB1 (Auer et al., 2002) over the pool: a play of a candidate is itself or a child of it.

        Experiments that see the same pool count as plays of whom they chose, without a result yet; or all of
        a batch would build on the same parent.
        """
        means: dict[int, float] = {}
        plays: dict[int, int] = {}
        for one in self.ranked:
            found = [one.fitness, *(child.fitness for child in self._all if child.parent == one.index)]
            means[one.index], plays[one.index] = math.fsum(found) / len(found), len(found)

        def bound(one: Candidate) -> tuple[float, int]:
            radius = math.sqrt(math.log(sum(plays.values())) / plays[one.index])
            # Rounded: the last bit of a logarithm depends on the C library.
            return round(means[one.index] + self._settings.ucb_factor * radius, 9), -one.index

        for _ in range(beside):
            plays[max(self.ranked, key=bound).index] += 1
        return max(self.ranked, key=bound)

    def _elites(self, index: int) -> list[Candidate]:
        """The best of every cell of an island's grid (MAP-Elites, Mouret and Clune, 2015), best first.

        An experiment belongs to the island of its index modulo their number. The first program is on all of
        them, and the best of the island before visits. Cells: parameters in steps of 5 % of the first
        program's, and lines of the program in steps of 25.
        """
        count = self._settings.islands
        island = index % count
        root = min(self._all, key=lambda one: one.index)
        visitor = next((one for one in self._all if one.index % count == (island - 1) % count), root)
        cells: dict[tuple[int, int], Candidate] = {}
        for one in self._all:
            if one.index % count == island or one is root or one is visitor:
                size = 20 * one.metrics.parameters // max(root.metrics.parameters, 1)
                cells.setdefault((size, len(one.program.splitlines()) // 25), one)
        return list(cells.values())

    def _with_references(self, parent: Candidate, draw: Draw) -> Sample:
        """A sample around a parent: references from the ranks below the first ones, as in `sample`."""
        top = min(self._settings.parents, len(self.ranked))
        others = [rank for rank, one in enumerate(self.ranked) if one is not parent]
        below = [rank for rank in others if rank >= top] or others
        chosen = [below[place] for place in draw.some(self._settings.references, len(below))]
        rank = next(rank for rank, one in enumerate(self._all) if one is parent)
        ranks = (rank, *chosen)
        return Sample(parent, tuple(self.ranked[rank] for rank in chosen), tuple(rank + 1 for rank in ranks))

    def sample(self, draw: Draw) -> Sample:
        """The paper's policy: a parent from the first ranks and references from the ranks below.

        While the pool is no larger than the first ranks, references come from all but the parent: the paper
        does not say what is done then.

        Raises:
            ValueError: for an empty pool.
        """
        if not self.ranked:
            raise ValueError("an empty pool has no parent")
        top = min(self._settings.parents, len(self.ranked))
        return self._with_references(self.ranked[draw.below(top)], draw)
