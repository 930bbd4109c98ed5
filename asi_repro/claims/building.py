"""Running every check, and what it found as the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path

from asi_repro.archive.reader import Archive
from asi_repro.claims.context import Context, Settings
from asi_repro.claims.criteria import Criteria, with_criteria
from asi_repro.claims.data import Data
from asi_repro.claims.finding import Finding, NotCheckable, Part, Verdict
from asi_repro.claims.finding_json import finding_fields, plain
from asi_repro.claims.ledger import SCHEMA_VERSION, Entry, Ledger, ReadingOf, SensitivityOf
from asi_repro.claims.own_measurements import measured_entries
from asi_repro.claims.paper_tables import PaperTables
from asi_repro.claims.recorded_probes import probe_entries
from asi_repro.claims.recorded_sweep import recorded_entries
from asi_repro.claims.registry import Check, checks
from asi_repro.claims.texts import ClaimText, claim_texts, papers


def build_ledger(
    archive: Archive,
    settings: Settings | None = None,
    *,
    certificates: Path | None = None,
    sweeps: Path | None = None,
    paper: PaperTables | None = None,
    only: set[str] | None = None,
    criteria: Criteria | None = None,
    sensitivity: bool = True,
    progress: Callable[[str], None] = lambda identifier: None,
) -> Ledger:
    """Check every claim.

    Args:
        certificates: the folder with the results of the checks on programs, if it is there.
        sweeps: the folder with the recorded sweeps over the gallery, if it is there.
        only: ids of the claims to check; all where None.
        criteria: other criteria than the claims' own, as `read_criteria` gives them.
        sensitivity: whether to find each verdict at other values of the limits too.
        progress: called with each claim's id before it is checked.

    Returns:
        The ledger as `docs/reference/claims.md` describes it.
    """
    settings, tables = settings or Settings(), paper or PaperTables()
    data, functions = Data(archive), checks()
    entries = []
    for identifier, text in claim_texts().items():
        if only is not None and identifier not in only:
            continue
        progress(identifier)
        if changed := (criteria or {}).get(identifier):
            text = with_criteria(text, changed)
        context = Context(text, data, tables, settings, certificates)
        entries.append(_entry(context, functions[identifier], sensitivity))
    return Ledger(
        schema_version=SCHEMA_VERSION,
        settings=asdict(settings),
        papers=list(papers().values()),
        summary=summary(entries),
        claims=entries,
        measured=[
            *measured_entries(sweeps, certificates),
            *recorded_entries(sweeps, archive, settings, certificates),
            *probe_entries(sweeps),
        ],
    )


def checked(check: Check, context: Context) -> Finding:
    """What a check finds under the readings of the claim's text, or that it cannot."""
    text = context.text
    names = {reading.name for reading in text.readings}
    try:
        finding = check(context)
        return replace(
            finding,
            method=finding.method or text.method,
            parts=[part for part in finding.parts if part.reading in names],
            notes=[*finding.notes, *text.notes],
        )
    except NotCheckable as reason:
        parts = [
            Part(context.text.check, context.claimed, str(reason), Verdict.NOT_CHECKABLE, reading.name)
            for reading in context.text.readings
        ]
        return Finding(effect="no data", found=str(reason), method=context.text.check, parts=parts)


def _entry(context: Context, check: Check, sensitivity: bool) -> Entry:
    text, finding = context.text, checked(check, context)
    decided = finding.readings
    return Entry(
        **text.model_dump(include={"id", "paper", "theme", "statement", "where", "unit", "check"}),
        claimed=context.claimed,
        criterion=text.criterion,
        power=finding.power or text.filled(text.power),
        would_change=text.filled(text.would_change),
        claimed_figures=plain(text.figures),
        readings=[_reading(text, name, verdict) for name, verdict in decided.items()],
        sensitivity=list(_sensitivity(context, check, finding.verdict)) if sensitivity else [],
        **finding_fields(finding),
    )


def _reading(text: ClaimText, name: str, verdict: Verdict) -> ReadingOf:
    reading = next(item for item in text.readings if item.name == name)
    return ReadingOf(
        reading=name,
        verdict=verdict.value,
        reads=text.filled(reading.reads),
        reproduced=text.filled(reading.reproduced),
        contradicted=text.filled(reading.contradicted),
    )


def _sensitivity(context: Context, check: Check, ours: Verdict) -> Iterable[SensitivityOf]:
    """The verdict at every other value that the claim names for a limit, one limit at a time."""
    for limit, values in context.text.sensitivity.items():
        used = context.limit(limit)
        for value in sorted({*values, used}):
            verdict = ours
            if value != used:
                limits = context.text.limits | {limit: value}
                other = replace(context, text=context.text.model_copy(update={"limits": limits}))
                verdict = checked(check, other).verdict
            yield SensitivityOf(limit=limit, value=float(value), verdict=verdict.value, ours=value == used)


def summary(entries: list[Entry]) -> dict[str, int]:
    """The number of claims by verdict, and in all."""
    counts = Counter(item.verdict for item in entries)
    return {**{verdict.value: counts[verdict.value] for verdict in Verdict}, "claims": len(entries)}
