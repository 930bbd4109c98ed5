"""A radial layout for wide and shallow trees of any size."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from asi_repro.archive.lineage import Lineage

_INNER = 0.22  # the innermost ring's radius
_RADII = 5  # of neighbouring leaves
_BAND = 0.72  # the share of the distance between two rings that these take


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node stands: `angle` in radians clockwise from twelve o'clock, `radius` from 0 to 1."""

    angle: float
    radius: float

    @property
    def xy(self) -> tuple[float, float]:
        return self.radius * math.sin(self.angle), self.radius * math.cos(self.angle)


def ring(depth: int, deepest: int) -> float:
    """Radius of a depth's ring: 0 for the root, `_INNER` for its children, then even steps.

    Outside the last ring there is room for its band: ring(deepest + 1, deepest) is 1.
    """
    return 0.0 if depth == 0 else _INNER + (1.0 - _INNER) * (depth - 1) / max(deepest, 1)


def radial_layout(lineage: Lineage) -> dict[int, Place]:
    """Places for every node of a forest.

    A node's angle is the middle of the arc its subtree takes; children stand in index order, clockwise.
    A leaf takes an arc of the same length on whichever ring it stands, so inner rings are no more
    crowded than outer ones. Neighbouring leaves are staggered over a few radii within the ring's band.
    """
    order = list(lineage.walk())
    if not order:
        return {}
    depths = {index: lineage.depth(index) for index in order}
    deepest = max(depths.values())
    arcs = _arcs(lineage, order, {i: ring(d, deepest) for i, d in depths.items()})
    scale = math.tau / sum(arcs[root] for root in lineage.roots)
    step = (ring(2, deepest) - ring(1, deepest)) * _BAND / (_RADII - 1)
    start = _starts(lineage, order, arcs)
    places: dict[int, Place] = {}
    leaves: dict[int, int] = {}
    for index in order:
        depth = depths[index]
        radius = ring(depth, deepest)
        if depth and not lineage.children(index):
            row = leaves.get(depth, 0) % _RADII
            leaves[depth] = row + 1
            radius += row * step
        places[index] = Place((start[index] + arcs[index] / 2) * scale, radius)
    return places


def _arcs(lineage: Lineage, order: list[int], radius: Mapping[int, float]) -> dict[int, float]:
    """Each subtree's share of the circle: a leaf's is one over its radius, the same length of arc."""
    arcs: dict[int, float] = {}
    for index in reversed(order):
        children = sum(arcs[child] for child in lineage.children(index))
        arcs[index] = max(children, 1.0 / max(radius[index], 0.05))
    return arcs


def _starts(lineage: Lineage, order: list[int], arcs: Mapping[int, float]) -> dict[int, float]:
    start: dict[int, float] = {}
    position = 0.0
    for root in lineage.roots:
        start[root] = position
        position += arcs[root]
    for index in order:
        position = start[index]
        for child in lineage.children(index):
            start[child] = position
            position += arcs[child]
    return start
