"""Ledgers of made-up claims, as JSON values, for tests of what reads them."""

from __future__ import annotations

from typing import Any

from asi_repro.claims.ledger import SCHEMA_VERSION, Entry

_LISTS = ("parts", "readings", "sensitivity", "evidence", "notes")
_OBJECTS = ("claimed_figures", "found_figures")


def entry(identifier: str, verdict: str, **fields: Any) -> dict[str, Any]:
    """A claim; evidence and parts may lack what all have alike."""
    empty: dict[str, Any] = dict.fromkeys(Entry.model_fields, "")
    empty |= {name: [] for name in _LISTS} | {name: {} for name in _OBJECTS}
    empty |= {"paper": "asi-arch", "theme": "search", "effect": "1 of 2"}
    tables = [
        {"source": "made up", "total": len(table["rows"]), **table} for table in fields.pop("evidence", [])
    ]
    parts = [{"reading": "plain", **part} for part in fields.pop("parts", [])]
    return {**empty, "id": identifier, "verdict": verdict, "evidence": tables, "parts": parts, **fields}


def ledger(claims: Any, **fields: Any) -> dict[str, Any]:
    """A ledger of one paper that holds `claims`."""
    paper = {"id": "asi-arch", "name": "ASI-ARCH", "title": "A paper", "arxiv": "2507.18074"}
    return {
        "schema_version": SCHEMA_VERSION, "settings": {}, "papers": [paper], "summary": {}, "claims": claims,
        "measured": [], **fields,
    }  # fmt: skip
