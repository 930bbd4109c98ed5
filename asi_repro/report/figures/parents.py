"""Which parents the loop took: their rank among what there was, and how deep the tree had grown."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from matplotlib.figure import Figure

from asi_repro.archive.reader import Experiment
from asi_repro.claims.pool import Ranking
from asi_repro.report.drawing import columns, thousands
from asi_repro.report.figures.scores import BATCH, COLD_START
from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Drawing, PlotData
from asi_repro.report.palette import BLUE, FAINT, GREEN, MUTED, VERMILLION

TOP, POOL = 10, 50  # the paper's sections 3.2 and 4.1


@dataclass(frozen=True)
class Choice:
    """One choice of a parent.

    Attributes:
        index: the child.
        rank: one more than the number of experiments before the child with a higher recorded score.
        known: how many experiments with a score there were.
        in_gallery: whether the child is in the gallery.
    """

    index: int
    parent: int
    rank: int
    known: int
    in_gallery: bool


def parent_choices(experiments: list[Experiment]) -> list[Choice]:
    """Every choice whose parent came before its child and has a score, in index order."""
    ranking = Ranking()
    by_index: dict[int, float] = {}
    choices = []
    for e in experiments:
        parent = by_index.get(e.parent) if e.parent is not None else None
        if e.parent is not None and parent is not None:
            choices.append(Choice(e.index, e.parent, ranking.rank(parent), len(ranking), e.in_gallery))
        ranking.add(e.index, e.score)
        if e.score is not None:
            by_index[e.index] = e.score
    return choices


def parents_drawing(inputs: Inputs) -> Drawing | None:
    """The parent's rank over the search; None where no experiment has a parent with a score."""
    choices = parent_choices(inputs.experiments)
    if not choices:
        return None
    late = choices[COLD_START:] or choices  # by number, as the claim parent-policy counts them
    top = sum(c.rank <= TOP for c in late)
    pool = sum(c.rank <= POOL for c in late)
    rows = tuple((c.index, c.parent, c.rank, c.known, c.in_gallery) for c in choices)
    return Drawing(
        id="parent-rank",
        title="The parent's rank by score when it was chosen",
        alt=(
            f"{len(choices):,} choices of a parent. After the first {COLD_START}, {top:,} of "
            f"{len(late):,} parents ({top / len(late):.0%}) are among the {TOP} best experiments so far and "
            f"{pool:,} ({pool / len(late):.0%}) among the {POOL} best; the median rank is "
            f"{median(c.rank for c in late):g}."
        ),
        caption=(
            "One dot an experiment: the rank of its parent's recorded score among all experiments with a "
            "lower index (1 = best; logarithmic). That is not the pool of the paper's policy, which was not "
            "released: its pool is refreshed now and then, so a parent may be chosen on an older ranking; "
            "the claim parent-policy tries several schedules. "
            f"Line: median by batches of {BATCH}. Dashed: the {TOP} and the {POOL} best."
        ),
        source=inputs.source_of("data/tree.json"),
        draw=lambda figure: _draw(figure, choices),
        data=(PlotData("parent_rank", ("index", "parent", "rank", "known", "in_gallery"), rows),),
    )


def _draw(figure: Figure, choices: list[Choice]) -> None:
    axes = figure.add_subplot()
    axes.set_yscale("log")
    rest = [c for c in choices if not c.in_gallery]
    gallery = [c for c in choices if c.in_gallery]
    for part, size, colour, label in (
        (rest, 6, FAINT, "parent of an experiment"),
        (gallery, 14, VERMILLION, "parent of a gallery architecture"),
    ):
        points = [(c.index, c.rank) for c in part]
        if points:
            axes.scatter(*columns(points), s=size, color=colour, linewidths=0, label=label)
    batches = [choices[i : i + BATCH] for i in range(0, len(choices), BATCH)]
    axes.plot(
        [(b[0].index + b[-1].index) / 2 for b in batches], [median(c.rank for c in b) for b in batches],
        color=BLUE, linewidth=2, label=f"median of {BATCH} in a row",
    )  # fmt: skip
    lowest = 2 * max(c.rank for c in choices)
    for limit in (limit for limit in (TOP, POOL) if limit < lowest):
        axes.axhline(limit, color=GREEN, linewidth=1.1, linestyle="--")
        axes.annotate(
            f"{limit} best", (1.005, limit), xycoords=("axes fraction", "data"), va="center", fontsize=8.5,
            color=MUTED, annotation_clip=False,
        )  # fmt: skip
    axes.set(
        ylim=(lowest, 0.8), xlabel="experiment index", ylabel="rank of the parent's score (1 = best so far)"
    )
    thousands(axes.xaxis)
    thousands(axes.yaxis)
    axes.legend(loc="lower right", markerscale=1.6)
