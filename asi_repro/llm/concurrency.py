"""At most so many calls at once, over all processes of a run."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asi_repro.store.locks import try_lock

_POLL = 0.02


class Slots:
    """Places for calls that are under way.

    Args:
        count: how many.
        folder: for lock files, shared by the run's processes; None counts in this process only. Locks end
            with their process, so a killed one leaves no place taken.
    """

    def __init__(self, count: int, folder: Path | None) -> None:
        self._count = count
        self._folder = folder
        self._semaphore = threading.BoundedSemaphore(count)

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold a place; waits for one."""
        if self._folder is None:
            with self._semaphore:
                yield
            return
        for number in itertools.cycle(range(self._count)):
            with try_lock(self._folder / f"slot-{number}") as held:
                if held:
                    yield
                    return
            if number == self._count - 1:
                time.sleep(_POLL)
