"""A clock that is wrong, or jumps while a command runs: Debian's libfaketime, wall clock only.

The monotonic clock does not jump on a real machine, and is left alone. Processes that a command starts with an
environment of their own (git, the sandboxed programs) keep the true time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

from faults.bench import Aftermath, Bench, Trial
from faults.commands import Running
from faults.jobs import ARCHIVE, DISCOVERY, HISTORY, PULL, SHARE, TRAIN, Job
from faults.outcomes import Shot

WRONG = (
    (ARCHIVE, 1), (HISTORY, 1), (DISCOVERY, 1), (PULL, 1), (TRAIN, 1),
)  # fmt: skip
JUMPING = (
    (ARCHIVE, 1), (HISTORY, 1), (DISCOVERY, 3), (SHARE, 1), (TRAIN, 1),
)  # fmt: skip
_JUMPS = ("-3650d", "-1d", "-3600s", "-30s", "+30s", "+3600s", "+1d", "+3650d")


def faketime() -> Path | None:
    """libfaketime's library for threads, or None where it is not installed."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    return found[0] if found else None


def trials() -> Iterator[Trial]:
    """One round; none without libfaketime."""
    if (library := faketime()) is None:
        return
    for job, count in WRONG:
        for _ in range(count):
            yield _clock("clock wrong from the start (libfaketime)", job, library, jumps=False)
    for job, count in JUMPING:
        for _ in range(count):
            yield _clock("clock jumps while it runs (libfaketime)", job, library, jumps=True)


def _clock(fault: str, job: Job, library: Path, *, jumps: bool) -> Trial:
    def inject(bench: Bench, draw: Random) -> Shot | None:
        made = bench.undisturbed(job)
        with bench.copy(job) as project:
            control = project.parent / f"{project.name}.clock"
            told = [draw.choice(_JUMPS)]
            control.write_text("+0s\n" if jumps else f"{told[0]}\n")
            running = Running(
                job.arguments,
                project,
                {
                    "LD_PRELOAD": str(library),
                    "FAKETIME_TIMESTAMP_FILE": str(control),
                    "FAKETIME_NO_CACHE": "1",
                    "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                },
            )
            if jumps:
                told = draw.sample(_JUMPS, 3)
                for jump in told:
                    running.wait_until(lambda: False, 0.25 * made.seconds)
                    control.write_text(f"{jump}\n")
            first = running.end(bench.patience(job))
            finished = job.finished(project)
            judged = Aftermath(job, bench, project).judge(first, finished, cut_off=False)
            control.unlink()
            return judged.shot(fault, job, f"{', '.join(told)}")

    return Trial("clock", fault, job.name, inject)


def version() -> str | None:
    """libfaketime's version as the package manager has it."""
    library = faketime()
    if library is None:
        return None
    found = re.search(
        r"(\d+\.\d+\.\d+)",
        Path("/var/lib/dpkg/status").read_text(errors="replace").split("Package: libfaketime\n")[-1][:2000],
    )
    return found[1] if found else "unknown"
