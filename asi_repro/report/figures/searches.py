"""Discoveries over experiments, as shares: searches of our own and the release's gallery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import FigureBase

from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Drawing, PlotData, plain
from asi_repro.report.palette import BLUE, FAINT, GREEN, PURPLE, VERMILLION
from asi_repro.report.searches import Search
from asi_repro.results.statistics import fit_line

_OURS = (VERMILLION, BLUE, PURPLE)


@dataclass(frozen=True)
class Counted:
    """One search: its cumulative count after each experiment.

    Attributes:
        label: for a person; says whose it is.
        counts: after experiment 1, 2, ….
        r2: of a line through them over the experiments; None where they do not grow.
    """

    label: str
    counts: tuple[int, ...]
    r2: float | None


def counted(label: str, counts: Sequence[int]) -> Counted:
    """A search with the fit of its line."""
    grows = len(set(counts)) > 1
    r2 = fit_line(range(1, len(counts) + 1), counts).r2 if grows else None
    return Counted(label, tuple(counts), r2)


def release_counted(inputs: Inputs) -> Counted:
    """The release's gallery in index order, its root left out, as `asi-repro compare` counts it."""
    count, counts = 0, []
    for experiment in inputs.experiments:
        if experiment.parent is not None:
            count += experiment.in_gallery
            counts.append(count)
    return counted("the release: its gallery", counts)


def search_drawing(inputs: Inputs) -> Drawing | None:
    """The figure; None where no search of our own is there, or nothing was found in one."""
    ours = [
        counted(_label(search), [step.discoveries for step in search.curve]) for search in inputs.searches
    ]
    shown = [one for one in (*ours, release_counted(inputs)) if one.r2 is not None]
    if len(shown) < 2 or not ours:
        return None
    said = [f"{plain(one.label)}: {one.counts[-1]} in {len(one.counts):,}, R² {one.r2:.3f}" for one in shown]
    return Drawing(
        id="searches",
        title="Discoveries over experiments: a search without a language model, and the release",
        alt=f"Cumulative share of the discoveries over the share of experiments. {'; '.join(said)}.",
        caption=(
            "Each count as a share of its last, over the share of its experiments; grey: a constant rate. "
            "R² is that of a line through the count. What counts as a discovery differs, and "
            "runs of our own are far smaller than the paper's."
        ),
        source=f"artifacts/recorded, discoveries.json; {inputs.source_of('data/tree.json')}",
        draw=lambda figure: draw_searches(figure, shown),
        data=(PlotData("searches", ("search", "experiments", "discoveries", "share"), _rows(shown)),),
    )


def _label(search: Search) -> str:
    arm = "no language model" if search.arm == "operators" else "language models"
    return f"our own run {search.name}: {arm}"


def _rows(shown: Sequence[Counted]) -> tuple[tuple[str, int, int, float], ...]:
    return tuple(
        (one.label, place, count, round(count / one.counts[-1], 6))
        for one in shown
        for place, count in enumerate(one.counts, 1)
    )


def draw_searches(figure: FigureBase, shown: Sequence[Counted]) -> None:
    """Draw onto an empty figure."""
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=4, alpha=0.6, label="a constant rate")
    for number, one in enumerate(shown):
        last = number == len(shown) - 1
        total, found = len(one.counts), one.counts[-1]
        axes.step(
            [place / total for place in range(total + 1)],
            [count / found for count in (0, *one.counts)],
            where="post", linewidth=1.6, color=GREEN if last else _OURS[number % len(_OURS)],
            label=f"{plain(one.label)}, {found} in {total:,}, R² {one.r2:.3f}",
        )  # fmt: skip
    axes.set(xlabel="share of the experiments", ylabel="share of the discoveries")
    axes.legend(loc="upper left")
