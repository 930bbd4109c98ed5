"""The ledger as a Markdown page."""

from __future__ import annotations

import re
from typing import Any

from asi_repro.claims.ledger import Entry, Ledger
from asi_repro.claims.texts import THEMES
from asi_repro.text import terminal_safe

_ROWS_SHOWN = 12
SHOWN = (
    ("Where", "where"),
    ("Claimed", "claimed"),
    ("Found", "found"),
    ("Method", "method"),
    ("Criterion", "criterion"),
    ("What the data could show", "power"),
    ("What would change it", "would_change"),
)
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!$])")


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
                {
                    "claim": f"[{e.id}](#{e.id})",
                    **{key: escaped(getattr(e, key)) for key in ("verdict", "effect", "claimed", "where")},
                }
                for e in claims
            ]
            lines += ["", f"### {THEMES.get(theme, theme)}", "", *table(rows, raw=True)]
    for claim in ledger.claims:
        lines += ["", *claim_section(claim)]
    if ledger.measured:
        lines += ["", "# Measured by this project", "", escaped(ledger.measured[0].criterion)]
    for claim in ledger.measured:
        lines += ["", *claim_section(claim)]
    return "\n".join(lines) + "\n"


def by_theme(claims: list[Entry]) -> dict[str, list[Entry]]:
    """Claims by theme, the themes in the order of `THEMES`; those without a claim are left out."""
    order = dict.fromkeys([*THEMES, *(claim.theme for claim in claims)])
    found = {theme: [claim for claim in claims if claim.theme == theme] for theme in order}
    return {theme: group for theme, group in found.items() if group}


def claim_section(claim: Entry, *, rows_shown: int = _ROWS_SHOWN) -> list[str]:
    """One claim in depth, as lines of Markdown."""
    lines = [
        f"## {claim.id}",
        "",
        f"**{claim.verdict}** ({escaped(claim.effect)}): {escaped(claim.statement)}",
        "",
        *(f"- {title}: {escaped(getattr(claim, key))}" for title, key in SHOWN),
    ]
    if claim.parts:
        lines += ["", *table([part.model_dump() for part in claim.parts])]
    if claim.sensitivity:
        lines += ["", "Were the criterion another:", ""]
        lines += table([item.model_dump() for item in claim.sensitivity])
    for evidence in claim.evidence:
        shown = evidence.rows[:rows_shown]
        count = "none" if not evidence.total else f"{len(shown)} of {evidence.total}"
        what = evidence.what[:1].upper() + evidence.what[1:]
        lines += ["", f"{escaped(what)} ({escaped(evidence.source)}; {count}):"]
        if shown:
            lines += ["", *table(shown)]
    if claim.notes:
        lines += ["", *(f"- {escaped(note)}" for note in claim.notes)]
    return lines


def table(rows: list[dict[str, Any]], *, raw: bool = False) -> list[str]:
    """Rows as a Markdown table.

    Args:
        raw: whether the cells are Markdown already.
    """
    columns = list(dict.fromkeys(column for row in rows for column in row))
    body = [[row.get(c, "") if raw else escaped(cell(row.get(c))) for c in columns] for row in rows]
    header = columns if raw else [escaped(c.replace("_", " ")) for c in columns]
    return [_line(header), _line(["---"] * len(columns)), *(_line(line) for line in body)]


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def cell(value: Any) -> str:
    """A value of a row as short text."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(cell(item) for item in value) or "–"
    return str(value)


def escaped(text: str) -> str:
    """Text from outside as one line of Markdown that means nothing but itself."""
    return _SPECIAL.sub(r"\\\1", terminal_safe(str(text), keep="").strip())
