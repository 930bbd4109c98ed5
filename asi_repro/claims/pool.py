"""The pool of candidates as it may have stood when each parent was drawn.

The release has no record of the pool, so its state is worked out from the recorded scores under
assumptions, several of them, because the paper does not say when exactly it was refreshed.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from asi_repro.archive.store import Experiment


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
        _every(refresh, f"refreshed every {refresh}", 0),
        _every(refresh, f"refreshed every {refresh}, 1 refresh late", 1),
        _every(refresh, f"refreshed every {refresh}, 2 refreshes late", 2),
        _every(refresh, f"refreshed every {refresh}, 3 refreshes late", 3),
        Schedule("at any moment", lambda before, parent: parent + 1, bound=True),
        Schedule(
            f"at any moment, the {refresh} before the parent not yet added",
            lambda before, parent: max(0, parent - refresh),
            bound=True,
        ),
    ]


def _every(refresh: int, name: str, late: int) -> Schedule:
    return Schedule(name, lambda before, parent: max(0, (before // refresh - late) * refresh))


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
    scores: list[float] = []  # negated, ascending
    added = 0
    for seen in sorted(wanted):
        for experiment in experiments[added:seen]:
            if experiment.score is not None:
                insort(scores, -experiment.score)
        added = max(added, seen)
        for child in wanted[seen]:
            parent = experiments[position[child.parent]]  # type: ignore[index]
            known = (schedule.bound or position[parent.index] < seen) and parent.score is not None
            found[child.index] = _rank(scores, parent.score) if known else None
    return found


def _rank(negated: list[float], score: float | None) -> int:
    """1 + the number of higher scores."""
    return 1 + bisect_left(negated, -(score or 0.0)) if negated else 1
