"""A list of objects that prints as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from asi_repro import markdown
from asi_repro.text import one_line

T = TypeVar("T")
_SHOWN, _CELL = 60, 70


class Listing(list[T], Generic[T]):
    """A list that prints as a table, and in a notebook as a formatted one.

    Args:
        items: what is listed.
        header: the columns' names.
        row: the cells of an item.
    """

    def __init__(
        self, items: Iterable[T], header: tuple[str, ...], row: Callable[[T], tuple[str, ...]]
    ) -> None:
        super().__init__(items)
        self._header, self._row = header, row

    def __repr__(self) -> str:
        rows = [self._header, *(tuple(map(_cell, self._row(item))) for item in self[:_SHOWN])]
        widths = [max(len(row[column]) for row in rows) for column in range(len(self._header))]
        lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, *self._rest()])

    def _repr_markdown_(self) -> str:
        rows = [[markdown.escape(_cell(cell)) for cell in self._row(item)] for item in self[:_SHOWN]]
        return "\n".join([*markdown.table(self._header, rows), "", *self._rest()])

    def _rest(self) -> list[str]:
        return [f"and {len(self) - _SHOWN} more"] if len(self) > _SHOWN else []


def _cell(text: object) -> str:
    line = one_line(text)
    return line if len(line) <= _CELL else f"{line[: _CELL - 1]}…"
