"""Two of the same command at once on one project."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from faults.bench import Aftermath, Bench, Trial
from faults.commands import End, Running
from faults.jobs import ARCHIVE, CORPUS, DISCOVERY, HISTORY, PULL, REPRO, SHARE, SWEEP, TRAIN, Job
from faults.outcomes import Shot

PAIRS = (
    (ARCHIVE, 2), (HISTORY, 1), (CORPUS, 2), (DISCOVERY, 3), (SHARE, 1), (PULL, 1), (TRAIN, 2), (SWEEP, 1),
    (REPRO, 2),
)  # fmt: skip


def trials() -> Iterator[Trial]:
    """One round."""
    for job, count in PAIRS:
        for _ in range(count):
            yield _pair(job)


def _pair(job: Job) -> Trial:
    fault = "two at once"

    def inject(bench: Bench, draw: Random) -> Shot | None:
        made = bench.undisturbed(job)
        with bench.copy(job) as project:
            first = Running(job.arguments, project)
            first.wait_until(lambda: False, draw.uniform(0.0, 0.6) * made.seconds)
            if first.over:
                first.end(1.0)
                return None
            second = Running(job.arguments, project)
            ends = [one.end(2 * bench.patience(job)) for one in (first, second)]
            worst = _worse(*ends)
            finished = job.finished(project)
            aftermath = Aftermath(job, bench, project)
            judged = aftermath.judge(worst, finished, cut_off=False)
            both = all(end.status != 0 for end in ends)
            return judged.shot(fault, job, "both were refused" if both else "")

    return Trial("pair", fault, job.name, inject)


def _worse(first: End, second: End) -> End:
    """The end that has more to answer for."""
    for end in (first, second):
        if end.fault is not None:
            return end
    for end in (first, second):
        if end.status != 0:
            # DVC's own words for its lock are an answer: which process has it, and what to do.
            if "Unable to acquire lock" in end.said or "is busy" in end.said:
                return replace(end, said=f"error: {end.said}\nwhere: the lock\nwhat to do: wait")
            return end
    return first
