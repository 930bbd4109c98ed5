"""Training and evaluating many models in parallel: resumable, one model's failure is its own.

Each job runs in a child process that lives for many jobs, so that what evaluation imports is imported once
a child; the programs themselves run in sandboxes below it. DeltaNet goes first: the leak guard compares with
it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from asi_repro.errors import AsiReproError, fault_place
from asi_repro.executor.base import ONE_CPU, Executor, Resources
from asi_repro.executor.local import ProcessExecutor
from asi_repro.models.memory import keep_freed_memory
from asi_repro.results.layout import REFERENCE
from asi_repro.sandbox.watch import hidden_cpu_seconds
from asi_repro.sweep.scoring import evaluate_model
from asi_repro.sweep.workspace import Workspace, open_workspace
from asi_repro.train.run import Done
from asi_repro.train.spec import Device, Subject

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
        device: cpu or cuda.
        processes: that share one training; more than one need torchrun, and no sandbox.
        force: do it again.
    """

    root: Path
    subject: Subject
    seed: int
    scale: str | None = None
    phases: tuple[Phase, ...] = ("train", "evaluate")
    unsafe: bool = False
    device: Device = "cpu"
    processes: int = 1
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
        where: the file or place that a failure is about.
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
    where: str = ""

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
        spent = times.user + times.system + times.children_user + times.children_system
        return time.perf_counter(), spent + hidden_cpu_seconds()


def run_job(job: Job) -> Report:
    """Train and evaluate one model; every failure becomes a report."""
    clock = _Clock()
    phase: Phase = "train"
    trained: tuple[float, float] | None = None
    worked = False

    def report(status: Any, detail: str = "", hint: str = "", where: str | None = None) -> Report:
        wall, cpu = clock()
        train_wall, train_cpu = (wall, cpu) if trained is None else trained
        times = (train_wall, wall - train_wall, train_cpu, cpu - train_cpu)
        return Report(job.subject.slug, job.seed, phase, status, detail, hint, *times, where or "")

    try:
        keep_freed_memory()
        workspace = open_workspace(job.root, scale=job.scale)
        if "train" in job.phases:
            done = _train(workspace, job)
            worked = not done.already
            if done.result.stop is not None:
                return report("stopped", done.result.stop.detail)
        trained = clock()
        if "evaluate" in job.phases:
            phase = "evaluate"
            worked |= evaluate_model(
                workspace, job.subject.slug, job.seed, device=job.device, unsafe=job.unsafe, force=job.force
            )
    except AsiReproError as error:
        return report("failed", error.what, error.hint or "", error.where)
    except Exception as error:
        what = f"{type(error).__name__}: {str(error)[:500]}"
        return report("failed", what, "this is a fault of asi_repro", fault_place(error))
    return report("done" if worked else "current")


def failed_report(name: str, seed: int, error: AsiReproError, phase: Phase = "train") -> Report:
    """The report of what could not be done."""
    return Report(name, seed, phase, "failed", error.what, error.hint or "", where=error.where or "")


def _train(workspace: Workspace, job: Job) -> Done:
    if job.processes > 1:
        return workspace.train_in_processes(
            job.subject, job.seed, device=job.device, processes=job.processes, force=job.force
        )
    return workspace.train(job.subject, job.seed, device=job.device, unsafe=job.unsafe, force=job.force)


def sweep(
    jobs: Sequence[Job],
    *,
    workers: int,
    progress: Callable[[Report], None] = lambda report: None,
    run: Callable[[Job], Report] = run_job,
    executor: Executor | None = None,
    resources: Resources = ONE_CPU,
) -> Swept:
    """Run all jobs, `workers` at a time. What is finished is on disk, so a sweep that is killed goes on.

    Args:
        progress: called with each report as it comes.
        run: what a job does; a function that a child process can import.
        executor: where to run them; processes here by default.
        resources: that one job needs there.
    """
    began = time.perf_counter()
    found: dict[Job, Report] = {}

    def took(task: Task, report: Report) -> None:
        found[task.job] = report
        progress(report)

    where = executor or ProcessExecutor(workers)
    first = [job for job in jobs if job.subject.slug == REFERENCE]
    for wave in (first, [job for job in jobs if job.subject.slug != REFERENCE]):
        tasks = [Task(job, run) for job in wave]
        for lost in where.run(_run_task, tasks, on_result=took, resources=resources):
            report = Report(
                lost.task.job.subject.slug, lost.task.job.seed, "train", "failed", lost.reason, "run it again"
            )
            took(lost.task, report)
    return Swept([found[job] for job in jobs], time.perf_counter() - began)


@dataclass(frozen=True)
class Task:
    """A job with what does it, as an executor takes it."""

    job: Job
    run: Callable[[Job], Report]


def _run_task(task: Task, stop: threading.Event) -> Report:
    return task.run(task.job)


def make_jobs(root: Path, subjects: Iterable[Subject], seeds: int, **options: Any) -> list[Job]:
    """The jobs for all seeds of all subjects: the first seed of every model before any second one."""
    listed = list(subjects)
    return [Job(root, subject, seed, **options) for seed in range(seeds) for subject in listed]
