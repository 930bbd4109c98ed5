"""Table 2 as a scatter: what the small scale says about the large one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from asi_repro.claims.paper_tables import PaperTables, Table2Row
from asi_repro.report.drawing import note
from asi_repro.report.model import Drawing, PlotData, plain
from asi_repro.report.palette import BLUE, FAINT, GREEN, SURFACE, VERMILLION

SCALES = ("20m", "340m")
# heading, column, unit, whether a lower value is better
PANELS = (
    ("Training loss", "train_loss", "nats per token", True),
    ("Benchmark score", "test_score", "points of 100", False),
)


@dataclass(frozen=True)
class Correlation:
    """Spearman's rank correlation with its 95% bootstrap interval, from the claims ledger."""

    rho: float
    low: float
    high: float

    def __str__(self) -> str:
        text = f"ρ = {self.rho:.2f}, 95% interval {self.low:.2f} to {self.high:.2f}"
        return text.replace("-", "−")


def table2_drawing(paper: PaperTables, correlations: Mapping[str, Correlation]) -> Drawing | None:
    """Both panels; None where the table has no architecture.

    Args:
        correlations: by panel, `train_loss` and `test_score`; what is not there is not shown.
    """
    rows = paper.table2
    if not rows:
        return None
    baselines = paper.table2_baselines
    facts = []
    for heading, column, _, lower in PANELS:
        small, large = (f"{column}_{scale}" for scale in SCALES)
        for name, base in baselines.items():
            better = sum(
                _better(row, base, small, lower) and _better(row, base, large, lower) for row in rows
            )
            facts.append(
                f"{better} of {len(rows)} are better than {name} at both scales in {heading.lower()}"
            )
        if column in correlations:
            facts.append(f"rank correlation of {heading.lower()} between the scales: {correlations[column]}")
    data = (*((r, False) for r in rows), *((r, True) for r in baselines.values()))
    columns = [f"{column}_{scale}" for _, column, _, _ in PANELS for scale in SCALES]
    return Drawing(
        id="table2",
        title="Table 2: the same architectures at 20M and at 340M parameters",
        alt=f"Two scatters of {len(rows)} architectures, 20M across and 340M up. {'; '.join(facts)}.",
        caption=(
            "One dot an architecture of the paper's Table 2. Diamonds with guide lines: the baselines as the "
            "same table prints them. Better is towards the lower left for loss and the upper right for the "
            "score. ρ: Spearman's rank correlation with a 95% bootstrap interval, from the claims ledger."
        ),
        source="arXiv 2507.18074, Table 2, as printed",
        draw=lambda figure: _draw(figure, rows, baselines, correlations),
        size=(9.6, 4.9),
        data=(
            PlotData(
                "table2",
                ("model", "baseline", *columns),
                tuple((r.model, base, *(r.values[c] for c in columns)) for r, base in data),
            ),
        ),
    )


def _better(row: Table2Row, base: Table2Row, column: str, lower: bool) -> bool:
    return (row.values[column] < base.values[column]) == lower and row.values[column] != base.values[column]


def _draw(
    figure: Figure,
    rows: list[Table2Row],
    baselines: Mapping[str, Table2Row],
    correlations: Mapping[str, Correlation],
) -> None:
    for axes, (heading, column, unit, _) in zip(figure.subplots(1, 2), PANELS, strict=True):
        x, y = (f"{column}_{scale}" for scale in SCALES)
        axes.scatter(
            [r.values[x] for r in rows], [r.values[y] for r in rows], s=20, color=BLUE, alpha=0.7,
            linewidths=0, label="architecture",
        )  # fmt: skip
        _draw_baselines(axes, baselines, x, y)
        axes.set(title=heading, xlabel=f"at 20M ({unit})", ylabel=f"at 340M ({unit})")
        axes.margins(0.06)
        if column in correlations:
            note(axes, str(correlations[column]), x=1.0, y=1.02, ha="right", va="bottom")
        axes.legend(loc="lower right", frameon=True, facecolor=SURFACE, edgecolor=SURFACE, framealpha=0.9)


def _draw_baselines(axes: Axes, baselines: Mapping[str, Table2Row], x: str, y: str) -> None:
    for (name, row), colour in zip(baselines.items(), (VERMILLION, GREEN), strict=False):
        axes.axvline(row.values[x], color=FAINT, linewidth=0.9, linestyle="--", zorder=1)
        axes.axhline(row.values[y], color=FAINT, linewidth=0.9, linestyle="--", zorder=1)
        axes.plot(
            [row.values[x]], [row.values[y]], linestyle="", marker="D", markersize=7, color=colour,
            label=plain(name), zorder=4,
        )  # fmt: skip
