"""The first page: three sentences on each paper, and one table of themes with the numbers."""

from __future__ import annotations

from asi_repro.claims.finding import Verdict
from asi_repro.claims.ledger import Entry, Paper
from asi_repro.claims.page import by_theme
from asi_repro.claims.texts import THEMES
from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Block, Paragraph, Table

MARKS = {"reproduced": "✓", "contradicted": "✗", "undecided": "~", "not checkable": "?", "not yet run": "…"}


def blocks(inputs: Inputs) -> tuple[Block, ...]:
    """A paragraph for each paper, then a row for each of its themes."""
    ledger = inputs.ledger
    found: list[Block] = [
        Paragraph(sentences(paper, claims))
        for paper in ledger.papers
        if (claims := ledger.of_paper(paper.id))
    ]
    rows = [
        (
            paper.name,
            THEMES.get(theme, theme),
            " · ".join(f"{mark} {count}" for mark, count in _tally(claims) if count),
            "; ".join(f"{claim.id} {MARKS.get(claim.verdict, '·')} {claim.effect}" for claim in claims),
        )
        for paper in ledger.papers
        for theme, claims in by_theme(ledger.of_paper(paper.id)).items()
    ]
    caption = (
        f"By theme: {', '.join(f'{mark} {verdict}' for verdict, mark in MARKS.items())}, with the numbers."
    )
    return (
        *found,
        Table(caption, ("paper", "theme", "verdicts", "numbers, with 95% intervals"), tuple(rows)),
    )


def sentences(paper: Paper, claims: list[Entry]) -> str:
    """What holds, what does not, and what cannot be told, in three sentences."""
    groups = {verdict: [c for c in claims if c.verdict == verdict.value] for verdict in Verdict}
    held, failed = groups[Verdict.REPRODUCED], groups[Verdict.CONTRADICTED]
    split = [c for c in groups[Verdict.UNDECIDED] if not _cannot_tell(c)]
    unknown = [c for c in groups[Verdict.UNDECIDED] if _cannot_tell(c)]
    open_ = [*groups[Verdict.NOT_CHECKABLE], *groups[Verdict.NOT_YET_RUN]]
    rest = f"; {len(open_)} were not run or cannot be checked ({_named(open_)})" if open_ else ""
    return (
        f"{paper.name} (arXiv {paper.arxiv}): of {len(claims)} claims {len(held)} hold under every reading "
        f"({_named(held)}). {len(failed)} hold under none: {_with_numbers(failed)}. Of "
        f"{len(split) + len(unknown)} undecided ones {len(split)} hold under one reading and not under "
        f"another ({_named(split)}), and of {len(unknown)} the data cannot tell ({_named(unknown)}){rest}."
    )


def _cannot_tell(claim: Entry) -> bool:
    return any(reading.verdict == Verdict.UNDECIDED.value for reading in claim.readings)


def _named(claims: list[Entry]) -> str:
    return ", ".join(claim.id for claim in claims) or "none"


def _with_numbers(claims: list[Entry]) -> str:
    return "; ".join(f"{claim.id} ({claim.effect})" for claim in claims) or "none"


def _tally(claims: list[Entry]) -> list[tuple[str, int]]:
    return [(mark, sum(c.verdict == verdict for c in claims)) for verdict, mark in MARKS.items()]
