"""The plan of a sweep and of a discovery run, as numbers and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from asi_repro.config.params import load_params
from asi_repro.markdown import table
from asi_repro.planning.simulation import (
    RecordedRun,
    RunPlan,
    SweepPlan,
    experiment_hours,
    plan_recorded,
    plan_run,
    plan_sweep,
)
from asi_repro.planning.times import PLANNED, Assumptions, Source, Times, find_times
from asi_repro.project import Project

RECORDED = "control"
RECORDED_WORKERS = (1, 2, 4, 8, 16)
_PAID = {
    "GPU hours": "{0.gpu_hours:,.0f}",
    "US$": "{0.dollars:,.0f}",
    "training": "{0.training:.0%}",
    "evaluation": "{0.evaluation:.0%}",
}


@dataclass(frozen=True)
class PlanRequest:
    """What to plan.

    Attributes:
        gpus: sizes of cluster for the sweep.
        workers: of a discovery run.
        experiments, batch: of the discovery run.
        others: sizes of batch to compare with.
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
        request: what was asked for.
        times: of the architectures.
        tokens: of a training at 340M.
        sweeps: by size of cluster.
        runs: by workers, at the wanted batch.
        compared: the same at other sizes of batch.
        recorded: our recorded run with other numbers of workers; None where it is not here.
    """

    request: PlanRequest
    times: Times
    tokens: int
    sweeps: list[SweepPlan]
    runs: list[RunPlan]
    compared: dict[int, list[RunPlan]]
    recorded: RecordedRun | None

    @property
    def one_gpu_hours(self) -> float:
        """Of all architectures on one GPU."""
        return sum(self.times.hours.values())

    def to_json(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "assumed": self.request.assumed.model_dump(),
            "architectures": len(self.times.hours),
            "level": self.times.level,
            "spread": self.times.spread,
            "tokens": self.tokens,
            "one_gpu_hours": self.one_gpu_hours,
            "experiments": self.request.experiments,
            "batch": self.request.batch,
            "sweeps": [asdict(one) for one in self.sweeps],
            "runs": [asdict(one) for one in self.runs],
            "other_batches": [asdict(one) for plans in self.compared.values() for one in plans],
            "recorded": asdict(self.recorded) if self.recorded else None,
        }


def make_plan(project: Project, request: PlanRequest) -> Plan:
    """Simulate all of it.

    Raises:
        MissingInput: where the wanted times were not made here.
    """
    assumed = request.assumed
    params = load_params(project.root)
    tokens = params.train.recipe(PLANNED).tokens
    times = find_times(project, request.source, assumed, tokens=tokens)
    speeds = [times.speeds[index] for index in sorted(times.speeds)]
    hours = experiment_hours(speeds, assumed, count=request.experiments, seed=params.seed)

    def runs(batch: int) -> list[RunPlan]:
        return [plan_run(hours, count, assumed, batch=batch) for count in request.workers]

    return Plan(
        request=request,
        times=times,
        tokens=tokens,
        sweeps=[plan_sweep(times.hours, count, assumed) for count in request.gpus],
        runs=runs(request.batch),
        compared={batch: runs(batch) for batch in request.others},
        recorded=plan_recorded(project, RECORDED, RECORDED_WORKERS),
    )


def plan_markdown(plan: Plan) -> str:
    """What the plan comes to, then its assumptions and its tables."""
    parts = (_findings(plan), _assumptions(plan), _sweeps(plan), _runs(plan), _recorded(plan))
    return "\n\n".join("\n".join(part) for part in parts)


def _findings(plan: Plan) -> Iterator[str]:
    first, last, batch = plan.runs[0], plan.runs[-1], plan.request.batch
    most = [one for one in plan.runs if one.per_thousand_gpu_hours >= 0.9 * first.per_thousand_gpu_hours][-1]
    shortest = min(one.days for one in plan.runs)
    enough = next(one for one in plan.runs if one.days <= 1.1 * shortest)
    small, large = plan.sweeps[0], plan.sweeps[-1]
    if most is not first:
        yield (
            f"- With up to {most.workers} workers, a GPU hour yields at least 90% of the discoveries that it "
            f"yields with {first.workers}: {most.per_thousand_gpu_hours:.1f} instead of "
            f"{first.per_thousand_gpu_hours:.1f} per 1,000 hours, in {most.days:,.0f} days instead of "
            f"{first.days:,.0f}."
        )
    if enough is not last:
        times = first.per_thousand_gpu_hours / last.per_thousand_gpu_hours
        yield (
            f"- More than {enough.workers} workers hardly shorten the run ({enough.days:.1f} days, at best "
            f"{shortest:.1f}), because after the cold start a batch of {batch} has work for {batch} at most. "
            f"With {last.workers} workers, {last.waiting_for_batch:.0%} of the GPU hours go to waiting, and "
            f"each discovery costs {times:.1f} times as much."
        )
    more = f", {large.hours:.1f} hours and US$ {large.dollars:,.0f} on {large.gpus}"
    yield (
        f"- All {len(plan.times.hours)} architectures at 340M take {small.hours:,.0f} hours and "
        f"US$ {small.dollars:,.0f} on {small.gpus} GPUs{more if large is not small else ''}. On "
        f"{large.gpus}, {large.waiting_for_reference:.0%} of the GPU hours are spent waiting for DeltaNet, "
        "which trains first because the leak guard compares with it."
    )


def _assumptions(plan: Plan) -> Iterator[str]:
    times, fields = plan.times, Assumptions.model_fields
    yield (
        f"A simulation, not a measurement: {len(times.hours)} architectures at 340M, {plan.tokens:,} tokens "
        f"each, {plan.one_gpu_hours:,.0f} hours of one GPU in all."
    )
    yield ""
    yield f"- Mean training time: FLOPs ({times.level}), divided by the speed of a GPU."
    yield f"- Spread of training times: {times.spread}."
    yield ""
    rows = [(name, f"{value:.4g}", fields[name].description or "") for name, value in plan.request.assumed]
    yield from table(("assumption", "value", ""), rows, right=(1,))


def _sweeps(plan: Plan) -> Iterator[str]:
    yield "All architectures at 340M, trained and evaluated:\n"
    yield from _table(
        {
            "GPUs": "{0.gpus}",
            "GPUs per training": "{0.per_task}",
            "hours": "{0.hours:.1f}",
            **_PAID,
            "waiting for DeltaNet": "{0.waiting_for_reference:.0%}",
            "waiting at the end": "{0.waiting_at_the_end:.0%}",
        },
        plan.sweeps,
    )


def _runs(plan: Plan) -> Iterator[str]:
    count, batch = plan.request.experiments, plan.request.batch
    yield f"A discovery run of {count:,} experiments, pool refreshed every {batch}:\n"
    yield from _table(
        {
            "workers": "{0.workers}",
            "days": "{0.days:.1f}",
            **_PAID,
            "waiting for the LLM": "{0.waiting_for_llm:.0%}",
            "waiting for the batch": "{0.waiting_for_batch:.0%}",
            "discoveries per 1,000 GPU hours": "{0.per_thousand_gpu_hours:.2f}",
        },
        plan.runs,
    )
    batches = dict(sorted({batch: plan.runs, **plan.compared}.items()))
    yield "\nDiscoveries per 1,000 GPU hours if the pool is refreshed more or less often:\n"
    columns = {
        f"every {batch}": f"{{0[{at}].per_thousand_gpu_hours:.2f}}" for at, batch in enumerate(batches)
    }
    yield from _table({"workers": "{0[0].workers}", **columns}, zip(*batches.values(), strict=True))


def _recorded(plan: Plan) -> Iterator[str]:
    run = plan.recorded
    if run is None:
        yield f"The recorded run {RECORDED} with other numbers of workers: not run."
        yield "`dvc repro discover` makes its tables."
        return
    yield (
        f"Our recorded run {run.name} (no LLM, smoke scale, not the paper's run) as it would have been "
        f"with other numbers of workers: {run.discoveries} discoveries in {run.experiments} experiments. "
        f"Its pool is refreshed every {run.refresh} experiments, and each experiment waits for the one "
        f"{run.window} places earlier, which it must not repeat:\n"
    )
    rate = "discoveries per 1e15 FLOPs that the workers could have done"
    yield from _table(
        {"workers": "{0[0]}", "share of time used": "{0[1]:.0%}", rate: "{0[2]:,.0f}"}, run.plans
    )


def _table(columns: Mapping[str, str], rows: Iterable[Any]) -> Iterator[str]:
    """A Markdown table; each column is a heading and a format of the row."""
    cells = [[cell.format(row) for cell in columns.values()] for row in rows]
    yield from table(list(columns), cells, right=range(len(columns)))
