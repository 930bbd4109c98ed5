"""A discovery run with so many workers: the pool is refreshed in batches, and a batch waits for its last."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from asi_repro.executor.virtual import VirtualExecutor
from asi_repro.planning.inputs import Assumptions


@dataclass(frozen=True)
class SearchPlan:
    """What a discovery run would take.

    Attributes:
        workers: experiments at a time, a GPU each.
        days: of wall time.
        gpu_hours: paid for, idle ones too.
        training: share of them in which GPUs trained or evaluated.
        waiting_for_llm: share in which a worker waited for an LLM.
        waiting_for_batch: share in which a worker had nothing to do until its batch was over.
        per_thousand_gpu_hours: discoveries, if an experiment finds as many as in the paper (106 of 1,773).
        dollars: at the assumed price, without the LLM.
    """

    workers: int
    days: float
    gpu_hours: float
    training: float
    waiting_for_llm: float
    waiting_for_batch: float
    per_thousand_gpu_hours: float
    dollars: float

    def to_json(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def experiment_hours(speeds: Sequence[float], assumed: Assumptions, *, count: int, seed: int) -> list[float]:
    """Hours of each experiment on one GPU: the assumed mean, spread as the forward times are."""
    draw = random.Random(seed)
    drawn = [draw.choice(speeds) for _ in range(count)]
    factor = assumed.explore_gpu_hours / (sum(speeds) / len(speeds))
    return [one * factor for one in drawn]


def plan_search(
    hours: Sequence[float],
    workers: int,
    assumed: Assumptions,
    *,
    batch: int = 50,
    cold_start: int = 200,
    discovered: float = 106 / 1773,
) -> SearchPlan:
    """A run over experiments of these hours.

    Args:
        batch: experiments between two refreshes of the pool.
        cold_start: first experiments, which wait for no refresh (paper section 4.1).
        discovered: discoveries an experiment.
    """
    llm = assumed.llm_minutes / 60
    executor = VirtualExecutor(workers, lambda task: (task + llm) * 3600)
    for one in _batches(hours, batch, cold_start):
        executor.run(lambda task, stop: None, one, took=lambda task, value: None)
    paid = executor.now / 3600 * workers
    training, calls = sum(hours) / paid, llm * len(hours) / paid
    return SearchPlan(
        workers=workers,
        days=executor.now / 86_400,
        gpu_hours=paid,
        training=training,
        waiting_for_llm=calls,
        waiting_for_batch=max(0.0, 1 - training - calls),
        per_thousand_gpu_hours=discovered * len(hours) / paid * 1000,
        dollars=paid * assumed.price,
    )


def _batches(hours: Sequence[float], batch: int, cold_start: int) -> Iterator[Sequence[float]]:
    if cold_start:
        yield hours[:cold_start]
    for start in range(cold_start, len(hours), batch):
        yield hours[start : start + batch]
