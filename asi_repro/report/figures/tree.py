"""The trajectory tree (the paper's Figure 3) with the recorded score of every experiment."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, PathPatch
from matplotlib.path import Path

from asi_repro.archive.reader import Experiment
from asi_repro.report.drawing import columns, halo
from asi_repro.report.inputs import Inputs
from asi_repro.report.layout import Place, radial_layout, ring
from asi_repro.report.model import Drawing, PlotData, plain
from asi_repro.report.palette import FAINT, GRID, INK, MUTED, SEQUENCE, SURFACE, VERMILLION

HUBS = 7


@dataclass(frozen=True)
class Tree:
    """The tree with its places and colour classes.

    Attributes:
        edges: score limits between the colour classes, each class holding about as many experiments.
        gallery_lines: children whose line to their parent leads to a gallery architecture.
    """

    experiments: list[Experiment]
    places: dict[int, Place]
    edges: tuple[float, ...]
    gallery_lines: frozenset[int]
    deepest: int

    @property
    def hubs(self) -> list[Experiment]:
        """Those with the most children, the root apart."""
        inner = [e for e in self.experiments if e.children and e.parent is not None]
        return sorted(inner, key=lambda e: (-e.children, e.index))[:HUBS]

    def colour_class(self, score: float | None) -> int | None:
        return None if score is None else sum(score >= edge for edge in self.edges)


def tree_data(inputs: Inputs) -> Tree:
    """Layout, colour classes and the lines that lead to the gallery."""
    experiments = inputs.experiments
    lineage = inputs.archive.lineage
    scores = [e.score for e in experiments if e.score is not None]
    quantiles = np.linspace(0, 1, len(SEQUENCE) + 1)[1:-1]
    edges = tuple(sorted({round(float(q), 2) for q in np.quantile(scores, quantiles)})) if scores else ()
    lines: set[int] = set()
    for experiment in inputs.archive.gallery:
        for index in (experiment.index, *lineage.ancestors(experiment.index)):
            if index in lines:
                break
            lines.add(index)
    return Tree(
        experiments, radial_layout(lineage), edges, frozenset(lines), max(e.depth for e in experiments)
    )


def tree_drawing(inputs: Inputs) -> Drawing:
    tree = tree_data(inputs)
    gallery = [e for e in tree.experiments if e.in_gallery]
    rest = [e for e in tree.experiments if not e.in_gallery]
    hubs = ", ".join(f"{e.index} ({e.children})" for e in tree.hubs[:3])
    leaves = sum(not e.children for e in tree.experiments)
    roots = [e for e in tree.experiments if e.parent is None]
    alt = (
        f"Radial tree of {len(tree.experiments):,} experiments on {tree.deepest} rings around "
        f"{'the root' if len(roots) == 1 else f'{len(roots)} roots'}, "
        f"which has {max(e.children for e in roots)} children. {leaves:,} experiments have no children. "
        f"After the root the most children hang on experiments {hubs}. "
        f"{len(gallery)} gallery architectures are ringed; they stand at depths "
        f"{min((e.depth for e in gallery), default=0)} to {max((e.depth for e in gallery), default=0)}."
    )
    return Drawing(
        id="tree",
        title="The trajectory tree, coloured by recorded score",
        alt=alt,
        caption=(
            "Each dot is an experiment, each line leads to its parent; rings are steps from the root. "
            "Children stand clockwise in index order, so each fan runs from early to late. Colour is the "
            "score as recorded in the release (no unit), in classes of about equal numbers. Orange rings are "
            "the gallery, stronger lines the paths to it. On the page, point at a dot for its index, name "
            "and score."
        ),
        source=inputs.source_of("data/tree.json"),
        draw=lambda figure: _draw(figure, tree),
        size=(10.0, 10.6),
        data=(_plot_data(tree),),
        tooltips=(
            ("experiments", tuple(_tooltip(e) for e in rest)),
            ("gallery", tuple(_tooltip(e) for e in gallery)),
        ),
    )


def _tooltip(e: Experiment) -> str:
    score = "no score" if e.score is None else f"score {e.score:.3f}"
    parent = "root" if e.parent is None else f"parent {e.parent}"
    gallery = ", gallery" if e.in_gallery else ""
    return f"{e.index} {e.label}: {score}, {parent}, {e.children} children{gallery}"


def _plot_data(tree: Tree) -> PlotData:
    rows = tuple(
        (e.index, e.parent, e.depth, e.children, e.score, e.in_gallery, *_rounded(tree.places[e.index].xy))
        for e in tree.experiments
    )
    columns = ("index", "parent", "depth", "children", "score", "in_gallery", "x", "y")
    return PlotData("tree", columns, rows)


def _rounded(xy: tuple[float, float]) -> tuple[float, float]:
    return round(xy[0], 5), round(xy[1], 5)


def _draw(figure: Figure, tree: Tree) -> None:
    axes = figure.add_subplot()
    axes.set_aspect("equal")
    axes.axis("off")
    axes.set(xlim=(-1.03, 1.03), ylim=(-1.03, 1.03))
    _draw_rings(axes, tree.deepest)
    _draw_lines(axes, tree, [i for i in tree.places if i not in tree.gallery_lines], FAINT, 0.35, 0.75)
    _draw_lines(axes, tree, sorted(tree.gallery_lines), MUTED, 0.8, 0.9)
    gallery = [e for e in tree.experiments if e.in_gallery]
    rest = [e for e in tree.experiments if not e.in_gallery]
    _draw_dots(axes, tree, rest, "experiments", size=9, linewidths=0)
    _draw_dots(axes, tree, gallery, "gallery", size=24, linewidths=1.3, edgecolors=VERMILLION)
    _name_hubs(axes, tree)
    _legend(figure, axes, tree, bool(gallery))


def _name_hubs(axes: Axes, tree: Tree) -> None:
    """The index beside each hub; its name in a corner, where there is room for it."""
    for e in tree.hubs:
        axes.annotate(
            str(e.index), tree.places[e.index].xy, xytext=(0, 5), textcoords="offset points", ha="center",
            fontsize=9, color=INK, weight="bold", path_effects=halo(3.0), zorder=6,
        )  # fmt: skip
    # The name last: one that is written from right to left then turns nothing else around.
    lines = [f"{e.index}: {e.children} children, {plain(e.label)[:40]}" for e in tree.hubs]
    if lines:
        heading = "Parents of the most, after the root"
        axes.text(-1.02, 1.02, heading, fontsize=9, weight="bold", va="top")
        axes.text(-1.02, 0.985, "\n".join(lines), fontsize=8.5, va="top", linespacing=1.45)


def _draw_rings(axes: Axes, deepest: int) -> None:
    for depth in range(1, deepest + 1):
        radius = ring(depth, deepest)
        axes.add_patch(Circle((0, 0), radius, fill=False, edgecolor=GRID, linewidth=0.5, zorder=0))
        axes.text(
            0, radius, f"{depth}", fontsize=8, color=MUTED, ha="center", va="center",
            path_effects=halo(2.0), zorder=7,
        )  # fmt: skip


def _draw_lines(
    axes: Axes, tree: Tree, indices: Sequence[int], colour: str, width: float, alpha: float
) -> None:
    """All lines as one path: a curve leaves its parent outwards and meets its child from inside."""
    parents = {e.index: e.parent for e in tree.experiments}
    vertices: list[tuple[float, float]] = []
    for index in indices:
        parent = parents[index]
        if parent is None:
            continue
        a, b = tree.places[parent], tree.places[index]
        middle = (a.radius + b.radius) / 2
        bends = [(middle * math.sin(p.angle), middle * math.cos(p.angle)) for p in (a, b)]
        first = bends[0] if a.radius else bends[1]
        vertices += [a.xy, first, bends[1], b.xy]
    if vertices:
        codes = [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4] * (len(vertices) // 4)
        path = Path(vertices, codes)
        axes.add_patch(PathPatch(path, fill=False, edgecolor=colour, linewidth=width, alpha=alpha, zorder=1))


def _draw_dots(
    axes: Axes, tree: Tree, experiments: list[Experiment], gid: str, size: float, **style: Any
) -> None:
    if not experiments:
        return
    points = [tree.places[e.index].xy for e in experiments]
    colours = [_colour(tree, e) for e in experiments]
    dots = axes.scatter(*columns(points), s=size, c=colours, zorder=4, **style)
    dots.set_gid(gid)


def _colour(tree: Tree, experiment: Experiment) -> str:
    found = tree.colour_class(experiment.score)
    return MUTED if found is None else _class_colours(tree)[found]


def _class_colours(tree: Tree) -> list[str]:
    classes = len(tree.edges) + 1
    return [SEQUENCE[round(i * (len(SEQUENCE) - 1) / max(classes - 1, 1))] for i in range(classes)]


def _legend(figure: Figure, axes: Axes, tree: Tree, has_gallery: bool) -> None:
    limits = [f"{edge:.2f}" for edge in tree.edges]
    labels = [
        f"below {limits[0]}" if limits else "any score",
        *(f"{low} to {high}" for low, high in pairwise(limits)),
        *([f"{limits[-1]} and above"] if limits else []),
    ]
    dot: dict[str, Any] = {"linestyle": "", "marker": "o", "markeredgewidth": 0, "markersize": 6}
    handles = [
        Line2D([], [], color=colour, label=label, **dot)
        for colour, label in zip(_class_colours(tree), labels, strict=True)
    ]
    if any(e.score is None for e in tree.experiments):
        handles.append(Line2D([], [], color=MUTED, label="no score", **dot))
    if has_gallery:
        ringed = {**dot, "markeredgewidth": 1.4, "markersize": 7}
        handles.append(
            Line2D(
                [], [], markerfacecolor=SURFACE, markeredgecolor=VERMILLION, label="in the gallery", **ringed
            )
        )
    figure.legend(
        handles=handles, loc="outside lower center", ncols=5, title="recorded score (no unit)",
        handletextpad=0.2, columnspacing=1.4,
    )  # fmt: skip
