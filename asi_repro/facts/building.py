"""Answering every question, corrected for how many there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace

from asi_repro.claims.finding import Row
from asi_repro.claims.finding_json import plain
from asi_repro.facts.context import Context
from asi_repro.facts.ledger import SCHEMA_VERSION, Entry, Facts
from asi_repro.facts.outcome import ALPHA, Answer, Found, NotRun
from asi_repro.facts.registry import Fact, facts
from asi_repro.results.significance import holm

_DIGITS = 4


def build_facts(
    context: Context,
    *,
    only: set[str] | None = None,
    progress: Callable[[str], None] = lambda identifier: None,
) -> Facts:
    """Answer the questions.

    The p-values are adjusted by Holm over all that are asked; an answer whose adjusted p-value is 0.05 or
    more is "cannot tell".

    Args:
        only: ids of the questions to answer; all where None.
        progress: called with each id before it is answered.
    """
    asked = {name: one for name, one in facts().items() if only is None or name in only}
    found: dict[str, Found | NotRun] = {}
    for name, one in asked.items():
        progress(name)
        found[name] = _answered(one, context)
    tests = {
        name: one.p_value for name, one in found.items() if isinstance(one, Found) and one.p_value is not None
    }
    adjusted = dict(zip(tests, holm(list(tests.values())), strict=True))
    entries = [_entry(asked[name], one, adjusted.get(name)) for name, one in found.items()]
    counts = Counter(entry.answer for entry in entries)
    summary = {answer.value: counts[answer.value] for answer in Answer}
    return Facts(
        schema_version=SCHEMA_VERSION,
        settings=asdict(context.settings),
        summary=summary | {"tests": len(tests), "facts": len(entries)},
        facts=entries,
    )


def _answered(one: Fact, context: Context) -> Found | NotRun:
    try:
        return one.find(replace(context, identifier=one.id))
    except NotRun as reason:
        return reason


def _entry(one: Fact, found: Found | NotRun, adjusted: float | None) -> Entry:
    empty = Entry(
        id=one.id,
        theme=one.theme,
        question=one.question,
        answer=Answer.NOT_RUN.value,
        sentence=f"Not run: {found}.",
        method=one.method,
        where=one.where,
    )
    if isinstance(found, NotRun):
        return empty
    survives = adjusted is None or adjusted < ALPHA
    numbers = {
        "estimate": found.estimate.estimate,
        "low": found.estimate.low,
        "high": found.estimate.high,
        "p_value": found.p_value,
        "holm_p_value": adjusted,
        "n": found.estimate.n,
    }
    texts = {
        "sentence": found.sentence,
        "unit": one.unit,
        "interval": found.estimate.made,
        "noise": one.noise.format(**found.numbers),
    }
    rows = [_short(row) for row in found.rows]
    answer = (found.answer if survives else Answer.UNKNOWN).value
    return Entry.model_validate(
        empty.model_dump() | texts | _short(numbers) | {"answer": answer, "rows": rows}
    )


def _short(row: Row) -> Row:
    """JSON values; floats to four significant digits, as many as are the same on every kind of CPU."""
    return {
        key: float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value
        for key, value in plain(row).items()
    }
