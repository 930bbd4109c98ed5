"""What the stage `claims` writes: the ledger, its counts as a metric, and a page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from asi_repro.claims.page import page
from asi_repro.store.files import atomic_write

METRICS = "claims_metrics.json"
PAGE = "claims.md"


def write_ledger(ledger: dict[str, Any], path: Path) -> list[Path]:
    """Write `ledger` to `path`, and the metric and the page beside it; the same ledger, the same bytes.

    Returns:
        The files written.

    Raises:
        AsiReproError: where the folder cannot be written.
    """
    metrics = {verdict.replace(" ", "_"): count for verdict, count in ledger["summary"].items()}
    metrics_path, page_path = path.with_name(METRICS), path.with_name(PAGE)
    atomic_write(page_path, page(ledger))
    atomic_write(metrics_path, _json(metrics))
    atomic_write(path, _json(ledger))
    return [path, metrics_path, page_path]


def _json(value: Any) -> str:
    """JSON with the keys in the order they are in, which is the order to read them in."""
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
