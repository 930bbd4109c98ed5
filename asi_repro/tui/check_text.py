"""A row of a certificate in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from asi_repro.tui.widgets.text import safe_line
from asi_repro.verify.markdown import number
from asi_repro.verify.results import CheckResult

_SINGULAR = {
    "calls": "call", "components": "component", "elements": "element", "entries": "entry",
    "functions": "function", "parameters": "parameter", "runs": "run",
}  # fmt: skip
_PLURAL = re.compile(rf"\b({'|'.join(_SINGULAR)})\b(?! of)")
_LINES = re.compile(r"\blines? ((?:\d+(?:, )?)+)")


def measured(row: CheckResult) -> str:
    """The value with its unit and what it is held against; why there is none where there is none."""
    if row.value is None:
        return safe_line(str(row.detail.get("reason", "not measured")), 200)
    shown = _found(row)
    if row.comparison == "none" or row.threshold is None:
        return shown
    if row.comparison == "within":
        return f"{shown}, within {number(row.threshold)} of {number(row.detail.get('stated'))}"
    return f"{shown}, {_limit(row)} allowed"


def sentence(row: CheckResult) -> str:
    """What the check found, in one sentence."""
    if row.value is None:
        return f"Not measured: {measured(row)}."
    found = _found(row)
    if row.comparison == "none" or row.threshold is None:
        return f"Measured {found}; it is held against nothing."
    said = "Passed" if row.verdict == "pass" else "Failed"
    if row.comparison == "within":
        limit = (
            f"the run states {number(row.detail.get('stated'))}, and {number(row.threshold)} of it may differ"
        )
    else:
        limit = f"{_limit(row)} passes"
    below = "; smaller changes are rounding" if "below" in row.detail else ""
    return f"{said} with {found}: {limit}{below}."


def _found(row: CheckResult) -> str:
    """The value with its unit, whose noun is in the singular for one."""
    unit = safe_line(row.unit, 60)
    if row.value == 1:
        unit = _PLURAL.sub(lambda noun: _SINGULAR[noun[0]], unit)
    return f"{number(row.value)} {unit}"


def _limit(row: CheckResult) -> str:
    return f"at {'most' if row.comparison == '<=' else 'least'} {number(row.threshold)}"


def facts(row: CheckResult) -> Iterator[tuple[str, str]]:
    """What is behind the number, one fact after the other; cases, which are alike, each on its own."""
    for name, value in row.detail.items():
        if name in ("reason", "below", "stated") or value in ([], {}, None):
            continue
        label = safe_line(name, 40).replace("_", " ")
        if isinstance(value, list) and all(isinstance(one, dict) for one in value):
            for place, one in enumerate(value):
                yield label if not place else "", in_words(one)
        else:
            yield label, in_words(value)


def program_lines(name: str, text: str) -> list[int]:
    """Lines of the program that a fact names, from 1."""
    found = _LINES.findall(f"{name} {text}" if name in ("line", "lines") else text)
    return [int(number) for part in found for number in re.findall(r"\d+", part)]


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
