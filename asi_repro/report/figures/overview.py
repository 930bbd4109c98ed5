"""One small picture for the README: every claim with its verdict, and Figure 1."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from asi_repro.claims.ledger import Entry
from asi_repro.report.drawing import render
from asi_repro.report.figures.scaling import draw_scaling, scaling_data
from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Drawing, Picture, plain
from asi_repro.report.palette import AMBER, BLUE, FAINT, GREEN, INK, MUTED, PURPLE, VERMILLION

# Colour and marker of a verdict; the marker tells them apart without colour.
STYLES = {
    "reproduced": (BLUE, "o"),
    "contradicted": (VERMILLION, "X"),
    "undecided": (GREEN, "^"),
    "not checkable": (FAINT, "s"),
    "not yet run": (AMBER, "D"),
}
OTHER = (PURPLE, "P")


def overview_picture(inputs: Inputs, counts: dict[str, int]) -> Picture:
    """The picture; `figures/overview.png` is what `docs/images/` keeps a copy of."""
    counted = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    return render(
        Drawing(
            id="overview",
            title="ASI-ARCH, rechecked",
            alt=f"{len(inputs.claims)} claims: {counted}. Beside them Figure 1 with its linear fit.",
            caption="Claims by verdict, and Figure 1.",
            source=f"claims ledger; {inputs.commit}",
            draw=lambda figure: _draw(figure, inputs, counts),
            size=(11.0, 4.9),
            dpi=100,
        )
    )


def _draw(figure: Figure, inputs: Inputs, counts: dict[str, int]) -> None:
    scaling = scaling_data(inputs)
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=[1.0, 1.05], wspace=0.02)[0]
    _draw_claims(left.add_subplot(), inputs.claims, counts)
    if scaling:
        draw_scaling(right, scaling)
        right.axes[0].set_title("Figure 1 of the paper, and what a random order gives")


def _draw_claims(axes: Axes, claims: list[Entry], counts: dict[str, int]) -> None:
    ordered = sorted(claims, key=lambda c: list(counts).index(c.verdict))
    rows = (len(ordered) + 1) // 2
    for verdict in counts:
        places = [divmod(i, rows) for i, c in enumerate(ordered) if c.verdict == verdict]
        colour, marker = STYLES.get(verdict, OTHER)
        if places:
            axes.scatter(
                [column for column, _ in places], [-row for _, row in places], s=44, color=colour,
                marker=marker, linewidths=0, label=f"{counts[verdict]} {plain(verdict)}",
            )  # fmt: skip
    for i, claim in enumerate(ordered):
        column, row = divmod(i, rows)
        axes.text(column + 0.06, -row, plain(claim.id)[:28], va="center", fontsize=8.5, color=INK)
    axes.set_xlim(-0.08, 1.95)
    axes.axis("off")
    axes.set_title(f"{len(claims)} claims of the papers, on the released data")
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=5, handletextpad=0.2, columnspacing=0.9,
        fontsize=8, labelcolor=MUTED,
    )  # fmt: skip
