"""At most so many calls at once, over all processes of a run."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
        handle = self._take(self._folder)
        try:
            yield
        finally:
            os.close(handle)

    def _take(self, folder: Path) -> int:
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            for number in range(self._count):
                handle = os.open(folder / f"slot-{number}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return handle
                except BlockingIOError:
                    os.close(handle)
            time.sleep(_POLL)
