"""How the recorded score moved over the search, and where the gallery stands in it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from matplotlib.figure import Figure

from asi_repro.archive.reader import Experiment
from asi_repro.report.drawing import columns, halo, note, thousands
from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Drawing, PlotData
from asi_repro.report.palette import BLUE, FAINT, GREEN, INK, MUTED, VERMILLION

BATCH = 50
COLD_START = 200  # the paper's section 4.1


@dataclass(frozen=True)
class Batch:
    """Consecutive experiments in index order that have a score.

    Attributes:
        lower, median, upper: quartiles of the recorded score (linear interpolation).
        best: highest score from the first experiment to the last of this batch.
    """

    first: int
    last: int
    count: int
    lower: float
    median: float
    upper: float
    best: float

    @property
    def middle(self) -> float:
        return (self.first + self.last) / 2


def score_batches(experiments: list[Experiment], size: int = BATCH) -> list[Batch]:
    """Quartiles by batches of `size` experiments; the last batch may be smaller."""
    scored = [(e.index, e.score) for e in experiments if e.score is not None]
    batches: list[Batch] = []
    best = float("-inf")
    for start in range(0, len(scored), size):
        part = scored[start : start + size]
        values = [score for _, score in part]
        best = max(best, *values)
        lower, median, upper = (float(q) for q in np.quantile(values, [0.25, 0.5, 0.75]))
        batches.append(Batch(part[0][0], part[-1][0], len(part), lower, median, upper, best))
    return batches


def trend_drawing(inputs: Inputs) -> Drawing | None:
    """Score by batches; None where no experiment has a score."""
    experiments = inputs.experiments
    batches = score_batches(experiments)
    if not batches:
        return None
    first, last = batches[0], batches[-1]
    columns = (
        "batch", "first_index", "last_index", "count", "lower_quartile", "median", "upper_quartile",
        "best_so_far",
    )  # fmt: skip
    rows = tuple(
        (i, b.first, b.last, b.count, *(round(v, 6) for v in (b.lower, b.median, b.upper, b.best)))
        for i, b in enumerate(batches, 1)
    )
    top = max(batches, key=lambda b: b.median)
    return Drawing(
        id="score-trend",
        title=f"Recorded score by batches of {BATCH} experiments",
        alt=(
            f"{len(batches)} batches. The median score goes from {first.median:.2f} in the first to "
            f"{last.median:.2f} in the last and is highest, {top.median:.2f}, for experiments {top.first} to "
            f"{top.last}. The best score so far rises from {first.best:.2f} to {last.best:.2f}."
        ),
        caption=(
            "Line: median of each batch. Band: lower to upper quartile. Steps: best score so far. "
            "Grey dots: every experiment. The score is the release's recorded fitness, which has no unit. "
            f"Dotted: experiment {COLD_START}, where the paper says its first updates of the pool come."
        ),
        source=inputs.source_of("data/tree.json"),
        draw=lambda figure: _draw_trend(figure, experiments, batches),
        data=(PlotData("score_trend", columns, rows),),
    )


def _draw_trend(figure: Figure, experiments: list[Experiment], batches: list[Batch]) -> None:
    axes = figure.add_subplot()
    scored = [(e.index, e.score) for e in experiments if e.score is not None]
    axes.scatter(*columns(scored), s=4, color=FAINT, linewidths=0, alpha=0.6, label="an experiment")
    middle = [b.middle for b in batches]
    axes.fill_between(
        middle, [b.lower for b in batches], [b.upper for b in batches], color=BLUE, alpha=0.22, linewidth=0,
        label="quartiles of a batch",
    )  # fmt: skip
    axes.plot(middle, [b.median for b in batches], color=BLUE, linewidth=2, label="median of a batch")
    best = list(accumulate((score for _, score in scored), max))
    axes.step(
        [index for index, _ in scored], best, where="post", color=VERMILLION, linewidth=1.6,
        label="best so far",
    )  # fmt: skip
    if experiments[-1].index > COLD_START:
        axes.axvline(COLD_START, color=MUTED, linewidth=1, linestyle=":")
        axes.text(
            COLD_START + 12, min(s for _, s in scored), "end of the stated cold start", fontsize=8.5,
            color=MUTED, path_effects=halo(),
        )  # fmt: skip
    axes.set(xlabel="experiment index", ylabel="recorded score (no unit)")
    thousands(axes.xaxis)
    axes.legend(loc="lower right", ncols=2, markerscale=3)


@dataclass(frozen=True)
class Ranks:
    """Experiments by recorded score, best first; ties in index order.

    Attributes:
        order: indices.
        scores: their scores.
        gallery: 1-based ranks of the gallery's architectures.
    """

    order: list[int]
    scores: list[float]
    gallery: list[int]

    @property
    def overlap(self) -> int:
        """Gallery architectures among the best as many as the gallery has."""
        return sum(rank <= len(self.gallery) for rank in self.gallery)


def score_ranks(experiments: list[Experiment]) -> Ranks:
    """Rank every experiment that has a score."""
    scored = sorted(
        ((e.score, e) for e in experiments if e.score is not None), key=lambda pair: (-pair[0], pair[1].index)
    )
    gallery = [rank for rank, (_, e) in enumerate(scored, 1) if e.in_gallery]
    return Ranks([e.index for _, e in scored], [score for score, _ in scored], gallery)


def rank_drawing(inputs: Inputs) -> Drawing | None:
    """Where the gallery stands among all experiments; None without scores or gallery."""
    ranks = score_ranks(inputs.experiments)
    if not ranks.gallery:
        return None
    size = len(ranks.gallery)
    middle = sorted(ranks.gallery)[size // 2]
    members = set(ranks.gallery)
    rows = tuple(
        (rank, index, round(score, 6), rank in members)
        for rank, (index, score) in enumerate(zip(ranks.order, ranks.scores, strict=True), 1)
    )
    return Drawing(
        id="gallery-rank",
        title="The gallery among all experiments, ranked by recorded score",
        alt=(
            f"{len(ranks.order):,} experiments sorted from the best score {ranks.scores[0]:.2f} down to "
            f"{ranks.scores[-1]:.2f}. {ranks.overlap} of the {size} gallery architectures are among the best "
            f"{size}; their middle rank is {middle:,} and their lowest {max(ranks.gallery):,}."
        ),
        caption=(
            f"Grey line: score by rank. Orange: the {size} architectures of the gallery. Shaded: the best "
            f"{size} by score. Below: how many gallery architectures stand at or above each rank, against "
            "the line they would follow if they were the best by score, and the line of a random choice."
        ),
        source=inputs.source_of("data/tree.json", "data/106.json"),
        draw=lambda figure: _draw_ranks(figure, ranks),
        size=(9.0, 6.0),
        data=(PlotData("gallery_rank", ("rank", "index", "score", "in_gallery"), rows),),
    )


def _draw_ranks(figure: Figure, ranks: Ranks) -> None:
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    total, size = len(ranks.order), len(ranks.gallery)
    x = range(1, total + 1)
    upper.plot(x, ranks.scores, color=FAINT, linewidth=2.5, label="all experiments")
    upper.scatter(
        ranks.gallery, [ranks.scores[r - 1] for r in ranks.gallery], s=18, color=VERMILLION, alpha=0.85,
        linewidths=0, label="gallery", zorder=3,
    )  # fmt: skip
    for axes in (upper, lower):
        axes.axvspan(1, size, color=BLUE, alpha=0.12, linewidth=0)
    note(
        upper, f"best {size} by score:\n{ranks.overlap} of them in the gallery", x=0.085, y=0.12, va="bottom"
    )
    upper.set_ylabel("recorded score (no unit)")
    upper.legend(loc="upper right")
    members = set(ranks.gallery)
    counts = list(accumulate(rank in members for rank in x))
    lower.plot(
        [0, size, total], [0, size, size], color=INK, linewidth=1, linestyle="--", label="if it were the best"
    )
    lower.step(x, counts, where="post", color=VERMILLION, linewidth=2, label="gallery")
    lower.plot([0, total], [0, size], color=GREEN, linewidth=1.2, linestyle=":", label="if chosen at random")
    lower.set(
        ylabel="gallery architectures\nat or above the rank",
        xlabel="rank by recorded score (1 = highest)",
        xlim=(0, total + 1),
    )
    thousands(lower.xaxis)
    lower.legend(loc="lower right")
