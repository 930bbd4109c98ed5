"""Findings as the ledger's JSON has them."""

from __future__ import annotations

import math
from typing import Any

from asi_repro.claims.finding import Evidence, Finding, Part
from asi_repro.claims.ledger import Entry


def finding_fields(finding: Finding) -> Entry:
    """What a check found, as plain JSON values."""
    return {
        "verdict": finding.verdict.value,
        "found": finding.found,
        "method": finding.method,
        "found_figures": plain(finding.figures),
        "parts": [_part(part) for part in finding.parts],
        "evidence": [_evidence(evidence) for evidence in finding.evidence],
        "notes": list(finding.notes),
    }


def _part(part: Part) -> Entry:
    return {
        "what": part.what,
        "claimed": part.claimed,
        "found": part.found,
        "verdict": part.verdict.value,
    }


def _evidence(evidence: Evidence) -> Entry:
    return {
        "what": evidence.what,
        "source": evidence.source,
        "rows": [plain(row) for row in evidence.rows],
        "total": len(evidence.rows) if evidence.total is None else evidence.total,
    }


def plain(value: Any) -> Any:
    """`value` as JSON has it: numpy numbers as Python's, six digits of a float, no NaN.

    Six digits keep the bytes the same where two builds of a library differ in the last bits.
    """
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
