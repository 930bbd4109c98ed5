"""Figure 1, the paper's scaling law."""

from __future__ import annotations

from asi_repro.report.figures.scaling import scaling_drawing
from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Block


def blocks(inputs: Inputs) -> tuple[Block, ...] | None:
    """The figure, where the ledger has its evidence."""
    drawing = scaling_drawing(inputs)
    return (drawing,) if drawing else None
