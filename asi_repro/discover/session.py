"""One call of `asi-repro discover`: begin or go on, work, make the archive, compare with the record."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from asi_repro.discover.loop.workers import Order, Told, work
from asi_repro.discover.run.archive import write_run_archive
from asi_repro.discover.run.folder import DiscoveryRun, check_name
from asi_repro.discover.run.recorded import begin_replay, check_replay, record_run
from asi_repro.discover.run.setup import begin_run, is_begun, recorded_folder, runs_folder, wanted_settings
from asi_repro.discover.run.store import VERIFIED
from asi_repro.discover.run.traces import write_run_traces
from asi_repro.discover.settings import Arm
from asi_repro.discover.teams import LabMode, LlmMode
from asi_repro.errors import AsiReproError, NotFound
from asi_repro.project import Project

ARMS, LABS, LLMS = ("operators", "llm"), ("live", "replay"), ("live", "record", "replay")


@dataclass(frozen=True)
class Wanted:
    """What the command line asked for; None takes the settings'."""

    run: str | None = None
    experiments: int | None = None
    workers: int = 1
    arm: str | None = None
    lab: str = "live"
    llm: str = "record"
    record: bool = False
    renew: bool = False
    executor: str | None = None


@dataclass(frozen=True)
class Summary:
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
            lines.insert(2, f"replay: all {self.compared} outcomes are those recorded, commit by commit")
        if self.recorded_bytes is not None:
            lines.append(f"recorded: {self.recorded_bytes / 1e6:.2f} MB")
        return "\n".join(lines)


def run_live(project: Project, wanted: Wanted, told: Told) -> Summary:
    """Begin a run or go on with it until it has its experiments.

    Raises:
        NotFound: for an unknown arm or mode.
        DataError: where the run was begun with other settings.
        AsiReproError: where something failed that is no fault of a program.
    """
    for value, known in ((wanted.arm, ARMS), (wanted.lab, LABS), (wanted.llm, LLMS)):
        if value is not None and value not in known:
            raise NotFound(f"no {value!r}", hint=f"one of {', '.join(known)}")
    if wanted.renew and wanted.lab == "replay":
        raise AsiReproError(
            "a replay repeats the run that is there: --renew, which drops it, does not go with it"
        )
    root, arm = project.root, cast("Arm | None", wanted.arm)
    settings = wanted_settings(root, arm)
    name = check_name(wanted.run or settings.arm)
    replayed = wanted.lab == "replay" and is_begun(root, name)
    if replayed:  # it needs neither corpus nor benchmarks: its settings are those of the run
        run = DiscoveryRun(runs_folder(project.artifacts) / name)
    else:
        run = begin_run(root, name, arm=arm, renew=wanted.renew)
    run.make_places()  # a kill right after the settings were written left none
    experiments = wanted.experiments or settings.experiments
    order = Order(
        run.folder,
        root,
        experiments,
        lab=cast(LabMode, wanted.lab),
        llm=cast(LlmMode, wanted.llm),
    )
    told("total", experiments, str(len([i for i in run.finished() if i <= experiments])))
    _work(order, wanted, told)
    size = record_run(run, recorded_folder(project.artifacts) / name) if wanted.record else None
    return _summary(run, root, recorded_bytes=size)


def _work(order: Order, wanted: Wanted, told: Told) -> None:
    """Here, or with trainings and checks on the cluster that was chosen; a replay has neither."""
    from asi_repro.executor.choose import load_executor_settings, make_executor
    from asi_repro.executor.on_ray import RayExecutor

    settings = load_executor_settings(order.root)
    executor = make_executor(settings, order.root, name=wanted.executor, workers=wanted.workers)
    if order.lab == "replay" or not isinstance(executor, RayExecutor):
        work(order, wanted.workers, told)
        return
    from asi_repro.discover.lab.nodes import work_on_nodes

    work_on_nodes(order, wanted.workers, executor, settings, told)


def replay_recorded(project: Project, name: str, workers: int, told: Told) -> Summary:
    """Repeat a recorded run from nothing and compare every commit.

    Raises:
        MissingInput: where there is no such record.
        DataError: at the first outcome that differs.
    """
    folder = recorded_folder(project.artifacts) / check_name(name)
    run, experiments = begin_replay(folder)
    told("total", experiments, "0")
    work(Order(run.folder, project.root, experiments, lab="replay", llm="replay"), workers, told)
    compared = check_replay(run)
    return _summary(run, project.root, compared=compared)


def _summary(
    run: DiscoveryRun, root: Path, *, compared: int | None = None, recorded_bytes: int | None = None
) -> Summary:
    from asi_repro.discover.run.search_record import write_search

    if not run.store.commits():
        raise AsiReproError("no experiment of the run has a commit", where=str(run.folder))
    rows, counts = write_run_archive(run)
    write_search(run, root)
    spans = write_run_traces(run, root)
    return Summary(
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
