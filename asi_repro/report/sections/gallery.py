"""The gallery: where it stands among all experiments, its sizes, its training."""

from __future__ import annotations

from asi_repro.claims.paper_tables import PaperTables
from asi_repro.report.figures.curves import curves_drawing
from asi_repro.report.figures.parameters import parameters_drawing
from asi_repro.report.figures.scores import rank_drawing
from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Block


def blocks(inputs: Inputs) -> tuple[Block, ...] | None:
    """Every figure that the run has data for; None where there is none."""
    baselines = {name: row.values["train_loss_340m"] for name, row in PaperTables().table2_baselines.items()}
    drawings = (rank_drawing(inputs), parameters_drawing(inputs), curves_drawing(inputs, baselines))
    return tuple(drawing for drawing in drawings if drawing) or None
