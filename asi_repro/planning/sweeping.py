"""All architectures at 340M on so many GPUs: the sweep's own driver, on a virtual clock."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from asi_repro.executor.virtual import VirtualExecutor
from asi_repro.planning.inputs import Assumptions
from asi_repro.results.layout import REFERENCE
from asi_repro.sweep.jobs import Job, Report, Task, make_jobs, sweep
from asi_repro.train.spec import Subject


@dataclass(frozen=True)
class SweepPlan:
    """What a sweep would take.

    Attributes:
        gpus: of the cluster.
        per_task: of one training.
        hours: of wall time.
        first_wave_hours: of these, those in which only DeltaNet trains: the leak guard compares with it.
        gpu_hours: paid for, idle ones too.
        training, evaluation: shares of them in which GPUs did that.
        waiting_for_reference: share in which they had nothing to do while DeltaNet trained.
        waiting_at_the_end: share in which they had nothing left to do.
        dollars: at the assumed price.
    """

    gpus: int
    per_task: int
    hours: float
    first_wave_hours: float
    gpu_hours: float
    training: float
    evaluation: float
    waiting_for_reference: float
    waiting_at_the_end: float
    dollars: float

    def to_json(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def plan_sweep(hours: Mapping[int, float], gpus: int, assumed: Assumptions) -> SweepPlan:
    """The quickest sweep on `gpus` GPUs over 1, 2, 4, … GPUs a training.

    Args:
        hours: of one GPU, by architecture; DeltaNet is taken to need their median.
    """
    plans = []
    per_task = 1
    while per_task <= min(gpus, 8):
        plans.append(_plan(hours, gpus, per_task, assumed))
        per_task *= 2
    return min(plans, key=lambda plan: (plan.hours, plan.per_task))


def _plan(hours: Mapping[int, float], gpus: int, per_task: int, assumed: Assumptions) -> SweepPlan:
    speed = per_task * math.pow(assumed.doubling, math.log2(per_task))
    middle = sorted(hours.values())[len(hours) // 2]
    by_slug = {REFERENCE: middle, **{str(index): value for index, value in hours.items()}}

    def seconds(task: Task) -> float:
        return by_slug[task.job.subject.slug] / speed * 3600

    executor = VirtualExecutor(gpus // per_task, seconds)
    # Longest first keeps the end of the sweep short; the reference goes before all in any case.
    order = [REFERENCE, *sorted((slug for slug in by_slug if slug != REFERENCE), key=lambda s: -by_slug[s])]
    jobs = make_jobs(Path(), [Subject(slug, slug) for slug in order], 1)
    sweep(jobs, workers=executor.workers, run=_nothing, executor=executor)
    total = executor.now / 3600
    paid = total * gpus
    first = executor.waves[0][1] / 3600
    used = executor.busy * per_task / 3600 / paid
    alone = first * (gpus - per_task) / paid
    return SweepPlan(
        gpus=gpus,
        per_task=per_task,
        hours=total,
        first_wave_hours=first,
        gpu_hours=paid,
        training=used * (1 - assumed.evaluating),
        evaluation=used * assumed.evaluating,
        waiting_for_reference=alone,
        waiting_at_the_end=max(0.0, 1 - used - alone),
        dollars=paid * assumed.price,
    )


def _nothing(job: Job) -> Report:
    return Report(job.subject.slug, job.seed, "evaluate", "done")
