"""A sweep and a discovery run on a virtual clock: the sweep's own driver, the loop's own schedule."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from asi_repro.discover.loop.schedule import Schedule
from asi_repro.discover.run.folder import DiscoveryRun
from asi_repro.discover.run.outcomes import read_outcomes
from asi_repro.errors import DataError, MissingInput, NotFound
from asi_repro.executor.virtual import VirtualExecutor
from asi_repro.planning.times import Assumptions
from asi_repro.project import Project, run_folders
from asi_repro.results.layout import REFERENCE
from asi_repro.sweep.jobs import Job, Report, Task, make_jobs, sweep
from asi_repro.train.spec import Subject


@dataclass(frozen=True)
class Usage:
    """What GPUs are paid for.

    Attributes:
        gpu_hours: paid for, idle ones too.
        dollars: at the assumed price, without the LLM.
        training, evaluation: shares of them in which GPUs did that.
    """

    gpu_hours: float
    dollars: float
    training: float
    evaluation: float


@dataclass(frozen=True)
class SweepPlan(Usage):
    """What a sweep at 340M would take.

    Attributes:
        gpus: of the cluster.
        per_task: of one training.
        hours: of wall time.
        first_wave_hours: of these, those in which only DeltaNet trains: the leak guard compares with it.
        waiting_for_reference: share in which GPUs had nothing to do while DeltaNet trained.
        waiting_at_the_end: share in which they had nothing left to do.
    """

    gpus: int
    per_task: int
    hours: float
    first_wave_hours: float
    waiting_for_reference: float
    waiting_at_the_end: float


@dataclass(frozen=True)
class RunPlan(Usage):
    """What a discovery run would take.

    Attributes:
        workers: experiments at a time, a GPU each.
        batch: experiments between two refreshes of the pool.
        days: of wall time.
        waiting_for_llm: share in which a worker waited for an LLM.
        waiting_for_batch: share in which a worker had nothing to do until its batch was over.
        per_thousand_gpu_hours: discoveries, at the assumed rate an experiment.
    """

    workers: int
    batch: int
    days: float
    waiting_for_llm: float
    waiting_for_batch: float
    per_thousand_gpu_hours: float


@dataclass(frozen=True)
class RecordedRun:
    """Our recorded control run, had it had other numbers of workers; a unit of time is a FLOP.

    Attributes:
        name: of the run.
        experiments, discoveries: without its first program.
        window, refresh: of its schedule.
        plans: by workers: the share of their time in which they trained, and discoveries over the FLOPs that
            they could have trained in that time, times 1e15.
    """

    name: str
    experiments: int
    discoveries: int
    window: int
    refresh: int
    plans: tuple[tuple[int, float, float], ...]


def plan_sweep(hours: Mapping[int, float], gpus: int, assumed: Assumptions) -> SweepPlan:
    """The quickest sweep on `gpus` GPUs over 1, 2, 4, 8 GPUs a training.

    Args:
        hours: of one GPU, by architecture; DeltaNet is taken to need their median.
    """
    plans = [_sweep(hours, gpus, per_task, assumed) for per_task in (1, 2, 4, 8) if per_task <= gpus]
    return min(plans, key=lambda plan: (plan.hours, plan.per_task))


def _sweep(hours: Mapping[int, float], gpus: int, per_task: int, assumed: Assumptions) -> SweepPlan:
    speed = per_task * math.pow(assumed.doubling, math.log2(per_task))
    middle = sorted(hours.values())[len(hours) // 2]
    by_slug = {REFERENCE: middle, **{str(index): value for index, value in hours.items()}}

    def seconds(task: Task) -> float:
        return by_slug[task.job.subject.slug] / speed * 3600

    def nothing(job: Job) -> Report:
        return Report(job.subject.slug, job.seed, "evaluate", "done")

    executor = VirtualExecutor(gpus // per_task, seconds)
    # Longest first keeps the end of the sweep short; the reference goes before all in any case.
    order = [REFERENCE, *sorted((slug for slug in by_slug if slug != REFERENCE), key=lambda s: -by_slug[s])]
    jobs = make_jobs(Path(), [Subject(slug, slug) for slug in order], 1)
    sweep(jobs, workers=executor.workers, run=nothing, executor=executor)
    total, first = executor.now / 3600, executor.waves[0][1] / 3600
    paid = total * gpus
    used, alone = executor.busy * per_task / 3600 / paid, first * (gpus - per_task) / paid
    usage = _usage(paid, used, assumed)
    return SweepPlan(*usage, gpus, per_task, total, first, alone, max(0.0, 1 - used - alone))


def experiment_hours(speeds: Sequence[float], assumed: Assumptions, *, count: int, seed: int) -> list[float]:
    """Hours of each experiment on one GPU: the assumed mean, spread as the recorded times are."""
    draw = random.Random(seed)
    factor = assumed.explore_gpu_hours / (sum(speeds) / len(speeds))
    return [draw.choice(speeds) * factor for _ in range(count)]


def end_times(schedule: Schedule, durations: Sequence[float], workers: int) -> list[float]:
    """When each experiment ends: a free worker takes the next index when what it needs is finished.

    Args:
        schedule: says which experiments must be finished before one begins.
        durations: of experiment 1, 2, 3, …
    """
    free = [0.0] * workers
    ends: list[float] = []
    finished = [0.0]  # finished[n]: when every experiment up to n is
    for index, spent in enumerate(durations, start=1):
        end = max(heapq.heappop(free), finished[schedule.needs(index)]) + spent
        heapq.heappush(free, end)
        ends.append(end)
        finished.append(max(finished[-1], end))
    return ends


def plan_run(hours: Sequence[float], workers: int, assumed: Assumptions, *, batch: int = 50) -> RunPlan:
    """A discovery run over experiments of these hours.

    Args:
        batch: experiments between two refreshes of the pool.
    """
    llm = assumed.llm_minutes / 60
    # Every experiment knows of all before its batch when it looks for repeats, and of none of its batch.
    schedule = Schedule(assumed.cold_start, batch, window=len(hours), seed=0)
    length = max(end_times(schedule, [one + llm for one in hours], workers))
    paid = workers * length
    working, calls = sum(hours) / paid, llm * len(hours) / paid
    usage, waiting = _usage(paid, working, assumed), max(0.0, 1 - working - calls)
    rate = assumed.discovered * len(hours) / paid * 1000
    return RunPlan(*usage, workers, batch, length / 24, calls, waiting, rate)


def _usage(paid: float, used: float, assumed: Assumptions) -> tuple[float, float, float, float]:
    return paid, paid * assumed.price, used * (1 - assumed.evaluating), used * assumed.evaluating


def plan_recorded(project: Project, name: str, workers: Sequence[int]) -> RecordedRun | None:
    """The plans of a recorded run; None where its tables are not here (`dvc repro discover` makes them).

    How an experiment came out does not depend on workers: the schedule says what each knows of, and a test of
    the loop compares one worker with several.

    Raises:
        DataError: where its record is damaged, or says no FLOPs.
    """
    try:
        outcomes = read_outcomes(project, name)
    except (MissingInput, NotFound):
        return None
    if outcomes.flops is None or list(outcomes.indices) != list(range(2, len(outcomes.indices) + 2)):
        raise DataError("the run records no FLOPs, or an experiment is missing", where=name)
    schedule = DiscoveryRun(run_folders(project)[name]).schedule
    # Experiment 1 is the first program: it trains like the others, and is no discovery.
    durations = [max(outcomes.flops), *outcomes.flops]
    paid = {count: count * max(end_times(schedule, durations, count)) for count in workers}
    plans = tuple((n, sum(durations) / time, outcomes.count / time * 1e15) for n, time in paid.items())
    return RecordedRun(name, len(outcomes.indices), outcomes.count, schedule.window, schedule.refresh, plans)
