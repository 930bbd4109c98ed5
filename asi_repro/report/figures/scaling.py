"""The paper's Figure 1, with what the claims ledger fitted to it and what a random order would give."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import FigureBase
from scipy.stats import hypergeom

from asi_repro.report.drawing import note, thousands
from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Drawing, PlotData, plain
from asi_repro.report.palette import AMBER, BLUE, FAINT, GREEN, INK

CLAIM = "scaling-law"


@dataclass(frozen=True)
class Point:
    """One point of Figure 1.

    Attributes:
        hours: GPU hours, read off the picture.
        count: cumulative count of state-of-the-art architectures, as printed.
        onset: the ledger's best straight curve there.
        index: the experiment index that the hours are mapped to.
        by_index: gallery architectures up to that index.
        low, high: 95% range of that count where as many experiments are marked at random.
    """

    hours: float
    count: float
    onset: float
    index: int
    by_index: float
    low: float
    high: float


@dataclass(frozen=True)
class Scaling:
    """Figure 1's points and the ledger's numbers about them.

    Attributes:
        straightest: name of the best curve by AIC that does not bend.
        gallery_hours: the gallery's indices, mapped to hours as the ledger does, in order.
    """

    points: list[Point]
    figures: Mapping[str, Any]
    straightest: str
    gallery_hours: list[float]

    def line(self, hours: float) -> float:
        """The least-squares line."""
        return float(self.figures["intercept"]) + float(self.figures["slope_per_hour"]) * hours


def scaling_data(inputs: Inputs) -> Scaling | None:
    """What the ledger's evidence for the claim holds; None where it does not hold the points."""
    figures = inputs.found_figures(CLAIM)
    rows = inputs.evidence_rows(CLAIM, {"gpu_hours", "cumulative_sota", "fitted", "gallery_up_to_index"})
    if not rows or not {"slope_per_hour", "intercept", "r2"} <= figures.keys():
        return None
    ranges = random_order_ranges(inputs, [int(row["index"]) for row in rows])
    points = [
        Point(
            row["gpu_hours"], row["cumulative_sota"], row["fitted"], row["index"],
            row["gallery_up_to_index"], low, high,
        )
        for row, (low, high) in zip(rows, ranges, strict=True)
    ]  # fmt: skip
    curves = inputs.evidence_rows(CLAIM, {"curve", "bends", "aic"})
    straight = min((c for c in curves if not c["bends"]), key=lambda c: float(c["aic"]), default=None)
    name = str(straight["curve"]) if straight else "best straight curve"
    # A batch is counted where it begins, so a find stands at the hours of its batch.
    batch, step = points[1].index - points[0].index, points[1].hours - points[0].hours
    hours = [step * (e.index // max(batch, 1)) for e in inputs.archive.gallery]
    return Scaling(points, figures, name, hours)


def random_order_ranges(inputs: Inputs, indices: list[int]) -> list[tuple[float, float]]:
    """95% range of how many of a random gallery come at or before each index.

    As many experiments as the gallery has are marked at random among all but the root; their number
    among the first k of n is hypergeometric, so no draw is needed.
    """
    places = [e.index for e in inputs.experiments if e.parent is not None]
    size = len(inputs.archive.gallery)
    ranges = []
    for index in indices:
        distribution = hypergeom(len(places), size, bisect_right(places, index))
        low, high = distribution.ppf([0.025, 0.975])
        # scipy gives -1 for a count that is certainly 0.
        ranges.append((max(float(low), 0.0), max(float(high), 0.0)))
    return ranges


def scaling_drawing(inputs: Inputs) -> Drawing | None:
    """Figure 1; None where the ledger has no evidence for its claim."""
    data = scaling_data(inputs)
    if data is None:
        return None
    found = data.figures
    last = data.points[-1]
    outside = sum(not p.low <= p.by_index <= p.high for p in data.points)
    columns = (
        "gpu_hours", "printed_count", "line", "line_after_onset", "index", "gallery_up_to_index",
        "random_low", "random_high",
    )  # fmt: skip
    rows = tuple(
        (
            p.hours,
            p.count,
            round(data.line(p.hours), 4),
            round(p.onset, 4),
            p.index,
            p.by_index,
            p.low,
            p.high,
        )
        for p in data.points
    )
    return Drawing(
        id="figure1",
        title="Figure 1: architectures found over GPU hours, and what a random order gives",
        alt=(
            f"{len(data.points)} points rise from {data.points[0].count:g} to {last.count:g} "
            f"architectures at {last.hours:,.0f} GPU hours. "
            f"The least-squares line has R² {found['r2']:.3f}{_null_text(found)}. "
            f"The gallery's count by experiment index follows the points; it lies outside the 95% band of a "
            f"random order at {outside} of {len(data.points)} points."
        ),
        caption=(
            "Dots: the paper's points, read off the picture. Solid line: least squares. Dashed: the best "
            "curve without a bend, by AIC. Band: 95% of the counts that a gallery picked at "
            "random from the same experiments would have. Steps: the gallery's count in the released tree, "
            f"each batch at the hours where the figure counts it.{_share_text(found)}"
        ),
        source=(
            "arXiv 2507.18074, Figure 1, read off the picture; claims ledger, scaling-law; "
            f"{inputs.source_of('data/tree.json')}"
        ),
        draw=lambda figure: draw_scaling(figure, data),
        data=(PlotData("figure1", columns, rows),),
    )


def _null_text(found: Mapping[str, Any]) -> str:
    if not {"null_r2_low", "null_r2_high"} <= found.keys():
        return ""
    return f"; random orders have {found['null_r2_low']:.3f} to {found['null_r2_high']:.3f} in 95% of draws"


def _share_text(found: Mapping[str, Any]) -> str:
    share = found.get("share_of_null_at_least_as_straight")
    if share is None:
        return ""
    return f" A random order has at least the R² of Figure 1 in {share:.0%} of the ledger's draws."


def draw_scaling(figure: FigureBase, data: Scaling) -> None:
    """Draw onto an empty figure."""
    axes = figure.add_subplot()
    hours = [p.hours for p in data.points]
    axes.fill_between(
        hours, [p.low for p in data.points], [p.high for p in data.points], color=FAINT, alpha=0.4,
        linewidth=0, label="95% of random orders",
    )  # fmt: skip
    axes.step(
        [0.0, *data.gallery_hours], range(len(data.gallery_hours) + 1), where="post", color=GREEN,
        linewidth=1.2, label="gallery in the released tree",
    )  # fmt: skip
    axes.plot(
        hours, [data.line(h) for h in hours], color=BLUE, linewidth=1.8,
        label=f"least squares, R² {data.figures['r2']:.3f}",
    )  # fmt: skip
    axes.plot(
        hours, [p.onset for p in data.points], color=AMBER, linewidth=1.5, linestyle="--",
        label=f"{plain(data.straightest)} (best straight line by AIC)",
    )  # fmt: skip
    axes.scatter(hours, [p.count for p in data.points], s=22, color=INK, zorder=4, label="Figure 1's points")
    axes.set_ylim(bottom=min(-2.0, *(data.line(h) for h in hours)) - 1)
    axes.set(xlabel="GPU hours", ylabel="cumulative count of architectures")
    thousands(axes.xaxis)
    if text := _null_text(data.figures):
        said = text.removeprefix("; ").replace("have", "have R²")
        note(axes, said, x=0.99, y=0.03, ha="right", va="bottom")
    axes.legend(loc="upper left")
