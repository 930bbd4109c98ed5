"""Two texts line by line, as rows of a left and a right side."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from asi_repro.tui.highlight import tree_of

Kind = Literal["same", "changed", "removed", "added", "skipped"]
Span = tuple[int, int]
_WORD = re.compile(r"\w+|\s+|.")
_ALIKE = 0.5  # below this two lines have nothing in common that is worth showing
_LONGEST = 400  # characters of a line whose parts are compared


@dataclass(frozen=True, slots=True)
class DiffRow:
    """One row.

    Attributes:
        kind: what it is; "skipped" stands for unchanged lines that are left out.
        left: number of the line (from 0) on the left, None where there is none; of the first that is left
            out where skipped.
        right: the same on the right.
        count: how many lines it stands for.
    """

    kind: Kind
    left: int | None
    right: int | None
    count: int = 1

    def lines(self) -> list[DiffRow]:
        """The unchanged lines that a skipped row stands for."""
        left, right = self.left or 0, self.right or 0
        return [DiffRow("same", left + n, right + n) for n in range(self.count)]


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
        yield DiffRow("skipped", a + head, c + head, count - head - tail)
    for step in range(count - tail, count):
        yield DiffRow("same", a + step, c + step)


def _changed(a: int, b: int, c: int, d: int) -> Iterator[DiffRow]:
    for step in range(max(b - a, d - c)):
        left = a + step if a + step < b else None
        right = c + step if c + step < d else None
        kind: Kind = "added" if left is None else "removed" if right is None else "changed"
        yield DiffRow(kind, left, right)


def changed_parts(before: str, after: str) -> tuple[list[Span], list[Span]]:
    """Which characters of two lines differ, word by word; none where the lines have little in common."""
    if max(len(before), len(after)) > _LONGEST:
        return [], []
    left, right = _WORD.findall(before), _WORD.findall(after)
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
    count = sum(not word.isspace() for word in (*left, *right))
    kept = sum(not w.isspace() for m in matcher.get_matching_blocks() for w in left[m.a : m.a + m.size])
    if 2 * kept < _ALIKE * count:
        return [], []
    spans: tuple[list[Span], list[Span]] = ([], [])
    for what, a, b, c, d in matcher.get_opcodes():
        if what != "equal":
            for found, words, first, last in ((spans[0], left, a, b), (spans[1], right, c, d)):
                if last > first:
                    start = len("".join(words[:first]))
                    found.append((start, start + len("".join(words[first:last]))))
    return spans


def prose_lines(source: str) -> frozenset[int]:
    """Lines of docstrings and comments, and empty ones, from 0; no docstrings where it does not parse."""
    lines = source.split("\n")
    found = {n for n, line in enumerate(lines) if not line.strip() or line.lstrip().startswith("#")}
    if (tree := tree_of(source)) is None:
        return frozenset(found)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found.update(range(node.lineno - 1, node.end_lineno or node.lineno))
    return frozenset(found)


def code_first(
    rows: Sequence[DiffRow], before: frozenset[int], after: frozenset[int]
) -> tuple[list[DiffRow], list[DiffRow]]:
    """Pieces in which code changed, and those in which only docstrings and comments did.

    Args:
        before, after: lines of prose on each side (`prose_lines`).
    """
    code: list[DiffRow] = []
    prose: list[DiffRow] = []
    waiting: list[DiffRow] = []  # unchanged lines, which belong to what comes after them, or else before
    section = code
    for words, run in groupby(rows, key=lambda row: _is_prose(row, before, after)):
        piece = list(run)
        if words is None:
            waiting += piece
            continue
        wanted = prose if words else code
        if wanted is not section and section:
            # Context of two pieces that come apart: each keeps what is on its side.
            cut = next((n for n, row in enumerate(waiting) if row.kind == "skipped"), len(waiting) // 2)
            section += waiting[:cut]
            waiting = waiting[cut:]
        section = wanted
        section += [*waiting, *piece]
        waiting = []
    section += waiting
    return code, prose


def _is_prose(row: DiffRow, before: frozenset[int], after: frozenset[int]) -> bool | None:
    """Whether what changed are words only; None where nothing did."""
    if row.kind in ("same", "skipped"):
        return None
    return (row.left is None or row.left in before) and (row.right is None or row.right in after)
