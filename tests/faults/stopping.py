"""Kills and signals at random moments: kill -9 of driver, worker and trainer; Ctrl-C; SIGTERM."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from random import Random

import psutil

from faults.bench import Aftermath, Bench, Trial
from faults.commands import End, Running
from faults.jobs import ARCHIVE, CLAIMS, CORPUS, DISCOVERY, HISTORY, LIVE, PULL, SHARE, SWEEP, TRAIN, Job
from faults.outcomes import Outcome, Shot

# (job, how many kills of the driver a round)
DRIVERS = (
    (ARCHIVE, 3), (HISTORY, 3), (CLAIMS, 1), (CORPUS, 2), (DISCOVERY, 16), (SHARE, 3), (PULL, 3),
    (TRAIN, 3), (SWEEP, 1),
)  # fmt: skip
SIGNALLED = (
    (ARCHIVE, 1), (HISTORY, 1), (CORPUS, 1), (DISCOVERY, 3), (SHARE, 1), (PULL, 1), (TRAIN, 1), (SWEEP, 1),
)  # fmt: skip
WORKERS = (
    (DISCOVERY, 8), (SWEEP, 1),
)  # fmt: skip
TRAINERS = (
    (TRAIN, 2), (LIVE, 2),
)  # fmt: skip

Pick = Callable[[Running, Random], "psutil.Process | None"]


def trials() -> Iterator[Trial]:
    """One round."""
    for job, count in DRIVERS:
        for _ in range(count):
            yield _stopped("kill", "kill -9 of the driver", job, signal.SIGKILL)
    for job, count in SIGNALLED:
        for _ in range(count):
            yield _stopped("signal", "Ctrl-C (SIGINT to the group)", job, signal.SIGINT, group=True)
            yield _stopped("signal", "SIGTERM to the driver", job, signal.SIGTERM)
    for job, count in WORKERS:
        for _ in range(count):
            yield _below("kill -9 of a worker", job, a_worker)
    for job, count in TRAINERS:
        for _ in range(count):
            yield _below("kill -9 of the trainer", job, the_trainer)


def _stopped(kind: str, fault: str, job: Job, number: int, *, group: bool = False) -> Trial:
    def inject(bench: Bench, draw: Random) -> Shot | None:
        with bench.copy(job) as project:
            made = bench.undisturbed(job)
            running = Running(job.arguments, project)
            # Not before the command itself is there: what a signal does to Python's start is Python's affair.
            moment = draw.uniform(0.15, 0.95) * made.seconds
            running.wait_until(lambda: False, moment)
            hit = running.send(number, group=group)
            first = running.end(bench.patience(job))
            if not hit or first.status == 0 or job.outcome(project) == made.results:
                return None  # too late: it was over, or as good as
            finished = job.finished(project)
            judged = Aftermath(job, bench, project).judge(first, finished, cut_off=True)
            if judged.outcome.good and number != signal.SIGKILL and (said := _impolite(first, number)):
                judged = replace(judged, outcome=Outcome.UNCLEAR, detail=said)
            return judged.shot(fault, job, f"after {moment:.2f} s")

    return Trial(kind, fault, job.name, inject)


def _impolite(end: End, number: int) -> str:
    """What is wrong with how a command took a signal that it can answer; nothing where nothing is."""
    expected = 128 + number
    # Python, when it is all but over, dies of the signal; a shell shows the same status.
    if end.status not in (expected, -number):
        return f"exit status {end.status} where {expected} was due: {end.words}"
    return (
        "" if any(word in end.said for word in ("interrupted", "stopped", "terminated")) else "no word of it"
    )


def _below(fault: str, job: Job, pick: Pick) -> Trial:
    def inject(bench: Bench, draw: Random) -> Shot | None:
        with bench.copy(job) as project:
            made = bench.undisturbed(job)
            running = Running(job.arguments, project)
            victim: psutil.Process | None = None
            deadline = time.monotonic() + bench.patience(job)
            while victim is None and not running.over and time.monotonic() < deadline:
                victim = pick(running, draw)
                time.sleep(0.02)
            running.wait_until(lambda: False, draw.uniform(0.0, 0.5) * made.seconds)
            alive = victim is not None and victim.is_running()
            if victim is None or not alive:
                running.end(bench.patience(job))
                return None
            with suppress(psutil.Error):
                victim.kill()
            first = running.end(bench.patience(job))
            finished = job.finished(project)
            judged = Aftermath(job, bench, project).judge(first, finished, cut_off=False)
            return judged.shot(fault, job)

    return Trial("kill", fault, job.name, inject)


def a_worker(running: Running, draw: Random) -> psutil.Process | None:
    """One of the processes that the driver fans out to."""
    with suppress(psutil.Error):
        direct = psutil.Process(running.process.pid).children()
        found = [p for p in direct if any("spawn_main" in word for word in p.cmdline())]
        if len(found) >= 2:
            return draw.choice(found)
    return None


def the_trainer(running: Running, draw: Random) -> psutil.Process | None:
    """The sandboxed process that trains: the lowest one that has the worker's module on its command line."""
    found = []
    for process in running.descendants():
        with suppress(psutil.Error):
            line = process.cmdline()
            if any("asi_repro.sandbox.worker" in word or "training_tasks" in word for word in line):
                found.append(process)
    lowest = [p for p in found if not _has_child(p, found)]
    return draw.choice(lowest) if lowest else None


def _has_child(process: psutil.Process, among: list[psutil.Process]) -> bool:
    with suppress(psutil.Error):
        return any(child in among for child in process.children())
    return False
