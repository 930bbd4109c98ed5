"""What the results at the small scale say about the large one: Table 2."""

from __future__ import annotations

from asi_repro.claims.paper_tables import PaperTables
from asi_repro.report.figures.table2 import Correlation, table2_drawing
from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Block

# Panel -> the ledger's name for the pair.
PAIRS = {"train_loss": "loss with loss", "test_score": "score with score"}


def blocks(inputs: Inputs) -> tuple[Block, ...] | None:
    """The scatter, with the ledger's rank correlations where it has them."""
    rows = inputs.evidence_rows("stage1-predicts", {"pair", "spearman", "low", "high"})
    by_pair = {row["pair"]: Correlation(row["spearman"], row["low"], row["high"]) for row in rows}
    correlations = {panel: by_pair[pair] for panel, pair in PAIRS.items() if pair in by_pair}
    drawing = table2_drawing(PaperTables(), correlations)
    return (drawing,) if drawing else None
