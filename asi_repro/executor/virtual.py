"""An executor whose clock is a number: what a run would take, with the driver's real code."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from asi_repro.executor.base import ONE_CPU, Call, LostTask, OnResult, Resources


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
        self, call: Call, tasks: Sequence[Any], *, on_result: OnResult, resources: Resources = ONE_CPU
    ) -> list[LostTask]:
        """As `Executor.run`; `on_result` is called in the order in which the tasks would end."""
        began = self.now
        free = [began] * min(self.workers, len(tasks)) or [began]
        ends: list[tuple[float, int]] = []
        for position, task in enumerate(tasks):
            spent = self.seconds(task)
            self.busy += spent
            end = heapq.heappop(free) + spent
            heapq.heappush(free, end)
            ends.append((end, position))
        lost: list[LostTask] = []
        for end, position in sorted(ends):
            self.now = end
            task = tasks[position]
            try:
                value = call(task, threading.Event())
            except Exception as error:
                lost.append(LostTask(task, f"{type(error).__name__}: {error}", error))
            else:
                on_result(task, value)
        self.waves.append((len(tasks), self.now - began))
        return lost

    @property
    def utilisation(self) -> float:
        """Share of the worker-seconds so far that were spent in tasks."""
        return self.busy / (self.workers * self.now) if self.now else 1.0
