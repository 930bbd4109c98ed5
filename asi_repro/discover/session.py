"""One call of `asi-repro discover`: begin or go on, work, make the archive, compare with the record."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

from asi_repro.config.discover import Arm
from asi_repro.config.params import load_params
from asi_repro.discover.arms import LlmMode
from asi_repro.discover.lab.cluster import ClusterLabs
from asi_repro.discover.lab.live import LocalLabs, made_with
from asi_repro.discover.loop.events import OnEvent, RunBegun
from asi_repro.discover.loop.workers import WorkerJob, work, work_in_threads
from asi_repro.discover.run.archive import write_run_archive
from asi_repro.discover.run.discoveries import write_discoveries
from asi_repro.discover.run.folder import DiscoveryRun, check_name
from asi_repro.discover.run.recorded import check_reproduction, record_run, set_up_reproduction
from asi_repro.discover.run.setup import is_set_up, set_up_run, wanted_settings
from asi_repro.discover.run.store import VERIFIED
from asi_repro.discover.run.traces import write_run_traces
from asi_repro.errors import AsiReproError, NotFound
from asi_repro.executor.choose import make_executor
from asi_repro.executor.on_ray import RayExecutor
from asi_repro.project import Project

ARMS, LABS, LLMS = ("operators", "llm"), ("live", "recorded"), ("live", "record", "replay")


@dataclass(frozen=True)
class RunOptions:
    """What the command line asked for; None takes the settings'."""

    run: str | None = None
    experiments: int | None = None
    workers: int = 1
    arm: str | None = None
    scale: str | None = None
    lab: str = "live"
    llm: str = "record"
    record: bool = False
    renew: bool = False
    executor: str | None = None


@dataclass(frozen=True)
class RunSummary:
    """What a call came to.

    Attributes:
        run: name.
        folder: of the run.
        arm: who proposed.
        experiments: finished ones, committed or failed.
        failed: without a commit.
        beat_baseline: better than the first program in both metrics.
        verified, passed: of the second stage, without its baseline.
        rows: of the archive, by table.
        spans: in the traces.
        compared: outcomes that were compared with the record; None where nothing was.
        recorded_bytes: size of the versioned form, None where none was written.
    """

    run: str
    folder: str
    arm: str
    experiments: int
    failed: int
    beat_baseline: int
    verified: int
    passed: int
    rows: dict[str, int]
    spans: int
    compared: int | None = None
    recorded_bytes: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    def text(self) -> str:
        """For a person."""
        lines = [
            f"run {self.run} (arm {self.arm}, a run of our own and not the paper's): {self.experiments} "
            f"experiments, {self.failed} failed, {self.beat_baseline} beat the baseline in both metrics",
            f"second stage: {self.verified} verified, {self.passed} passed",
            f"{self.folder}",
        ]
        if self.compared is not None:
            lines.insert(2, f"reproduced: all {self.compared} outcomes are those recorded, commit by commit")
        if self.recorded_bytes is not None:
            lines.append(f"recorded: {self.recorded_bytes / 1e6:.2f} MB")
        return "\n".join(lines)


def run_live(project: Project, options: RunOptions, on_event: OnEvent) -> RunSummary:
    """Begin a run or go on with it until it has its experiments.

    Raises:
        NotFound: for an unknown arm or mode.
        DataError: where the run was begun with other settings.
        AsiReproError: where something failed that is no fault of a program.
    """
    for value, known in ((options.arm, ARMS), (options.lab, LABS), (options.llm, LLMS)):
        if value is not None and value not in known:
            raise NotFound(f"unknown value {value!r}", hint=f"one of {', '.join(known)}")
    if options.renew and options.lab == "recorded":
        raise AsiReproError(
            "--lab recorded repeats the existing run, so it cannot be combined with --renew, which deletes it"
        )
    root, arm = project.root, cast("Arm | None", options.arm)
    settings = wanted_settings(root, arm, options.scale)
    name = check_name(options.run or options.scale or settings.arm)
    reproduced = options.lab == "recorded" and is_set_up(root, name)
    if reproduced:  # it needs neither corpus nor benchmarks: its settings are those of the run
        run = DiscoveryRun(project.runs / name)
    else:
        run = set_up_run(root, name, arm=arm, scale=options.scale, renew=options.renew)
    run.make_places()  # a kill right after the settings were written left none
    experiments = options.experiments or settings.experiments
    on_event(RunBegun(experiments, sum(index <= experiments for index in run.finished())))
    job = WorkerJob(run.folder, root, experiments, llm=cast(LlmMode, options.llm))
    if options.lab == "live":
        _work_live(job, options, on_event)
    else:
        work(job, options.workers, on_event)
    size = record_run(run, project.recorded / name) if options.record else None
    return _summary(run, root, recorded_bytes=size)


def _work_live(job: WorkerJob, options: RunOptions, on_event: OnEvent) -> None:
    """Train and check here, or on the cluster that was chosen."""
    settings = load_params(job.root).executor
    executor = make_executor(settings, job.root, name=options.executor, workers=options.workers)
    if not isinstance(executor, RayExecutor):
        local = LocalLabs(job.root, job.folder)
        work(replace(job, labs=local), options.workers, on_event)
        return
    stop = threading.Event()
    with executor.session() as session:
        nodes = ClusterLabs(session, stop, settings, job.root, job.folder, made_with())
        work_in_threads(replace(job, labs=nodes), options.workers, stop, on_event)
    nodes.forget_results()


def reproduce_recorded(project: Project, name: str, workers: int, on_event: OnEvent) -> RunSummary:
    """Repeat a recorded run from nothing and compare every commit.

    Raises:
        MissingInput: where there is no such record.
        DataError: at the first outcome that differs.
    """
    folder = project.recorded / check_name(name)
    run, experiments = set_up_reproduction(folder)
    on_event(RunBegun(experiments, 0))
    work(WorkerJob(run.folder, project.root, experiments, llm="replay"), workers, on_event)
    compared = check_reproduction(run)
    return _summary(run, project.root, compared=compared)


def _summary(
    run: DiscoveryRun, root: Path, *, compared: int | None = None, recorded_bytes: int | None = None
) -> RunSummary:
    if not run.store.commits():
        raise AsiReproError("no experiment of the run has a commit", where=str(run.folder))
    rows, counts = write_run_archive(run)
    write_discoveries(run, root)
    spans = write_run_traces(run, root)
    return RunSummary(
        run=run.folder.name,
        folder=str(run.folder),
        arm=run.discover.arm,
        experiments=len(run.finished()),
        failed=len(run.failed()),
        beat_baseline=counts["beat_baseline"],
        verified=max(len(run.store.commits(VERIFIED)) - 1, 0),
        passed=counts["passed"],
        rows=rows,
        spans=spans,
        compared=compared,
        recorded_bytes=recorded_bytes,
    )
