"""What the executors' tests run: functions that a child process or a Ray node imports by name."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from asi_repro.errors import DataError
from asi_repro.store.files import atomic_write


@dataclass(frozen=True)
class Work:
    """One task.

    Attributes:
        folder: where it leaves its result and its marks.
        number: what it squares.
        how: what else it does.
    """

    folder: Path
    number: int
    how: str = ""


def work(task: Work, stop: threading.Event) -> tuple[int, int]:
    """The square, left in a file and returned with the process id; or what `how` asks for."""
    began = task.folder / f"began-{task.number}-{os.getpid()}"
    began.touch()
    if task.how == "raise":
        raise DataError(f"task {task.number} is not to be done", hint="leave it")
    if task.how == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if task.how == "die once" and len(list(task.folder.glob(f"began-{task.number}-*"))) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if task.how == "wait":
        while not (task.folder / "go").exists() and not stop.is_set():
            time.sleep(0.02)
    atomic_write(task.folder / f"result-{task.number}", str(task.number**2))
    return task.number**2, os.getpid()
