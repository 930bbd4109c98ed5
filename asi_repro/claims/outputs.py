"""What the stage `claims` writes: the ledger, its counts as a metric, a page, and the claims as CSV."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from asi_repro.claims.ledger import Entry, Ledger
from asi_repro.claims.page import page
from asi_repro.store.files import atomic_write
from asi_repro.text import csv_text

METRICS = "claims_metrics.json"
PAGE = "claims.md"
TABLE = "claims.csv"
COLUMNS = ("paper", "theme", "id", "verdict", "effect", "claimed", "found", "where", "unit", "readings")


def write_ledger(ledger: Ledger, path: Path) -> list[Path]:
    """Write `ledger` to `path`, its metric, page and CSV beside it; the same ledger gives the same bytes.

    Returns:
        The files written.

    Raises:
        AsiReproError: where the folder cannot be written.
    """
    metrics = {verdict.replace(" ", "_"): count for verdict, count in ledger.summary.items()}
    metrics_path, page_path, csv_path = (path.with_name(name) for name in (METRICS, PAGE, TABLE))
    atomic_write(csv_path, csv_of(ledger.claims))
    atomic_write(page_path, page(ledger))
    atomic_write(metrics_path, _json(metrics))
    atomic_write(path, _json(ledger.model_dump()))
    return [path, metrics_path, page_path, csv_path]


def csv_of(entries: list[Entry]) -> str:
    """One line a claim, for another program to read: `COLUMNS`, the last with the verdict by reading."""
    rows = [
        entry.model_dump()
        | {"readings": "; ".join(f"{item.reading}: {item.verdict}" for item in entry.readings)}
        for entry in entries
    ]
    return csv_text(rows, COLUMNS)


def _json(value: Any) -> str:
    """JSON with the keys in the order they are in, which is the order to read them in."""
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
