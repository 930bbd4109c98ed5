"""The workbench: a prepared project and the undisturbed result of each command, made once and copied."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from faults.commands import End, Running
from faults.jobs import Job, expect
from faults.outcomes import Outcome, Shot


@dataclass(frozen=True)
class Undisturbed:
    """What a command comes to when nothing disturbs it.

    Attributes:
        project: the prepared project, in which it has not run.
        results: what it makes.
        done: a project in which it has run.
        seconds: what it took.
    """

    project: Path
    results: dict[str, str]
    done: Path
    seconds: float


@dataclass(frozen=True)
class Trial:
    """One fault to inject.

    Attributes:
        kind: for `--only`.
        fault, target: as `Shot`.
        inject: does it; None where it came too late to be one.
    """

    kind: str
    fault: str
    target: str
    inject: Callable[[Bench, Random], Shot | None]


@dataclass
class Bench:
    """Where the suite works.

    Attributes:
        folder: everything is below it.
    """

    folder: Path
    _made: dict[str, Undisturbed] = field(default_factory=dict)
    _locks: dict[str, threading.Lock] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _count: int = 0

    def undisturbed(self, job: Job) -> Undisturbed:
        """The command without a fault; run at the first call."""
        with self._lock:
            lock = self._locks.setdefault(job.name, threading.Lock())
        with lock:
            if job.name not in self._made:
                self._made[job.name] = self._make(job)
            return self._made[job.name]

    def _make(self, job: Job) -> Undisturbed:
        home = self.folder / "undisturbed" / job.name.replace(" ", "-")
        shutil.rmtree(home, ignore_errors=True)  # of an attempt that failed
        job.prepare(home / "before")
        # Twice: what a first run costs a machine (byte code, page cache) is not the command's time, and a
        # result that two runs do not agree on could not be compared with anything.
        seconds, results = 0.0, []
        for name in ("once", "done"):
            shutil.copytree(home / "before", home / name, symlinks=True)
            began = time.monotonic()
            expect(job.run(home / name))
            seconds = time.monotonic() - began
            results.append(job.outcome(home / name))
        if results[0] != results[1] or not results[0]:
            raise RuntimeError(f"{job.name}: two undisturbed runs differ, or gave nothing")
        shutil.rmtree(home / "once")
        return Undisturbed(home / "before", results[0], home / "done", seconds)

    @contextmanager
    def copy(self, job: Job, *, done: bool = False, place: Path | None = None) -> Iterator[Path]:
        """A project of its own, before the command has run or after; removed in the end.

        Args:
            place: put it there.
        """
        made = self.undisturbed(job)
        folder = place or self.new_folder()
        shutil.copytree(made.done if done else made.project, folder, symlinks=True, dirs_exist_ok=True)
        try:
            yield folder
        finally:
            if place is None:
                shutil.rmtree(folder, ignore_errors=True)

    def new_folder(self) -> Path:
        """A place of its own, not made yet."""
        with self._lock:
            self._count += 1
            return self.folder / "work" / str(self._count)

    def patience(self, job: Job) -> float:
        """Seconds after which a command hangs."""
        return 60.0 + 20 * self.undisturbed(job).seconds


@dataclass(frozen=True)
class Judged:
    """What became of a fault; see `Shot`."""

    outcome: Outcome
    detail: str = ""
    recovery: float | None = None
    recovery_cpu: float | None = None

    def shot(self, fault: str, job: Job, where: str = "") -> Shot:
        """As the table takes it, with where it hit."""
        detail = "; ".join(part for part in (where, self.detail) if part)
        return Shot(fault, job.name, self.outcome, detail, self.recovery, self.recovery_cpu)


@dataclass(frozen=True)
class Aftermath:
    """Looks at a project after a fault, runs the command again and says how it ended.

    Attributes:
        job: the command.
        bench: the workbench.
        project: where the fault was.
    """

    job: Job
    bench: Bench
    project: Path

    def judge(self, first: End, finished: dict[str, str], *, cut_off: bool) -> Judged:
        """How it ended.

        Args:
            first: how the disturbed command ended.
            finished: what was finished right after it.
            cut_off: whether it was ended by a signal, so that it owes nobody a message.
        """
        expected = self.bench.undisturbed(self.job).results
        if first.fault is not None:
            return Judged(first.fault, "; ".join((first.words, *first.left)))
        if first.status == 0:
            good = self.job.outcome(self.project) == expected
            return Judged(Outcome.SAME) if good else Judged(Outcome.WRONG, self._differs(expected))
        if not cut_off and not first.clear:
            return Judged(Outcome.UNCLEAR, f"exit status {first.status}: {first.words}")
        if not cut_off and self.job.outcome(self.project) == expected:
            return Judged(Outcome.REFUSED, first.words)  # the other of two did it
        again, *times = self._again()
        kept = self.job.finished(self.project)
        if again.fault is not None:
            return Judged(again.fault, f"when run again: {again.words} {again.left}", *times)
        if again.status != 0:
            return Judged(Outcome.STUCK, f"exit status {again.status}: {again.words}", *times)
        if lost := [name for name, value in finished.items() if kept.get(name) != value]:
            return Judged(Outcome.LOST, ", ".join(lost[:5]), *times)
        if self.job.outcome(self.project) != expected:
            return Judged(Outcome.WRONG, f"when run again: {self._differs(expected)}", *times)
        return Judged(Outcome.RECOVERED if cut_off else Outcome.REFUSED, first.words, *times)

    def _again(self) -> tuple[End, float, float | None]:
        """Run the command again; wall and processor seconds until it had done a first new piece of work."""
        before = self._work()
        running = Running(self.job.arguments, self.project)
        limit = self.bench.patience(self.job)
        if not self.job.working:
            end = running.end(limit)
            return end, time.monotonic() - running.began, None
        running.wait_until(lambda: self._work() != before, limit)
        seconds, cpu = time.monotonic() - running.began, running.cpu_seconds()
        return running.end(limit), seconds, cpu

    def _work(self) -> set[tuple[str, int, int]]:
        found = set()
        for pattern in self.job.working:
            for path in self.project.glob(pattern):
                try:
                    status = path.stat()
                except OSError:
                    continue
                found.add((path.name, status.st_mtime_ns, status.st_size))
        return found

    def _differs(self, expected: dict[str, str]) -> str:
        found = self.job.outcome(self.project)
        names = sorted(n for n in expected.keys() | found.keys() if expected.get(n) != found.get(n))
        return f"not as undisturbed: {', '.join(names[:5])}"
