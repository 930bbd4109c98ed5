"""Training and evaluating many models in parallel: resumable, one model's failure is its own.

Each job runs in a child process that lives for many jobs, so that what evaluation imports is imported once
a child; the programs themselves run in sandboxes below it. DeltaNet goes first: the leak guard compares with
it.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from asi_repro.errors import AsiReproError
from asi_repro.train.spec import REFERENCE, Subject

Phase = Literal["train", "evaluate"]


@dataclass(frozen=True)
class Job:
    """One model and seed, train and evaluate; holds what a child needs, which opens the rest itself.

    Attributes:
        root: the project's folder.
        subject: the model.
        seed: of its training.
        scale: None takes the settings'.
        phases: what to do.
        unsafe: without a sandbox.
        force: do it again.
    """

    root: Path
    subject: Subject
    seed: int
    scale: str | None = None
    phases: tuple[Phase, ...] = ("train", "evaluate")
    unsafe: bool = False
    force: bool = False

    @property
    def name(self) -> str:
        """Names the job in lists."""
        return f"{self.subject.slug} seed {self.seed}"


@dataclass(frozen=True)
class Report:
    """What became of a job.

    Attributes:
        name: slug of the model.
        seed: of the training.
        phase: the last phase begun.
        status: "done", "current" (nothing to do), "stopped" (by a guard) or "failed".
        detail: why it stopped or failed.
        hint: what to do.
        train_seconds, evaluate_seconds: wall time of each phase.
        train_cpu_seconds, evaluate_cpu_seconds: CPU time of each phase, with the sandboxes below it.
    """

    name: str
    seed: int
    phase: Phase
    status: Literal["done", "current", "stopped", "failed"]
    detail: str = ""
    hint: str = ""
    train_seconds: float = 0.0
    evaluate_seconds: float = 0.0
    train_cpu_seconds: float = 0.0
    evaluate_cpu_seconds: float = 0.0

    @property
    def finished(self) -> bool:
        """Whether there are scores."""
        return self.status in ("done", "current")


@dataclass
class Swept:
    """What a sweep did, in the order of the jobs."""

    reports: list[Report] = field(default_factory=list)
    seconds: float = 0.0

    def of(self, status: str) -> list[Report]:
        """The reports of a status."""
        return [report for report in self.reports if report.status == status]


class _Clock:
    """Wall and CPU seconds since it was made; children count once they have ended."""

    def __init__(self) -> None:
        self._began = self._now()

    def __call__(self) -> tuple[float, float]:
        (wall, cpu), (wall_now, cpu_now) = self._began, self._now()
        return wall_now - wall, cpu_now - cpu

    @staticmethod
    def _now() -> tuple[float, float]:
        times = os.times()
        return time.perf_counter(), times.user + times.system + times.children_user + times.children_system


def run_job(job: Job) -> Report:
    """Train and evaluate one model; every failure becomes a report."""
    clock = _Clock()
    phase: Phase = "train"
    trained: tuple[float, float] | None = None
    worked = False

    def report(status: Any, detail: str = "", hint: str = "") -> Report:
        wall, cpu = clock()
        train_wall, train_cpu = (wall, cpu) if trained is None else trained
        times = (train_wall, wall - train_wall, train_cpu, cpu - train_cpu)
        return Report(job.subject.slug, job.seed, phase, status, detail, hint, *times)

    try:
        from asi_repro.models.memory import keep_freed_memory
        from asi_repro.train.workspace import open_workspace

        keep_freed_memory()
        workspace = open_workspace(job.root, scale=job.scale)
        if "train" in job.phases:
            done = workspace.train(job.subject, job.seed, unsafe=job.unsafe, force=job.force)
            worked = not done.already
            if done.result.stop is not None:
                return report("stopped", done.result.stop.detail)
        trained = clock()
        if "evaluate" in job.phases:
            phase = "evaluate"
            worked |= workspace.evaluate(job.subject.slug, job.seed, unsafe=job.unsafe, force=job.force)
    except AsiReproError as error:
        return report("failed", error.what, error.hint or "")
    except Exception as error:
        return report("failed", f"{type(error).__name__}: {str(error)[:500]}", "this is a fault of asi_repro")
    return report("done" if worked else "current")


def sweep(
    jobs: Sequence[Job],
    *,
    workers: int,
    progress: Callable[[Report], None] = lambda report: None,
    run: Callable[[Job], Report] = run_job,
) -> Swept:
    """Run all jobs, `workers` at a time. What is finished is on disk, so a sweep that is killed goes on.

    Args:
        progress: called with each report as it comes.
        run: what a job does; a function that a child process can import.
    """
    began = time.perf_counter()
    found: dict[Job, Report] = {}

    def took(job: Job, report: Report) -> None:
        found[job] = report
        progress(report)

    first = [job for job in jobs if job.subject.slug == REFERENCE]
    for wave in (first, [job for job in jobs if job.subject.slug != REFERENCE]):
        broken = _wave(wave, workers, took, run)
        for job in broken:  # one of these took its child process down: alone, it can only harm itself
            if _wave([job], 1, took, run):
                took(
                    job,
                    Report(job.subject.slug, job.seed, "train", "failed", "its process died", "run it again"),
                )
    return Swept([found[job] for job in jobs], time.perf_counter() - began)


def default_workers() -> int:
    """One a CPU that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def make_jobs(root: Path, subjects: Iterable[Subject], seeds: int, **options: Any) -> list[Job]:
    """The jobs for all seeds of all subjects: the first seed of every model before any second one."""
    listed = list(subjects)
    return [Job(root, subject, seed, **options) for seed in range(seeds) for subject in listed]


def _begin_child(parent: int) -> None:
    """One thread a child, and an end with its parent: left alone it would wait for work for ever."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported; two models share the CPUs else
    if sys.platform.startswith("linux"):
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)


def _wave(
    jobs: Sequence[Job],
    workers: int,
    took: Callable[[Job, Report], None],
    run: Callable[[Job], Report],
) -> list[Job]:
    """Run jobs in a pool; those that were not finished when a child died."""
    if not jobs:
        return []
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(
        min(workers, len(jobs)), context, initializer=_begin_child, initargs=(os.getpid(),)
    )
    lost: list[Job] = []
    try:
        waiting: dict[Future[Report], Job] = {pool.submit(run, job): job for job in jobs}
        while waiting:
            finished, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in finished:
                job = waiting.pop(future)
                try:
                    took(job, future.result())
                except BrokenProcessPool:
                    lost.append(job)
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in list((pool._processes or {}).values()):
            child.terminate()
        raise
    pool.shutdown()
    return lost
