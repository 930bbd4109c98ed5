"""The rows behind each verdict, as blocks: what a row of the claims tables links to."""

from __future__ import annotations

from typing import Any

from asi_repro.claims.ledger import Entry
from asi_repro.claims.page import SHOWN
from asi_repro.report.model import Block, Heading, Paragraph, Section, Table
from asi_repro.text import short_value

ROWS_ON_THE_PAGE = 12


def evidence_section(claims: list[Entry]) -> Section:
    """Every claim in depth, with the first rows of each table."""
    found = [block for claim in claims for block in claim_blocks(claim, rows=ROWS_ON_THE_PAGE)]
    return Section("evidence", "The evidence", tuple(found), None if found else "Not shown: no claims.")


def claim_blocks(claim: Entry, *, rows: int | None = None) -> tuple[Block, ...]:
    """One claim: what it says, what decides, and the rows that show it.

    Args:
        rows: how many rows of each table; all that the ledger has for None.
    """
    found: list[Block] = [
        Heading(f"evidence-{claim.id}", claim.id),
        Paragraph(f"{claim.verdict}: {claim.effect}. {claim.statement}"),
        *(Paragraph(f"{title}: {getattr(claim, key)}") for title, key in SHOWN),
    ]
    tables: list[tuple[str, list[dict[str, Any]], int]] = [
        ("Readings", [r.model_dump(include={"reading", "verdict", "reads"}) for r in claim.readings], 0),
        ("Parts", [part.model_dump() for part in claim.parts], 0),
        ("Were the criterion another", [item.model_dump() for item in claim.sensitivity], 0),
        *((f"{e.what} ({e.source})", e.rows, e.total) for e in claim.evidence),
    ]
    found += [_table(what, content, total, rows) for what, content, total in tables if content]
    return (*found, *(Paragraph(note, tone="note") for note in claim.notes))


def _table(what: str, rows: list[dict[str, Any]], total: int, limit: int | None) -> Table:
    shown = rows[:limit]
    columns = list(dict.fromkeys(column for row in shown for column in row))
    count = f": {len(shown)} of {total}" if total > len(shown) else ""
    return Table(
        caption=f"{what[:1].upper()}{what[1:]}{count}",
        header=tuple(column.replace("_", " ") for column in columns),
        rows=tuple(tuple(short_value(row.get(column)) for column in columns) for row in shown),
        badges=columns.index("verdict") if "verdict" in columns[1:] else None,
    )
