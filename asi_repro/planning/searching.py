"""A discovery run with so many workers: the pool is refreshed in batches, and a batch waits for its last."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from asi_repro.discover.loop.schedule import Schedule
from asi_repro.planning.inputs import Assumptions
from asi_repro.planning.order import schedule


@dataclass(frozen=True)
class SearchPlan:
    """What a discovery run would take.

    Attributes:
        workers: experiments at a time, a GPU each.
        batch: experiments between two refreshes of the pool.
        days: of wall time.
        gpu_hours: paid for, idle ones too.
        training: share of them in which GPUs trained.
        evaluation: share in which they evaluated.
        waiting_for_llm: share in which a worker waited for an LLM.
        waiting_for_batch: share in which a worker had nothing to do until its batch was over.
        per_thousand_gpu_hours: discoveries, at the assumed rate an experiment.
        dollars: at the assumed price, without the LLM.
    """

    workers: int
    batch: int
    days: float
    gpu_hours: float
    training: float
    evaluation: float
    waiting_for_llm: float
    waiting_for_batch: float
    per_thousand_gpu_hours: float
    dollars: float

    def to_json(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def experiment_hours(speeds: Sequence[float], assumed: Assumptions, *, count: int, seed: int) -> list[float]:
    """Hours of each experiment on one GPU: the assumed mean, spread as the recorded times are."""
    draw = random.Random(seed)
    drawn = [draw.choice(speeds) for _ in range(count)]
    factor = assumed.explore_gpu_hours / (sum(speeds) / len(speeds))
    return [one * factor for one in drawn]


def plan_search(hours: Sequence[float], workers: int, assumed: Assumptions, *, batch: int = 50) -> SearchPlan:
    """A run over experiments of these hours.

    Args:
        batch: experiments between two refreshes of the pool.
    """
    llm = assumed.llm_minutes / 60
    # Every experiment knows of all before its batch when it looks for repeats, and of none of its batch.
    plan = Schedule(assumed.cold_start, batch, window=len(hours), seed=0)
    made = schedule(plan, [one + llm for one in hours], workers)
    working, calls = sum(hours) / made.paid, llm * len(hours) / made.paid
    return SearchPlan(
        workers=workers,
        batch=batch,
        days=made.length / 24,
        gpu_hours=made.paid,
        training=working * (1 - assumed.evaluating),
        evaluation=working * assumed.evaluating,
        waiting_for_llm=calls,
        waiting_for_batch=max(0.0, 1 - working - calls),
        per_thousand_gpu_hours=assumed.discovered * len(hours) / made.paid * 1000,
        dollars=made.paid * assumed.price,
    )
