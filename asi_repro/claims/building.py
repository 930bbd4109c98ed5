"""Running every check, and what it found as the ledger's JSON."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from asi_repro.archive.store import Archive
from asi_repro.claims.context import Context, Settings
from asi_repro.claims.data import Data
from asi_repro.claims.finding import Evidence, Finding, NotCheckable, Part, Verdict
from asi_repro.claims.ledger import SCHEMA_VERSION, Entry
from asi_repro.claims.paper_tables import PaperTables
from asi_repro.claims.registry import Check, checks
from asi_repro.claims.texts import ClaimText, claim_texts


def build_ledger(
    archive: Archive,
    settings: Settings | None = None,
    *,
    certificates: Path | None = None,
    paper: PaperTables | None = None,
    only: set[str] | None = None,
    progress: Callable[[str], None] = lambda identifier: None,
) -> dict[str, Any]:
    """Check every claim.

    Args:
        certificates: the folder with the results of the checks on programs, if it is there.
        only: ids of the claims to check; all where None.
        progress: called with each claim's id before it is checked.

    Returns:
        The ledger as `docs/reference/claims.md` describes it.
    """
    settings = settings or Settings()
    data, functions = Data(archive), checks()
    paper = paper or PaperTables()
    entries = []
    for identifier, text in claim_texts().items():
        if only is not None and identifier not in only:
            continue
        progress(identifier)
        finding = _checked(functions[identifier], Context(text, data, paper, settings, certificates))
        entries.append(entry(text, finding))
    return {
        "schema_version": SCHEMA_VERSION,
        "settings": asdict(settings),
        "summary": summary(entries),
        "claims": entries,
    }


def _checked(check: Check, context: Context) -> Finding:
    try:
        return check(context)
    except NotCheckable as reason:
        return Finding(Verdict.NOT_CHECKABLE, found=str(reason), method=context.text.check)


def entry(text: ClaimText, finding: Finding) -> Entry:
    """A claim and its finding as plain JSON values."""
    return {
        "id": text.id,
        "verdict": finding.verdict.value,
        "claimed": text.claimed_text,
        "found": finding.found,
        "method": finding.method,
        "statement": text.statement,
        "where": text.where,
        "unit": text.unit,
        "check": text.check,
        "criterion": text.criterion_text,
        "would_change": text.would_change_text,
        "claimed_figures": plain(text.figures),
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


def summary(entries: list[Entry]) -> dict[str, int]:
    """The number of claims by verdict, and in all."""
    counts = Counter(item["verdict"] for item in entries)
    return {**{verdict.value: counts[verdict.value] for verdict in Verdict}, "claims": len(entries)}
