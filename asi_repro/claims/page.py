"""The ledger as a Markdown page."""

from __future__ import annotations

import re
from typing import Any

from asi_repro.text import terminal_safe

_ROWS_SHOWN = 12
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!$])")


def page(ledger: dict[str, Any]) -> str:
    """Every claim in one table, then each in depth with its first rows of evidence."""
    counts = ", ".join(f"{count} {verdict}" for verdict, count in ledger["summary"].items())
    lines = [
        "# The paper's claims, checked",
        "",
        f"{counts}. Written by `asi-repro claims build`; `asi-repro claims ID` shows every row.",
        "",
        *table(
            [
                {
                    "claim": f"[{e['id']}](#{e['id']})",
                    **{key: escaped(e[key]) for key in ("verdict", "claimed", "found", "where")},
                }
                for e in ledger["claims"]
            ],
            raw=True,
        ),
    ]
    for claim in ledger["claims"]:
        lines += ["", *claim_section(claim)]
    measured = ledger.get("measured", ())
    if measured:
        lines += ["", "# Measured by this project", "", escaped(measured[0]["criterion"])]
    for claim in measured:
        lines += ["", *claim_section(claim)]
    return "\n".join(lines) + "\n"


def claim_section(claim: dict[str, Any], *, rows_shown: int = _ROWS_SHOWN) -> list[str]:
    """One claim in depth, as lines of Markdown."""
    lines = [f"## {claim['id']}", "", f"**{claim['verdict']}**: {escaped(claim['statement'])}", ""]
    for title, key in (
        ("Where", "where"),
        ("Claimed", "claimed"),
        ("Found", "found"),
        ("Method", "method"),
        ("Criterion", "criterion"),
        ("What would change it", "would_change"),
    ):
        lines.append(f"- {title}: {escaped(claim[key])}")
    if claim["parts"]:
        lines += ["", *table(claim["parts"])]
    for evidence in claim["evidence"]:
        shown = evidence["rows"][:rows_shown]
        count = "none" if not evidence["total"] else f"{len(shown)} of {evidence['total']}"
        what = evidence["what"][:1].upper() + evidence["what"][1:]
        lines += ["", f"{escaped(what)} ({escaped(evidence['source'])}; {count}):"]
        if shown:
            lines += ["", *table(shown)]
    if claim["notes"]:
        lines += ["", *(f"- {escaped(note)}" for note in claim["notes"])]
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
