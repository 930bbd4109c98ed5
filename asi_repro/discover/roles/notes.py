"""Notes of the cognition base for agents, and the shortcomings that recall them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from asi_repro.discover.cognition.base import CognitionBase, Note, Recalled
from asi_repro.traces.spans import Trace

_HEADING = "## Shortcomings"


def note_text(note: Note) -> str:
    """A note as a model reads it."""
    return "\n\n".join(
        (
            f"Source: {note.source}",
            f"When: {note.trigger}",
            f"Insight: {note.insight}",
            f"Mechanism: {note.mechanism}",
            f"Guidance: {note.guidance}",
        )
    )


def with_shortcomings(text: str, shortcomings: Sequence[str]) -> str:
    """An analysis with its shortcomings as a list at its end, from where `shortcomings_in` reads them."""
    body = re.sub(rf"^{_HEADING}\s*$", "### Shortcomings", text.strip(), flags=re.M)
    listed = "\n".join(f"- {' '.join(each.split())}" for each in shortcomings)
    return f"{body}\n\n{_HEADING}\n\n{listed}\n" if listed else f"{body}\n"


def shortcomings_in(text: str) -> tuple[str, ...]:
    """The shortcomings that `with_shortcomings` put into an analysis; empty where there are none."""
    _, found, listed = text.rpartition(f"\n{_HEADING}\n\n")
    if not found:
        return ()
    return tuple(line[2:].strip() for line in listed.splitlines() if line.startswith("- "))


def traced_recall(base: CognitionBase, queries: Sequence[str], count: int, trace: Trace) -> list[Recalled]:
    """`base.recall_any` with a RETRIEVER span."""
    if not count or not len(base):
        return []
    with trace.span("recall", "RETRIEVER") as span:
        span.set(**{"input.value": "\n".join(queries)})
        found = base.recall_any(queries, count)
        span.set(
            **{
                f"retrieval.documents.{place}.document.{name}": value
                for place, each in enumerate(found)
                for name, value in (
                    ("id", each.note.id),
                    ("score", each.similarity),
                    ("content", each.note.insight),
                )
            }
        )
    return found
