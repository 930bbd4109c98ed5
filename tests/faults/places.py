"""A full disk and a read-only one: a small tmpfs, mounted for one fault.

Mounting takes root. Without it a full disk is a bound on the size of any one file (RLIMIT_FSIZE), and a read-only
target is a folder without the right to write; the fault's name says which it was.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from faults.bench import Aftermath, Bench, Trial
from faults.commands import Running
from faults.jobs import ARCHIVE, CLAIMS, CORPUS, DISCOVERY, HISTORY, PULL, SHARE, SWEEP, TRAIN, Job
from faults.outcomes import Shot

FULL = (
    (ARCHIVE, 3), (HISTORY, 3), (CLAIMS, 1), (CORPUS, 2), (DISCOVERY, 5), (SHARE, 3), (PULL, 3), (TRAIN, 2),
)  # fmt: skip
READ_ONLY = (
    (ARCHIVE, 1), (HISTORY, 1), (CLAIMS, 1), (CORPUS, 1), (DISCOVERY, 1), (SHARE, 1), (PULL, 1), (TRAIN, 1),
    (SWEEP, 1),
)  # fmt: skip
MIDWAY = (
    (ARCHIVE, 1), (CORPUS, 1), (DISCOVERY, 3), (TRAIN, 1),
)  # fmt: skip


def can_mount() -> bool:
    """Whether this process may mount a tmpfs."""
    return os.geteuid() == 0 and sys.platform.startswith("linux") and shutil.which("mount") is not None


def trials() -> Iterator[Trial]:
    """One round."""
    for job, count in FULL:
        for _ in range(count):
            yield _full(job) if can_mount() else _bounded(job)
    for job, count in READ_ONLY:
        for _ in range(count):
            yield _read_only(job)
    if can_mount():
        for job, count in MIDWAY:
            for _ in range(count):
                yield _turned_read_only(job)


@contextmanager
def small_disk(place: Path, size: int) -> Iterator[Path]:
    """A tmpfs of that many bytes."""
    place.mkdir(parents=True)
    _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place))
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=False)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


def _grow(disk: Path) -> None:
    _mount("-o", f"remount,rw,size={1 << 30}", str(disk))


def used(folder: Path) -> int:
    """Bytes that a tmpfs needs for a folder."""
    return sum(max(-(-path.lstat().st_size // 4096), 1) * 4096 for path in folder.rglob("*")) + 16384


def _full(job: Job) -> Trial:
    fault = "disk full (a small tmpfs)"

    def inject(bench: Bench, draw: Random) -> Shot | None:
        made = bench.undisturbed(job)
        before, after = used(made.project), used(made.done)
        room = round(draw.uniform(0.02, 0.9) * max(after - before, 40_000))
        with small_disk(_place(bench, draw), before + room) as disk, bench.copy(job, place=disk):
            first = Running(job.arguments, disk, _temporary(disk)).end(bench.patience(job))
            if first.status == 0 and job.outcome(disk) == made.results:
                return None  # there was room enough
            finished = job.finished(disk)
            _grow(disk)
            judged = Aftermath(job, bench, disk).judge(first, finished, cut_off=False)
            return judged.shot(fault, job, f"{room:,} bytes free")

    return Trial("disk", fault, job.name, inject)


def _bounded(job: Job) -> Trial:
    fault = "disk full (RLIMIT_FSIZE)"

    def inject(bench: Bench, draw: Random) -> Shot | None:
        with bench.copy(job) as project:
            bound = draw.randrange(1000, 50_000)
            code = (
                f"import os, resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
                f"resource.setrlimit(resource.RLIMIT_FSIZE, ({bound}, {bound})); os.execv({job.arguments[0]!r}, {list(job.arguments)!r})"
            )
            first = Running([sys.executable, "-c", code], project).end(bench.patience(job))
            if first.status == 0:
                return None
            finished = job.finished(project)
            judged = Aftermath(job, bench, project).judge(first, finished, cut_off=False)
            return judged.shot(fault, job, f"files up to {bound:,} bytes")

    return Trial("disk", fault, job.name, inject)


def _read_only(job: Job) -> Trial:
    fault = "read-only target (tmpfs, mounted ro)" if can_mount() else "read-only target (mode 0555)"

    def inject(bench: Bench, draw: Random) -> Shot | None:
        with _unwritable(bench, job, draw) as (project, lift):
            first = Running(job.arguments, project).end(bench.patience(job))
            finished = job.finished(project)
            lift()
            judged = Aftermath(job, bench, project).judge(first, finished, cut_off=False)
            return judged.shot(fault, job)

    return Trial("read-only", fault, job.name, inject)


@contextmanager
def _unwritable(bench: Bench, job: Job, draw: Random) -> Iterator[tuple[Path, object]]:
    if can_mount():
        with small_disk(_place(bench, draw), 1 << 30) as disk, bench.copy(job, place=disk):
            _mount("-o", "remount,ro", str(disk))
            yield disk, lambda: _mount("-o", "remount,rw", str(disk))
        return
    with bench.copy(job) as project:
        folders = [path for path in (project, *project.rglob("*")) if path.is_dir()]
        for folder in folders:
            folder.chmod(0o555)

        def lift() -> None:
            for folder in folders:
                folder.chmod(0o755)

        try:
            yield project, lift
        finally:
            lift()


def _turned_read_only(job: Job) -> Trial:
    """As a kernel does to a file system with an error: read-only from one moment to the next."""
    fault = "disk turns read-only midway (tmpfs)"

    def inject(bench: Bench, draw: Random) -> Shot | None:
        made = bench.undisturbed(job)
        with small_disk(_place(bench, draw), 1 << 30) as disk, bench.copy(job, place=disk):
            running = Running(job.arguments, disk)
            moment = draw.uniform(0.3, 0.9) * made.seconds
            running.wait_until(lambda: False, moment)
            # A plain remount is refused while a file is open for writing; `-o remount,ro` is tried until it fits.
            hit = running.wait_until(lambda: _try_read_only(disk), made.seconds)
            first = running.end(bench.patience(job))
            finished = job.finished(disk)
            _mount("-o", "remount,rw", str(disk))
            if not hit or first.status == 0:
                return None
            judged = Aftermath(job, bench, disk).judge(first, finished, cut_off=False)
            return judged.shot(fault, job, f"after {moment:.2f} s")

    return Trial("read-only", fault, job.name, inject)


def _try_read_only(disk: Path) -> bool:
    done = subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=False, capture_output=True)
    return done.returncode == 0


def _place(bench: Bench, draw: Random) -> Path:
    return bench.folder / "disks" / f"{draw.getrandbits(48):012x}"


def _temporary(disk: Path) -> dict[str, str]:
    """Temporary files on the full disk too, as where /tmp is on it."""
    folder = disk / "tmp"
    folder.mkdir(exist_ok=True)
    return {"TMPDIR": str(folder)}


__all__ = ["can_mount", "small_disk", "trials"]
