"""The plan as numbers, and as the tables that a person reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from asi_repro.config.params import load_params
from asi_repro.planning.inputs import Assumptions, Source, Times, find_times
from asi_repro.planning.recorded import RecordedRun, plan_recorded
from asi_repro.planning.searching import SearchPlan, experiment_hours, plan_search
from asi_repro.planning.sweeping import SweepPlan, plan_sweep
from asi_repro.project import Project

RECORDED = "control"
RECORDED_WORKERS = (1, 2, 4, 8, 16)


@dataclass(frozen=True)
class Wanted:
    """What to plan.

    Attributes:
        gpus: sizes of cluster for the sweep.
        workers: of a discovery run.
        experiments, batch: of the discovery run.
        others: sizes of batch that the curves compare with.
        source: of the times.
        assumed: what nobody measured.
    """

    gpus: Sequence[int]
    workers: Sequence[int]
    experiments: int = 1773
    batch: int = 50
    others: Sequence[int] = (10, 200)
    source: Source = "sweep"
    assumed: Assumptions = field(default_factory=Assumptions)


@dataclass(frozen=True)
class Plan:
    """Both plans with what they rest on.

    Attributes:
        wanted: what was asked for.
        times: of the architectures.
        tokens: of a training at 340M.
        sweeps: by size of cluster.
        searches: by workers, at the wanted batch.
        compared: the same at other sizes of batch.
        recorded: our recorded run with other numbers of workers; None where it is not here.
    """

    wanted: Wanted
    times: Times
    tokens: int
    sweeps: list[SweepPlan]
    searches: list[SearchPlan]
    compared: dict[int, list[SearchPlan]]
    recorded: RecordedRun | None

    @property
    def one_gpu_hours(self) -> float:
        """Of all architectures on one GPU."""
        return sum(self.times.hours.values())

    def to_json(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "assumed": self.wanted.assumed.model_dump(),
            "architectures": len(self.times.hours),
            "level": self.times.level,
            "spread": self.times.spread,
            "tokens": self.tokens,
            "one_gpu_hours": self.one_gpu_hours,
            "experiments": self.wanted.experiments,
            "batch": self.wanted.batch,
            "sweeps": [one.to_json() for one in self.sweeps],
            "searches": [one.to_json() for one in self.searches],
            "other_batches": [one.to_json() for plans in self.compared.values() for one in plans],
            "recorded": self.recorded.to_json() if self.recorded else None,
        }


def make_plan(project: Project, wanted: Wanted) -> Plan:
    """Simulate all of it.

    Raises:
        MissingInput: where the wanted times were not made here.
    """
    assumed = wanted.assumed
    params = load_params(project.root)
    tokens = params.train.recipe("340m").tokens
    times = find_times(project, wanted.source, assumed, tokens=tokens)
    each = experiment_hours(
        [times.speeds[index] for index in sorted(times.speeds)],
        assumed,
        count=wanted.experiments,
        seed=params.seed,
    )

    def searches(batch: int) -> list[SearchPlan]:
        return [plan_search(each, count, assumed, batch=batch) for count in wanted.workers]

    return Plan(
        wanted=wanted,
        times=times,
        tokens=tokens,
        sweeps=[plan_sweep(times.hours, count, assumed) for count in wanted.gpus],
        searches=searches(wanted.batch),
        compared={batch: searches(batch) for batch in wanted.others},
        recorded=plan_recorded(project, RECORDED, RECORDED_WORKERS),
    )


def plan_markdown(plan: Plan) -> str:
    """The plan's tables, each below what it is about."""
    parts = (_assumptions(plan), _sweeps(plan), _searches(plan), _recorded(plan))
    return "\n\n".join("\n".join(part) for part in parts)


def _assumptions(plan: Plan) -> Iterator[str]:
    times, assumed = plan.times, plan.wanted.assumed
    yield (
        f"A simulation, not a measurement: {len(times.hours)} architectures at 340M, {plan.tokens:,} tokens "
        f"each, {plan.one_gpu_hours:,.0f} hours of one GPU in all."
    )
    yield ""
    yield f"- Mean of the times: FLOPs ({times.level}) over what a GPU does."
    yield f"- Spread of the times: {times.spread}."
    yield ""
    yield "| assumption | value | |"
    yield "| --- | ---: | --- |"
    fields = Assumptions.model_fields
    for name, value in assumed:
        yield f"| {name} | {value:.4g} | {fields[name].description} |"


def _sweeps(plan: Plan) -> Iterator[str]:
    yield "All architectures at 340M, trained and evaluated:"
    yield ""
    yield (
        "| GPUs | GPUs a training | hours | GPU hours | US$ | training | evaluation | waiting for DeltaNet "
        "| waiting at the end |"
    )
    yield "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for one in plan.sweeps:
        yield (
            f"| {one.gpus} | {one.per_task} | {one.hours:.1f} | {one.gpu_hours:,.0f} | {one.dollars:,.0f} "
            f"| {one.training:.0%} | {one.evaluation:.0%} | {one.waiting_for_reference:.0%} "
            f"| {one.waiting_at_the_end:.0%} |"
        )


def _searches(plan: Plan) -> Iterator[str]:
    wanted = plan.wanted
    yield f"A discovery run of {wanted.experiments:,} experiments, the pool refreshed every {wanted.batch}:"
    yield ""
    yield (
        "| workers | days | GPU hours | US$ | training | evaluation | waiting for the LLM "
        "| waiting for the batch | discoveries per 1,000 GPU hours |"
    )
    yield "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for one in plan.searches:
        yield (
            f"| {one.workers} | {one.days:.1f} | {one.gpu_hours:,.0f} | {one.dollars:,.0f} "
            f"| {one.training:.0%} | {one.evaluation:.0%} | {one.waiting_for_llm:.0%} "
            f"| {one.waiting_for_batch:.0%} | {one.per_thousand_gpu_hours:.2f} |"
        )
    if plan.compared:
        batches = {wanted.batch: plan.searches, **plan.compared}
        shown = sorted(batches)
        yield ""
        yield "Discoveries per 1,000 GPU hours where the pool is refreshed more or less often:"
        yield ""
        yield "| workers | " + " | ".join(f"every {batch}" for batch in shown) + " |"
        yield "| ---: |" + " ---: |" * len(shown)
        for place, workers in enumerate(wanted.workers):
            cells = [f"{batches[batch][place].per_thousand_gpu_hours:.2f}" for batch in shown]
            yield f"| {workers} | " + " | ".join(cells) + " |"


def _recorded(plan: Plan) -> Iterator[str]:
    run = plan.recorded
    if run is None:
        yield f"The recorded run {RECORDED} with other numbers of workers: not run."
        yield "`dvc repro discover` makes its tables."
        return
    yield (
        f"Our recorded run {run.name} (no LLM, smoke scale, not the paper's): {run.discoveries} discoveries "
        f"in {run.experiments} experiments, with other numbers of workers. Its pool is refreshed every "
        f"{run.refresh}, and an experiment waits for the one {run.window} before it, which it must not "
        "repeat:"
    )
    yield ""
    yield "| workers | used | discoveries per 1e15 FLOPs of the workers' time |"
    yield "| ---: | ---: | ---: |"
    for one in run.plans:
        yield f"| {one.workers} | {one.used:.0%} | {one.per_1e15_flops:,.0f} |"
