"""The gallery's training curves, as released."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from asi_repro.report.drawing import columns, note, thousands
from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Drawing, PlotData
from asi_repro.report.palette import BLUE, FAINT, GREEN, MUTED, VERMILLION

LATE = 1000  # steps: the second panel shows what comes from here on


@dataclass(frozen=True)
class Curves:
    """Training losses by experiment: (step, loss or None where the release has NaN), in step order."""

    losses: dict[int, list[tuple[int, float | None]]]

    @property
    def missing(self) -> list[tuple[int, int]]:
        """Experiment and step of each loss that is not there."""
        return [(i, step) for i, points in self.losses.items() for step, loss in points if loss is None]

    @property
    def medians(self) -> list[tuple[int, float, int]]:
        """Step, median loss over the curves that have it, and how many do."""
        by_step: dict[int, list[float]] = {}
        for points in self.losses.values():
            for step, loss in points:
                if loss is not None:
                    by_step.setdefault(step, []).append(loss)
        return [(step, median(values), len(values)) for step, values in sorted(by_step.items())]


def curves_data(inputs: Inputs) -> Curves:
    """Every released curve."""
    columns = inputs.archive.table("curves").to_pydict()
    losses: dict[int, list[tuple[int, float | None]]] = {}
    for index, step, loss in zip(columns["index"], columns["step"], columns["loss"], strict=True):
        losses.setdefault(index, []).append((step, loss))
    return Curves(losses)


def curves_drawing(inputs: Inputs, baselines: dict[str, float]) -> Drawing | None:
    """Curves overlaid; None where the run has none.

    Args:
        baselines: final training loss of each baseline in the paper's Table 2 (nats per token).
    """
    curves = curves_data(inputs)
    medians = curves.medians
    if not medians:
        return None
    step, loss, count = medians[-1]
    gaps = curves.missing
    lost = len({i for i, _ in gaps})
    rows = tuple((step, round(median, 6), number) for step, median, number in medians)
    printed = "; ".join(f"{name} {value:.4f}" for name, value in baselines.items())
    return Drawing(
        id="training-curves",
        title="Training loss of the gallery at the larger scale",
        alt=(
            f"{len(curves.losses)} curves fall from a median of {medians[0][1]:.2f} at step "
            f"{medians[0][0]} to {loss:.3f} nats per token at step {step:,} ({count} curves have that step). "
            f"{len(gaps)} losses in {lost} curves are NaN in the release and left out. "
            f"Baselines' final losses as the paper prints them: {printed or 'none'}."
        ),
        caption=(
            "Left: whole training, logarithmic. Right: from step 1,000. Each thin line is one architecture, "
            "the thick one the median. Gaps are losses that the release gives as NaN. No curve of a baseline "
            "was released; diamonds are the final losses that the paper's Table 2 prints for them."
        ),
        source=f"{inputs.source_of('data/106.json')}; baselines: arXiv 2507.18074, Table 2",
        draw=lambda figure: _draw(figure, curves, baselines),
        size=(9.6, 4.6),
        data=(PlotData("training_curves", ("step", "median_loss", "curves"), rows),),
    )


def _draw(figure: Figure, curves: Curves, baselines: dict[str, float]) -> None:
    whole, late = figure.subplots(1, 2, width_ratios=[1, 1.25])
    whole.set_yscale("log")
    _draw_lines(whole, curves, 0)
    _draw_lines(late, curves, LATE)
    last = curves.medians[-1][0]
    for (name, value), colour in zip(baselines.items(), (VERMILLION, GREEN), strict=False):
        late.plot(
            [last],
            [value],
            marker="D",
            markersize=6,
            linestyle="",
            color=colour,
            label=f"{name}: {value:.4f}",
        )
    whole.set_title("whole training")
    late.set_title(f"from step {LATE:,}")
    ticks = [4, 5, 6, 8, 10]
    whole.set_yticks(ticks, labels=[str(t) for t in ticks])
    whole.minorticks_off()
    whole.xaxis.set_major_locator(MaxNLocator(5))
    for axes in (whole, late):
        axes.set_xlabel("optimizer step")
        thousands(axes.xaxis)
    whole.set_ylabel("training loss (nats per token)")
    late.legend(loc="upper right")
    if curves.missing:
        note(whole, f"{len(curves.missing)} NaN losses left out", x=0.97, y=0.97, ha="right", color=MUTED)


def _draw_lines(axes: Axes, curves: Curves, start: int) -> None:
    nan = float("nan")
    for position, points in enumerate(curves.losses.values()):
        part = [(s, nan if loss is None else loss) for s, loss in points if s >= start]
        label = "a gallery architecture" if position == 0 else None
        axes.plot(*columns(part), color=FAINT, linewidth=0.7, alpha=0.8, label=label)
    middle = [(s, loss) for s, loss, _ in curves.medians if s >= start]
    axes.plot(*columns(middle), color=BLUE, linewidth=2.2, label="median")
