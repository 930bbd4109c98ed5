"""Running every check, and what it found as the ledger's JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from asi_repro.archive.reader import Archive
from asi_repro.claims.context import Context, Settings
from asi_repro.claims.data import Data
from asi_repro.claims.finding import Finding, NotCheckable, Verdict
from asi_repro.claims.ledger import SCHEMA_VERSION, Entry
from asi_repro.claims.measured import measured_entries
from asi_repro.claims.paper_tables import PaperTables
from asi_repro.claims.plain import finding_fields, plain
from asi_repro.claims.registry import Check, checks
from asi_repro.claims.texts import ClaimText, claim_texts


def build_ledger(
    archive: Archive,
    settings: Settings | None = None,
    *,
    certificates: Path | None = None,
    sweeps: Path | None = None,
    paper: PaperTables | None = None,
    only: set[str] | None = None,
    progress: Callable[[str], None] = lambda identifier: None,
) -> dict[str, Any]:
    """Check every claim.

    Args:
        certificates: the folder with the results of the checks on programs, if it is there.
        sweeps: the folder with the recorded sweeps over the gallery, if it is there.
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
        "measured": measured_entries(sweeps),
    }


def _checked(check: Check, context: Context) -> Finding:
    try:
        return check(context)
    except NotCheckable as reason:
        return Finding(Verdict.NOT_CHECKABLE, found=str(reason), method=context.text.check)


def entry(text: ClaimText, finding: Finding) -> Entry:
    """A claim and its finding as plain JSON values."""
    fields = finding_fields(finding)
    return {
        "id": text.id,
        "verdict": fields.pop("verdict"),
        "claimed": text.claimed_text,
        "found": fields.pop("found"),
        "method": fields.pop("method"),
        "statement": text.statement,
        "where": text.where,
        "unit": text.unit,
        "check": text.check,
        "criterion": text.criterion_text,
        "would_change": text.would_change_text,
        "claimed_figures": plain(text.figures),
        **fields,
    }


def summary(entries: list[Entry]) -> dict[str, int]:
    """The number of claims by verdict, and in all."""
    counts = Counter(item["verdict"] for item in entries)
    return {**{verdict.value: counts[verdict.value] for verdict in Verdict}, "claims": len(entries)}
