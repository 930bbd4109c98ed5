"""Two texts line by line, as rows of a left and a right side."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["same", "changed", "removed", "added", "skipped"]


@dataclass(frozen=True, slots=True)
class DiffRow:
    """One row.

    Attributes:
        kind: what it is; "skipped" stands for unchanged lines that are left out.
        left: number of the line (from 0) on the left, None where there is none; how many were left out
            where skipped.
        right: the same on the right.
    """

    kind: Kind
    left: int | None
    right: int | None


def diff_rows(before: list[str], after: list[str], context: int = 3) -> list[DiffRow]:
    """Rows that show every changed line with `context` unchanged ones around."""
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    operations = matcher.get_opcodes()
    rows: list[DiffRow] = []
    for place, (what, a, b, c, d) in enumerate(operations):
        if what == "equal":
            rows += _unchanged(a, b, c, context, place > 0, place < len(operations) - 1)
        else:
            rows += _changed(a, b, c, d)
    return rows


def _unchanged(a: int, b: int, c: int, context: int, after: bool, before: bool) -> Iterator[DiffRow]:
    head = context if after else 0
    tail = context if before else 0
    count = b - a
    if count <= head + tail + 1:
        head, tail = count, 0
    for step in range(head):
        yield DiffRow("same", a + step, c + step)
    if count > head + tail:
        yield DiffRow("skipped", count - head - tail, None)
    for step in range(count - tail, count):
        yield DiffRow("same", a + step, c + step)


def _changed(a: int, b: int, c: int, d: int) -> Iterator[DiffRow]:
    for step in range(max(b - a, d - c)):
        left = a + step if a + step < b else None
        right = c + step if c + step < d else None
        kind: Kind = "added" if left is None else "removed" if right is None else "changed"
        yield DiffRow(kind, left, right)
