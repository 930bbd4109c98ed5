"""How the search went: the tree, the scores, the parents."""

from __future__ import annotations

from asi_repro.report.figures.parents import parents_drawing
from asi_repro.report.figures.scores import trend_drawing
from asi_repro.report.figures.tree import tree_drawing
from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Block


def blocks(inputs: Inputs) -> tuple[Block, ...]:
    """The tree, and what else the run has data for."""
    drawings = (tree_drawing(inputs), trend_drawing(inputs), parents_drawing(inputs))
    return tuple(drawing for drawing in drawings if drawing)
