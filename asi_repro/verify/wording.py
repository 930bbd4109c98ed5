"""A row of a certificate in one line, and the line of the program that it is about. No torch here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from asi_repro.verify.markdown import number, value_of
from asi_repro.verify.program_text import parsed
from asi_repro.verify.results import CheckResult

_LINE = re.compile(r"line (\d+) of <program")
_HELD = {"<=": "at most", ">=": "at least", "within": "within"}
# Details that name entries of the module, which the program makes at a line of its own.
_NAMED = ("dead", "changed")
_SHOWN = 300


def summary(row: CheckResult) -> str:
    """What a row found, in one line; it may hold text of the program: escape it before it is shown."""
    if row.verdict == "not run":
        return _flat(row.detail.get("reason", "no reason given")).removeprefix("NotTried: ")
    measured = "no finite value" if row.value is None else value_of(row)
    unit = f" {row.unit}" if row.unit else ""
    allowed = ""
    if row.threshold is not None and row.verdict == "fail":
        allowed = f", where {_HELD.get(row.comparison, 'at most')} {number(row.threshold)} is allowed"
    place = evidence(row)
    return f"{measured}{unit}{allowed}" + (f" ({place})" if place else "")


def evidence(row: CheckResult) -> str:
    """Where a failed row's worst case was, or what it names, in one line; "" for other rows."""
    if row.verdict != "fail":
        return ""
    for key in ("worst", "failed", "bad", "errors"):
        cases = row.detail.get(key)
        if isinstance(cases, list) and cases:
            return _flat(cases[0])[:_SHOWN]
    named = [name for key in _NAMED for name in _names(row.detail.get(key))]
    return ", ".join(named)[:_SHOWN]


def line_of(row: CheckResult, text: str, fallback: int) -> int:
    """The line of the program that a row is about: one that it states, or where what it names is made."""
    for stated in _stated(row.detail):
        return stated
    names = [name for key in _NAMED for name in _names(row.detail.get(key))]
    lines = _made_at(text)
    for name in names:
        for part in reversed(re.split(r"[.\[\]]", name)):
            if part in lines:
                return lines[part]
    return fallback


def _stated(detail: Any) -> Iterator[int]:
    if isinstance(detail, dict):
        if isinstance(line := detail.get("line"), int) and not isinstance(line, bool) and line > 0:
            yield line
        for value in detail.values():
            yield from _stated(value)
    elif isinstance(detail, list):
        for value in detail[:8]:
            yield from _stated(value)
    elif isinstance(detail, str) and (found := _LINE.search(detail)):
        yield int(found[1])


def _made_at(text: str) -> dict[str, int]:
    """The line at which each attribute of `self` is first set, or registered by its name."""
    tree = parsed(text)
    found: dict[str, int] = {}
    for node in ast.walk(tree) if tree is not None else ():
        name = None
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            name = node.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            first = node.args[0] if node.args and node.func.attr.startswith("register_") else None
            name = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
        if name is not None and isinstance(node, ast.expr):
            found[name] = min(node.lineno, found.get(name, node.lineno))
    return found


def _names(value: Any) -> list[str]:
    return sorted(map(str, value)) if isinstance(value, dict | list) else []


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_flat(item)}" for key, item in value.items())
    if isinstance(value, list):
        return " ".join(_flat(item) for item in value[:8])
    if isinstance(value, float):
        return f"{value:.3g}"
    return " ".join(str(value).split())
