"""The plan's curves: what parallelism does to discoveries, to the calendar, and to where the time goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from asi_repro.planning.searching import SearchPlan
from asi_repro.planning.tables import Plan
from asi_repro.report.drawing import thousands
from asi_repro.report.model import Drawing
from asi_repro.report.palette import AMBER, BLUE, FAINT, GREEN, MUTED, PURPLE, VERMILLION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINES = ((GREEN, "o"), (BLUE, "s"), (PURPLE, "^"), (AMBER, "D"), (VERMILLION, "v"))
Parts = Sequence[tuple[str, str, Sequence[float]]]


def plan_drawing(plan: Plan) -> Drawing:
    """Four panels on one plan."""

    def draw(figure: Figure) -> None:
        rate, share, days, sweep = figure.subplots(2, 2).flat
        _rates(rate, plan)
        _shares(share, plan)
        _days(days, plan)
        _sweep(sweep, plan)

    first, last = plan.searches[0], plan.searches[-1]
    return Drawing(
        id="planning",
        title="What parallelism does to a discovery run and to a sweep",
        alt=(
            f"Discoveries per 1,000 GPU hours fall from {first.per_thousand_gpu_hours:.1f} with "
            f"{first.workers} worker to {last.per_thousand_gpu_hours:.1f} with {last.workers}, where the "
            f"pool is refreshed every {plan.wanted.batch}."
        ),
        caption="",
        source="a simulation",
        code="asi_repro.planning.figure",
        draw=draw,
        size=(11.0, 8.4),
        dpi=110,
    )


def _batches(plan: Plan) -> dict[int, list[SearchPlan]]:
    return dict(sorted({plan.wanted.batch: plan.searches, **plan.compared}.items()))


def _lines(axes: Axes, plan: Plan, value: Callable[[SearchPlan], float]) -> None:
    for (batch, plans), (colour, marker) in zip(_batches(plan).items(), LINES, strict=False):
        own = batch == plan.wanted.batch
        axes.plot(
            [one.workers for one in plans],
            [value(one) for one in plans],
            color=colour,
            marker=marker,
            markersize=4.5 if own else 3.5,
            linewidth=2.2 if own else 1.3,
            label=f"every {batch} experiments" + (" (the paper's)" if batch == 50 else ""),
        )
    axes.set_xscale("log", base=2)
    axes.set_xticks(list(plan.wanted.workers))
    axes.tick_params(axis="x", labelsize=8, rotation=45)
    thousands(axes.xaxis)
    axes.set_xlabel("workers, one GPU each")


def _rates(axes: Axes, plan: Plan) -> None:
    _lines(axes, plan, lambda one: one.per_thousand_gpu_hours)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("discoveries per 1,000 GPU hours paid for")
    axes.set_title(f"Discoveries over parallelism ({plan.wanted.experiments:,} experiments)")
    axes.legend(title="the pool is refreshed", loc="lower left")


def _days(axes: Axes, plan: Plan) -> None:
    _lines(axes, plan, lambda one: one.days)
    axes.set_yscale("log")
    thousands(axes.yaxis)
    axes.set_ylabel("days from the first experiment to the last")
    axes.set_title("Wall time of the discovery run")
    axes.legend(title="the pool is refreshed", loc="upper right")


def _shares(axes: Axes, plan: Plan) -> None:
    _stack(
        axes,
        [f"{one.workers:,}" for one in plan.searches],
        (
            ("training", BLUE, [100 * one.training for one in plan.searches]),
            ("evaluation", GREEN, [100 * one.evaluation for one in plan.searches]),
            ("waiting for the LLM", AMBER, [100 * one.waiting_for_llm for one in plan.searches]),
            ("waiting for the batch", FAINT, [100 * one.waiting_for_batch for one in plan.searches]),
        ),
    )
    axes.set_ylim(0, 124)  # room for the legend
    axes.set_yticks(range(0, 101, 20))
    axes.tick_params(axis="x", labelsize=8, rotation=45)
    axes.set_xlabel("workers, one GPU each")
    axes.set_ylabel("% of the GPU hours paid for")
    axes.set_title(f"Where they go, the pool refreshed every {plan.wanted.batch}")


def _sweep(axes: Axes, plan: Plan) -> None:
    def hours(share: str) -> list[float]:
        return [getattr(one, share) * one.gpu_hours for one in plan.sweeps]

    names = [f"{one.gpus:,} GPUs\n{one.per_task} a training" for one in plan.sweeps]
    _stack(
        axes,
        names,
        (
            ("training", BLUE, hours("training")),
            ("evaluation", GREEN, hours("evaluation")),
            ("waiting for DeltaNet", VERMILLION, hours("waiting_for_reference")),
            ("waiting at the end", FAINT, hours("waiting_at_the_end")),
        ),
    )
    top = max(one.gpu_hours for one in plan.sweeps)
    for place, one in enumerate(plan.sweeps):
        axes.text(
            place,
            one.gpu_hours + top * 0.015,
            f"{one.hours:.1f} h\nUS$ {one.dollars:,.0f}",
            ha="center",
            va="bottom",
            color=MUTED,
        )
    axes.set_ylim(0, top * 1.45)
    thousands(axes.yaxis)
    axes.set_ylabel("GPU hours paid for")
    axes.set_title(f"All {len(plan.times.hours)} architectures at 340M")


def _stack(axes: Axes, names: Sequence[str], parts: Parts) -> None:
    bottom = [0.0] * len(names)
    style: dict[str, Any] = {"width": 0.7, "linewidth": 0}
    for label, colour, values in parts:
        axes.bar(range(len(names)), values, bottom=bottom, color=colour, label=label, **style)
        bottom = [low + value for low, value in zip(bottom, values, strict=True)]
    axes.set_xticks(range(len(names)), names)
    axes.grid(visible=False, axis="x")
    axes.legend(loc="upper left", ncols=2)
