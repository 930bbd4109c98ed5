"""Real commands as child processes: started, watched, hit, waited for, and what they said."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from faults.outcomes import Outcome

ROOT = Path(__file__).resolve().parents[2]
_NAMED = ("where:", "what to do:")
_GONE_SECONDS = 8.0


@dataclass(frozen=True)
class End:
    """How a command ended.

    Attributes:
        status: its exit status, -N where signal N ended it; None where it did not end in time.
        said: standard output and error, one after the other.
        left: descendants that outlived it.
    """

    status: int | None
    said: str
    left: tuple[str, ...] = ()

    @property
    def fault(self) -> Outcome | None:
        """What is bad about it whatever the results are, or None."""
        if self.status is None:
            return Outcome.HANG
        if "Traceback (most recent call last)" in self.said:
            return Outcome.TRACEBACK
        if self.left:
            return Outcome.LEFT_RUNNING
        return None

    @property
    def clear(self) -> bool:
        """Whether an error tells what is wrong, where, and what to do."""
        return "error:" in self.said and all(part in self.said for part in _NAMED)

    @property
    def words(self) -> str:
        """The end of what it said, on one line."""
        lines = [line.strip() for line in self.said.strip().splitlines() if line.strip()]
        return re.sub(r"\s+", " ", " / ".join(lines[-4:]))[-400:]


class Running:
    """A command that runs in a process group of its own.

    Args:
        arguments: of the command, the program first.
        project: the folder of the project it works on.
        environment: more variables.
    """

    def __init__(
        self, arguments: Sequence[str], project: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  # a pipe would fill up, or break
        self.arguments = list(arguments)
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            arguments,
            cwd=project,
            env={**command_environment(project), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.process.poll() is not None

    def descendants(self) -> list[psutil.Process]:
        """Every process below it."""
        with suppress(psutil.Error):
            return psutil.Process(self.process.pid).children(recursive=True)
        return []

    def cpu_seconds(self) -> float:
        """Processor time of it and all below it so far, with what has ended below it."""
        total = 0.0
        with suppress(psutil.Error):
            for process in (psutil.Process(self.process.pid), *self.descendants()):
                with suppress(psutil.Error):
                    total += sum(process.cpu_times()[:4])
        return total

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> bool:
        """Wait until something holds or the command is over; whether it holds."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if ready():
                return True
            if self.over:
                return ready()
            time.sleep(0.01)
        return False

    def send(self, number: int, *, group: bool = False) -> bool:
        """Send a signal to it, or to its whole group as a terminal does; whether it was still running."""
        if self.over:
            return False
        (os.killpg if group else os.kill)(self.process.pid, number)
        return True

    def end(self, seconds: float) -> End:
        """Wait for it; what is still running after `seconds` is killed."""
        below = self.descendants()
        deadline = time.monotonic() + seconds
        status: int | None = None
        while status is None and time.monotonic() < deadline:
            with suppress(subprocess.TimeoutExpired):
                status = self.process.wait(0.1)
            if status is None:
                below = self.descendants() or below
        if status is None:
            for process in [*below, *self.descendants()]:
                with suppress(psutil.Error):
                    process.kill()
            self.process.kill()
            self.process.wait()
        left = _outliving(below)
        self._said.seek(0)
        said = self._said.read().decode("utf-8", "replace")
        self._said.close()
        return End(status, said, left)


def _outliving(processes: list[psutil.Process]) -> tuple[str, ...]:
    """Those that still run after a few seconds, by what they are; they are ended."""
    alive = psutil.wait_procs(processes, timeout=_GONE_SECONDS)[1]
    alive = [process for process in alive if process.is_running()]
    found = []
    for process in alive:
        with suppress(psutil.Error):
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            found.append(shlex.join(process.cmdline())[:200])
            process.kill()
    return tuple(found)


def command_environment(project: Path) -> dict[str, str]:
    """The environment of every command: the project, this checkout's code, one thread a process."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ASI_REPRO_")}
    return kept | {
        "ASI_REPRO_HOME": str(project),
        "PYTHONPATH": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "OMP_NUM_THREADS": "1",
        "DVC_NO_ANALYTICS": "1",
        "COLUMNS": "200",
    }


def asi_repro(*arguments: str) -> list[str]:
    """The command line of `asi-repro` in this checkout."""
    return [sys.executable, "-m", "asi_repro.cli", *arguments]


def run(arguments: Sequence[str], project: Path, seconds: float = 1800.0) -> End:
    """Run a command to its end."""
    return Running(arguments, project).end(seconds)


SIGNALS = {"SIGKILL": signal.SIGKILL, "SIGINT": signal.SIGINT, "SIGTERM": signal.SIGTERM}
