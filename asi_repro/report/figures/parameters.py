"""Stated parameter counts of the gallery over the search (the paper's Figure 8)."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from matplotlib.figure import Figure

from asi_repro.report.drawing import columns, halo, thousands
from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Drawing, PlotData
from asi_repro.report.palette import BLUE, GREEN, MUTED, PURPLE, VERMILLION
from asi_repro.results.statistics import trend

MILLION = 1e6
STATED_SIZES = (340, 400)  # millions; the paper's sections 4.1, 4.2 and A.2


@dataclass(frozen=True)
class SizeTrend:
    """Theil and Sen's line: the median of all pairwise slopes, through the medians of both axes.

    Attributes:
        slope, low, high: millions of parameters for 1,000 experiments, with the 95% interval.
        centre: median index and median count, in millions.
        p_value: of the two-sided Mann–Kendall test.
    """

    slope: float
    low: float
    high: float
    centre: tuple[float, float]
    p_value: float

    def at(self, index: float, slope: float | None = None) -> float:
        """The line's count at an index, in millions."""
        chosen = self.slope if slope is None else slope
        return self.centre[1] + chosen * (index - self.centre[0]) / 1000


def stated_counts(inputs: Inputs) -> list[tuple[int, float]]:
    """Index and stated count in millions of parameters, in index order."""
    columns = inputs.archive.table("programs", ["index", "parameters"]).to_pydict()
    pairs = zip(columns["index"], columns["parameters"], strict=True)
    return [(index, count / MILLION) for index, count in pairs if count is not None]


def size_trend(points: list[tuple[int, float]]) -> SizeTrend | None:
    """The trend, by the same statistics as the claims ledger; None for fewer than three points."""
    if len(points) < 3:
        return None
    found = trend([i for i, _ in points], [c for _, c in points])
    slope = (found.slope.estimate * 1000, found.slope.low * 1000, found.slope.high * 1000)
    centre = (median(i for i, _ in points), median(c for _, c in points))
    return SizeTrend(*slope, centre, found.p_value)


def parameters_drawing(inputs: Inputs) -> Drawing | None:
    """Stated counts over the search; None where no program states one."""
    points = stated_counts(inputs)
    if not points:
        return None
    trend = size_trend(points)
    counts = sorted(c for _, c in points)
    said = f"All {len(points)} counts" if counts[0] > max(STATED_SIZES) else "The counts"
    slope = (
        "no trend can be fitted"
        if trend is None
        else f"the Theil–Sen line changes by {trend.slope:+.1f} million parameters for 1,000 experiments "
        f"(95% interval {trend.low:+.1f} to {trend.high:+.1f}; Mann–Kendall p = {trend.p_value:.2g})"
    )
    return Drawing(
        id="parameters",
        title="Stated parameters of the gallery over the search",
        alt=(
            f"{said} lie between {counts[0]:.1f} and {counts[-1]:.1f} million, with the median at "
            f"{counts[len(counts) // 2]:.1f} million; {slope}."
        ),
        caption=(
            "One dot a gallery architecture: the parameter count that the release states for it. Line and "
            "band: the Theil–Sen slope with its 95% interval, through the medians, which a few large models "
            "do not bend; the claim no-size-growth says how much the earliest architectures weigh. Dotted: "
            f"the sizes that the paper names, {' and '.join(map(str, STATED_SIZES))} million."
        ),
        source=inputs.source_of("data/106.json"),
        draw=lambda figure: _draw(figure, points, trend),
        data=(
            PlotData(
                "parameters",
                ("index", "parameters_millions", "line_millions"),
                tuple((i, c, _on_line(trend, i)) for i, c in points),
            ),
        ),
    )


def _on_line(trend: SizeTrend | None, index: float) -> float | None:
    return None if trend is None else round(trend.at(index), 4)


def _draw(figure: Figure, points: list[tuple[int, float]], trend: SizeTrend | None) -> None:
    axes = figure.add_subplot()
    if trend:
        first, last = points[0][0], points[-1][0]
        # The limits cross at the centre: there the band has no width.
        grid = sorted({first, trend.centre[0], last})
        limits = [sorted((trend.at(g, trend.low), trend.at(g, trend.high))) for g in grid]
        axes.fill_between(
            grid, [low for low, _ in limits], [high for _, high in limits], color=BLUE, alpha=0.22,
            linewidth=0, label="95% interval of the slope",
        )  # fmt: skip
        label = f"Theil–Sen: {trend.slope:+.1f} M for 1,000 experiments"
        axes.plot(grid, [trend.at(g) for g in grid], color=BLUE, linewidth=2, label=label)
    axes.scatter(
        *columns(points), s=22, color=VERMILLION, alpha=0.8, linewidths=0, label="gallery architecture"
    )
    right = max(i for i, _ in points)
    for size, colour in zip(STATED_SIZES, (GREEN, PURPLE), strict=True):
        axes.axhline(size, color=colour, linewidth=1.3, linestyle=":")
        axes.text(
            right, size - 4, f"{size} M, named in the paper", fontsize=8.5, color=MUTED, ha="right", va="top",
            path_effects=halo(),
        )  # fmt: skip
    axes.set(xlabel="experiment index", ylabel="stated parameters (millions)")
    thousands(axes.xaxis)
    axes.legend(loc="upper left")
