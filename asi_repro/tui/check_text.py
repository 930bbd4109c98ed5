"""A row of a certificate in words."""

from __future__ import annotations

from typing import Any

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


def in_words(value: Any) -> str:
    """A value of a row's detail: names and numbers with commas, as deep as it is."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_inner(one)}" for name, one in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(_inner, value)) or "none"
    return value if isinstance(value, str) else number(value)


def _inner(value: Any) -> str:
    return f"({in_words(value)})" if isinstance(value, dict | list | tuple) and value else in_words(value)
