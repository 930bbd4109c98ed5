"""A row of a certificate in words."""

from __future__ import annotations

from asi_repro.tui.widgets.text import safe_line
from asi_repro.verify.markdown import number
from asi_repro.verify.results import CheckResult


def measured(row: CheckResult) -> str:
    """The value with its unit and what it is held against; why there is none where there is none."""
    if row.value is None:
        return safe_line(str(row.detail.get("reason", "not measured")), 200)
    shown = f"{number(row.value)} {safe_line(row.unit, 60)}"
    if row.comparison == "none" or row.threshold is None:
        return shown
    if row.comparison == "within":
        return f"{shown}, within {number(row.threshold)} of {number(row.detail.get('stated'))}"
    return f"{shown}, asked for {row.comparison} {number(row.threshold)}"
