"""An executor whose clock is a number: what a run would take, with the driver's real code."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from asi_repro.executor.base import ONE_CPU, Lost, Resources


@dataclass
class VirtualExecutor:
    """Workers that take the next task when they are free, as the real executors do, in no time at all.

    Attributes:
        workers: tasks at a time.
        seconds: what a task would take.
        now: the clock in seconds; each `run` begins where the one before ended.
        busy: worker-seconds spent in tasks.
        waves: of each `run`: tasks, and seconds from its beginning to its end.
    """

    workers: int
    seconds: Callable[[Any], float]
    now: float = 0.0
    busy: float = 0.0
    waves: list[tuple[int, float]] = field(default_factory=list)

    def run(
        self,
        call: Callable[[Any, threading.Event], Any],
        tasks: Sequence[Any],
        *,
        took: Callable[[Any, Any], None],
        resources: Resources = ONE_CPU,
    ) -> list[Lost[Any]]:
        """As `Executor.run`; `took` is called in the order in which the tasks would end."""
        began = self.now
        free = [began] * min(self.workers, len(tasks)) or [began]
        ends: list[tuple[float, int]] = []
        for position, task in enumerate(tasks):
            spent = self.seconds(task)
            self.busy += spent
            end = heapq.heappop(free) + spent
            heapq.heappush(free, end)
            ends.append((end, position))
        lost: list[Lost[Any]] = []
        for end, position in sorted(ends):
            self.now = end
            task = tasks[position]
            try:
                value = call(task, threading.Event())
            except Exception as error:
                lost.append(Lost(task, f"{type(error).__name__}: {error}", error))
            else:
                took(task, value)
        self.waves.append((len(tasks), self.now - began))
        return lost

    @property
    def utilisation(self) -> float:
        """Share of the worker-seconds so far that were spent in tasks."""
        return self.busy / (self.workers * self.now) if self.now else 1.0
