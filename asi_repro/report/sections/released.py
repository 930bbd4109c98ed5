"""Sections that show the release and the printed tables in figures: scaling, search, gallery, scales."""

from __future__ import annotations

from asi_repro.claims.paper_tables import PaperTables
from asi_repro.report.figures.curves import curves_drawing
from asi_repro.report.figures.parameters import parameters_drawing
from asi_repro.report.figures.parents import parents_drawing
from asi_repro.report.figures.scaling import scaling_drawing
from asi_repro.report.figures.scores import rank_drawing, trend_drawing
from asi_repro.report.figures.table2 import Correlation, table2_drawing
from asi_repro.report.figures.tree import tree_drawing
from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Block, Drawing

# Panel -> the ledger's name for the pair.
PAIRS = {"train_loss": "loss with loss", "test_score": "score with score"}


def scaling(inputs: Inputs) -> tuple[Block, ...] | None:
    """Figure 1, the paper's scaling law, where the ledger has its evidence."""
    return _shown(scaling_drawing(inputs))


def search(inputs: Inputs) -> tuple[Block, ...] | None:
    """How the search went: the tree, and the scores and parents that the run has data for."""
    return _shown(tree_drawing(inputs), trend_drawing(inputs), parents_drawing(inputs))


def gallery(inputs: Inputs) -> tuple[Block, ...] | None:
    """The gallery: where it stands among all experiments, its sizes, its training."""
    baselines = {name: row.values["train_loss_340m"] for name, row in PaperTables().table2_baselines.items()}
    return _shown(rank_drawing(inputs), parameters_drawing(inputs), curves_drawing(inputs, baselines))


def scales(inputs: Inputs) -> tuple[Block, ...] | None:
    """Table 2 as a scatter, with the ledger's rank correlations where it has them."""
    rows = inputs.evidence_rows("stage1-predicts", {"pair", "spearman", "low", "high"})
    by_pair = {row["pair"]: Correlation(row["spearman"], row["low"], row["high"]) for row in rows}
    correlations = {panel: by_pair[pair] for panel, pair in PAIRS.items() if pair in by_pair}
    return _shown(table2_drawing(PaperTables(), correlations))


def _shown(*drawings: Drawing | None) -> tuple[Block, ...] | None:
    return tuple(drawing for drawing in drawings if drawing) or None
