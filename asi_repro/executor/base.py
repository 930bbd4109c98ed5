"""What an executor is, what a task asks of a machine, and what is left of a task that was lost."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Call = Callable[[Any, threading.Event], Any]
"""What a task does: a function of a module (children import it by name). The event says that the run is
being stopped; it is only ever set where driver and task share a process."""

OnResult = Callable[[Any, Any], None]
"""Called in the driver with a task and its value."""


@dataclass(frozen=True)
class Resources:
    """What one task needs.

    Attributes:
        cpus: CPUs.
        gpus: GPUs; a share such as 0.5 lets two tasks use one.
        memory: bytes of main memory.
    """

    cpus: float = 1.0
    gpus: float = 0.0
    memory: int = 0


ONE_CPU = Resources()


@dataclass(frozen=True)
class LostTask:
    """A task without a value.

    Attributes:
        task: the task.
        reason: for a person.
        error: what it raised; None where its process or node died.
    """

    task: Any
    reason: str
    error: Exception | None = None


class Executor(Protocol):
    """Runs tasks somewhere."""

    def run(
        self, call: Call, tasks: Sequence[Any], *, on_result: OnResult, resources: Resources = ONE_CPU
    ) -> list[LostTask]:
        """Run `call` for each task.

        Args:
            on_result: called in the driver with task and value, as they come.
            resources: of each task. On one machine the number of workers bounds what runs at a time.

        Returns:
            The tasks that raised or whose process died; the others are not held up by them.

        Raises:
            BaseException: what `on_result` raises, or KeyboardInterrupt: everything that runs is stopped
                first.
        """
        ...


def usable_cpus() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
