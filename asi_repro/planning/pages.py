"""The plan as numbers, and as the page that a person reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asi_repro.config import load_params
from asi_repro.planning.inputs import Assumptions, architecture_hours, relative_speeds
from asi_repro.planning.searching import SearchPlan, experiment_hours, plan_search
from asi_repro.planning.sweeping import SweepPlan, plan_sweep
from asi_repro.project import Project
from asi_repro.train.recipe import load_train_settings


@dataclass(frozen=True)
class Plan:
    """Both plans with what they rest on.

    Attributes:
        assumed: what nobody measured.
        architectures: with a certificate and times.
        tokens: of a training at 340M.
        one_gpu_hours: of all architectures on one GPU.
        experiments, batch: of the discovery run.
        sweeps, searches: by size of cluster.
    """

    assumed: Assumptions
    architectures: int
    tokens: int
    one_gpu_hours: float
    experiments: int
    batch: int
    sweeps: list[SweepPlan]
    searches: list[SearchPlan]

    def to_json(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "assumed": self.assumed.model_dump(),
            "architectures": self.architectures,
            "tokens": self.tokens,
            "one_gpu_hours": self.one_gpu_hours,
            "experiments": self.experiments,
            "batch": self.batch,
            "sweeps": [one.to_json() for one in self.sweeps],
            "searches": [one.to_json() for one in self.searches],
        }


def make_plan(
    project: Project,
    *,
    assumed: Assumptions,
    gpus: Sequence[int],
    workers: Sequence[int],
    experiments: int,
    batch: int,
) -> Plan:
    """Simulate both.

    Raises:
        MissingInput: where there are no certificates, or no times beside them.
    """
    timings = project.artifacts / "verify-timings.json"
    tokens = load_train_settings(project.root).recipe("340m").tokens
    hours = architecture_hours(project.certificates, timings, assumed, tokens=tokens)
    speeds = relative_speeds(timings)
    each = experiment_hours(
        [speeds[index] for index in sorted(speeds)],
        assumed,
        count=experiments,
        seed=load_params(project.root).seed,
    )
    return Plan(
        assumed=assumed,
        architectures=len(hours),
        tokens=tokens,
        one_gpu_hours=sum(hours.values()),
        experiments=experiments,
        batch=batch,
        sweeps=[plan_sweep(hours, count, assumed) for count in gpus],
        searches=[plan_search(each, count, assumed, batch=batch) for count in workers],
    )


def plan_markdown(plan: Plan) -> str:
    """The plan as Markdown."""
    fields = Assumptions.model_fields
    lines = [
        f"A simulation, not a measurement: {plan.architectures} architectures at 340M, {plan.tokens:,} "
        f"tokens each, {plan.one_gpu_hours:,.0f} hours of one GPU in all.",
        "",
        "| assumption | value | |",
        "| --- | ---: | --- |",
        *(f"| {name} | {value:.4g} | {fields[name].description} |" for name, value in plan.assumed),
        "",
        "All architectures at 340M, trained and evaluated:",
        "",
        "| GPUs | GPUs a training | hours | of them DeltaNet alone | GPU hours | used | US$ |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {s.gpus} | {s.per_task} | {s.hours:.1f} | {s.first_wave_hours:.1f} | {s.gpu_hours:,.0f} | "
            f"{s.used:.0%} | {s.dollars:,.0f} |"
            for s in plan.sweeps
        ),
        "",
        f"A discovery run of {plan.experiments:,} experiments, the pool refreshed every {plan.batch}:",
        "",
        "| workers | days | GPU hours | training | waiting for the LLM | waiting for the batch "
        "| discoveries per 1,000 GPU hours | US$ |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {s.workers} | {s.days:.1f} | {s.gpu_hours:,.0f} | {s.training:.0%} "
            f"| {s.waiting_for_llm:.0%} | {s.waiting_for_batch:.0%} "
            f"| {s.per_thousand_gpu_hours:.2f} | {s.dollars:,.0f} |"
            for s in plan.searches
        ),
    ]
    return "\n".join(lines)
