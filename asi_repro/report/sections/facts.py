"""What nobody asked: questions of our own to the released data, by theme."""

from __future__ import annotations

from asi_repro.facts.ledger import THEMES, Entry
from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Block, Paragraph, Table


def blocks(inputs: Inputs) -> tuple[Block, ...] | None:
    """How to read the answers, and a table for every theme."""
    if inputs.facts is None:
        return None
    summary, entries = inputs.facts.summary, inputs.facts.facts
    found: list[Block] = [
        Paragraph(
            f"{len(entries)} questions that neither paper asks, answered from the same files: "
            f"{summary['yes']} with yes, {summary['no']} with no, {summary['cannot tell']} that the data "
            f"cannot tell from noise, {summary['not run']} not run. The {summary['tests']} that have a "
            "p-value are corrected for one another by Holm's method: an answer that does not survive is "
            "“cannot tell”. Intervals are of 95%. `asi-repro facts NAME` shows one in depth, with the rows "
            "behind it."
        )
    ]
    for theme, title in THEMES.items():
        chosen = [entry for entry in entries if entry.theme == theme]
        if chosen:
            found.append(
                Table(
                    caption=f"{title}.",
                    header=("fact", "answer", "question", "found"),
                    rows=tuple((e.id, e.answer, e.question, e.sentence) for e in chosen),
                    badges=1,
                    link=0,
                    details=tuple(detail(entry) for entry in chosen),
                )
            )
    return tuple(found)


def detail(entry: Entry) -> str:
    """What noise would show, the method, and where it is in the code."""
    tested = "" if entry.p_value is None else f"p = {entry.p_value:.2g}, {entry.holm_p_value:.2g} after Holm"
    return " — ".join(part for part in (entry.noise, tested, entry.method, entry.where) if part)
