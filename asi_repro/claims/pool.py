"""The pool of candidates as it may have stood when each parent was drawn.

The release has no record of the pool, so its state is worked out from the recorded scores under
assumptions, several of them, because the paper does not say when exactly it was refreshed. The claim
`parent-policy`, the report's figure of parents and the replay of a run all count with what is here.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from asi_repro.archive.reader import Experiment


class Ranking:
    """Experiments by score, the best first; equal scores share a rank and stand in index order."""

    def __init__(self) -> None:
        self._keys: list[tuple[float, int]] = []  # (negated score, index), ascending

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, index: int, score: float | None) -> None:
        """Add one experiment; one without a score has no rank and is left out."""
        if score is not None:
            insort(self._keys, (-score, index))

    def rank(self, score: float) -> int:
        """1 + the number of higher scores."""
        return 1 + bisect_left(self._keys, (-score,))

    def best(self, count: int) -> list[tuple[int, float]]:
        """The index and score of the first `count`."""
        return [(index, -negated) for negated, index in self._keys[:count]]


@dataclass(frozen=True)
class Schedule:
    """An assumption on which experiments the pool had seen.

    Attributes:
        seen: how many experiments had been added, from how many precede the child and the parent's
            own position (both counted from 0 in index order).
        bound: whether this is an upper bound on all schedules rather than one of them; the parent then
            counts as seen whatever `seen` says.
    """

    name: str
    seen: Callable[[int, int], int]
    bound: bool = False


def schedules(refresh: int) -> list[Schedule]:
    """The assumed schedules: immediate, every `refresh` entries with delays, and upper bounds.

    A parent's rank only falls as experiments are added, so its rank when it was added bounds every
    schedule; the last bound also lets the `refresh` experiments before it be added after it.
    """
    return [
        Schedule("refreshed after every experiment", lambda before, parent: before),
        *(refreshed(refresh, late) for late in range(4)),
        Schedule("at any moment", lambda before, parent: parent + 1, bound=True),
        Schedule(
            f"at any moment, the {refresh} before the parent not yet added",
            lambda before, parent: max(0, parent - refresh),
            bound=True,
        ),
    ]


def refreshed(refresh: int, late: int = 0) -> Schedule:
    """Refreshed every `refresh` experiments, each of them `late` refreshes after its turn."""
    delay = f", {late} refresh{'es' * (late > 1)} late" if late else ""
    return Schedule(
        f"refreshed every {refresh}{delay}",
        lambda before, parent: max(0, (before // refresh - late) * refresh),
    )


def parent_ranks(
    experiments: Sequence[Experiment], children: Iterable[Experiment], schedule: Schedule
) -> dict[int, int | None]:
    """The rank of each child's parent among what the pool had seen, 1 for the highest score.

    Args:
        experiments: all, in index order.

    Returns:
        Rank by the child's index; None where the pool had not seen the parent, or it has no score.
    """
    position = {e.index: place for place, e in enumerate(experiments)}
    wanted: dict[int, list[Experiment]] = {}
    for child in children:
        if child.parent is not None:
            seen = schedule.seen(position[child.index], position[child.parent])
            wanted.setdefault(seen, []).append(child)
    found: dict[int, int | None] = {}
    ranking = Ranking()
    added = 0
    for seen in sorted(wanted):
        for experiment in experiments[added:seen]:
            ranking.add(experiment.index, experiment.score)
        added = max(added, seen)
        for child in wanted[seen]:
            parent = experiments[position[child.parent]]  # type: ignore[index]
            known = schedule.bound or position[parent.index] < seen
            found[child.index] = ranking.rank(parent.score) if known and parent.score is not None else None
    return found
