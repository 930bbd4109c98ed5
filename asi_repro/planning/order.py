"""When each experiment of a discovery run would begin and end: the loop's own plan, and so many workers."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from asi_repro.discover.loop.schedule import Schedule as LoopSchedule


@dataclass(frozen=True)
class Schedule:
    """One run on a clock.

    Attributes:
        ends: of each experiment, in the unit of the durations.
        busy: worker-time spent in experiments.
        paid: worker-time from the run's beginning to its end.
    """

    ends: tuple[float, ...]
    busy: float
    paid: float

    @property
    def length(self) -> float:
        """From the run's beginning to its end."""
        return max(self.ends, default=0.0)


def schedule(plan: LoopSchedule, durations: Sequence[float], workers: int) -> Schedule:
    """Workers that take the next index when they are free and what it needs is finished, as the loop's do.

    Args:
        plan: says which experiments must be finished before one begins.
        durations: of experiment 1, 2, 3, …
    """
    free = [0.0] * workers
    ends: list[float] = []
    finished = [0.0]  # finished[n]: when every experiment up to n is
    for index, spent in enumerate(durations, start=1):
        begin = max(heapq.heappop(free), finished[plan.needs(index)])
        heapq.heappush(free, begin + spent)
        ends.append(begin + spent)
        finished.append(max(finished[-1], begin + spent))
    return Schedule(tuple(ends), sum(durations), workers * finished[-1])
