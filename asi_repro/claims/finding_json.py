"""Findings as the ledger's JSON has them."""

from __future__ import annotations

import math
from typing import Any

from asi_repro.claims.finding import Evidence, Finding
from asi_repro.claims.ledger import EvidenceOf, PartOf


def finding_fields(finding: Finding) -> dict[str, Any]:
    """What a check found, as fields of the ledger's entry."""
    return {
        "verdict": finding.verdict.value,
        "effect": finding.effect,
        "found": finding.found,
        "method": finding.method,
        "found_figures": plain(finding.figures),
        "parts": [PartOf(**vars(part) | {"verdict": part.verdict.value}) for part in finding.parts],
        "evidence": [evidence_of(evidence) for evidence in finding.evidence],
        "notes": list(finding.notes),
    }


def evidence_of(evidence: Evidence) -> EvidenceOf:
    """Rows of evidence as the ledger has them."""
    return EvidenceOf(
        what=evidence.what,
        source=evidence.source,
        rows=[plain(row) for row in evidence.rows],
        total=len(evidence.rows) if evidence.total is None else evidence.total,
    )


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
