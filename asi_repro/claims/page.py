"""The ledger as a Markdown page."""

from __future__ import annotations

from asi_repro.claims.ledger import Entry, Ledger
from asi_repro.claims.texts import THEMES
from asi_repro.markdown import escape, record_table, table

_ROWS_SHOWN = 12
_COLUMNS = ("verdict", "effect", "claimed", "where")
SHOWN = (
    ("Where", "where"),
    ("Claimed", "claimed"),
    ("Found", "found"),
    ("Method", "method"),
    ("Criterion", "criterion"),
    ("What the data could show", "power"),
    ("What would change it", "would_change"),
)


def page(ledger: Ledger) -> str:
    """Every claim in one table, then each in depth with its first rows of evidence."""
    counts = ", ".join(f"{count} {verdict}" for verdict, count in ledger.summary.items())
    lines = [
        "# The papers' claims, checked",
        "",
        f"{counts}. Written by `asi-repro claims build`; `asi-repro claims ID` shows every row.",
    ]
    for paper in ledger.papers:
        lines += ["", f"## {paper.name} (arXiv {paper.arxiv})"]
        for theme, claims in by_theme(ledger.of_paper(paper.id)).items():
            rows = [
                [f"[{e.id}](#{e.id})", *(escape(getattr(e, column)) for column in _COLUMNS)] for e in claims
            ]
            lines += ["", f"### {THEMES.get(theme, theme)}", "", *table(("claim", *_COLUMNS), rows)]
    for claim in ledger.claims:
        lines += ["", *claim_section(claim)]
    if ledger.measured:
        lines += ["", "# Measured by this project", "", escape(ledger.measured[0].criterion)]
    for claim in ledger.measured:
        lines += ["", *claim_section(claim)]
    return "\n".join(lines) + "\n"


def by_theme(claims: list[Entry]) -> dict[str, list[Entry]]:
    """Claims by theme, the themes in the order of `THEMES`; those without a claim are left out."""
    order = dict.fromkeys([*THEMES, *(claim.theme for claim in claims)])
    found = {theme: [claim for claim in claims if claim.theme == theme] for theme in order}
    return {theme: group for theme, group in found.items() if group}


def claim_section(claim: Entry) -> list[str]:
    """One claim in depth, as lines of Markdown."""
    lines = [
        f"## {claim.id}",
        "",
        f"**{claim.verdict}** ({escape(claim.effect)}): {escape(claim.statement)}",
        "",
        *(f"- {title}: {escape(getattr(claim, key))}" for title, key in SHOWN),
    ]
    if claim.parts:
        lines += ["", *record_table([part.model_dump() for part in claim.parts])]
    if claim.sensitivity:
        lines += ["", "Were the criterion another:", ""]
        lines += record_table([item.model_dump() for item in claim.sensitivity])
    for evidence in claim.evidence:
        shown = evidence.rows[:_ROWS_SHOWN]
        count = "none" if not evidence.total else f"{len(shown)} of {evidence.total}"
        what = evidence.what[:1].upper() + evidence.what[1:]
        lines += ["", f"{escape(what)} ({escape(evidence.source)}; {count}):"]
        if shown:
            lines += ["", *record_table(shown)]
    if claim.notes:
        lines += ["", *(f"- {escape(note)}" for note in claim.notes)]
    return lines
