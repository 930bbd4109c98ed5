"""What the stage `claims` writes: the ledger, its counts as a metric, a page, and the claims as CSV."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

from asi_repro.claims.ledger import Entry, Ledger
from asi_repro.claims.page import page
from asi_repro.store.files import atomic_write

METRICS = "claims_metrics.json"
PAGE = "claims.md"
TABLE = "claims.csv"
COLUMNS = ("paper", "theme", "id", "verdict", "effect", "claimed", "found", "where", "unit")


def write_ledger(ledger: Ledger, path: Path) -> list[Path]:
    """Write `ledger` to `path`, its metric, page and CSV beside it; the same ledger gives the same bytes.

    Returns:
        The files written.

    Raises:
        AsiReproError: where the folder cannot be written.
    """
    metrics = {verdict.replace(" ", "_"): count for verdict, count in ledger.summary.items()}
    metrics_path, page_path, csv_path = (path.with_name(name) for name in (METRICS, PAGE, TABLE))
    atomic_write(csv_path, csv_text(ledger.claims))
    atomic_write(page_path, page(ledger))
    atomic_write(metrics_path, _json(metrics))
    atomic_write(path, _json(ledger.model_dump()))
    return [path, metrics_path, page_path, csv_path]


def csv_text(entries: list[Entry]) -> str:
    """One line a claim, for another program to read: `COLUMNS`, then the verdict under each reading."""
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*COLUMNS, "readings"])
    for entry in entries:
        readings = "; ".join(f"{item.reading}: {item.verdict}" for item in entry.readings)
        writer.writerow([*(getattr(entry, column) for column in COLUMNS), readings])
    return stream.getvalue()


def _json(value: Any) -> str:
    """JSON with the keys in the order they are in, which is the order to read them in."""
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
