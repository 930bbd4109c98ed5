"""Facts, sentences and tables laid out as lines for a `LineList`."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from math import floor, isfinite, log10
from textwrap import wrap
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from rich.text import Text

from asi_repro.text import short_value
from asi_repro.tui.widgets.line_list import Line
from asi_repro.tui.widgets.text import safe_line

MAX_CELL = 40
_LONGEST = 20_000  # characters of a paragraph


def heading(text: str, style: Style) -> list[Line]:
    """An empty line and a title; the cursor passes over both."""
    return [Line(Text(), rest=False), Line(Text(safe_line(text), style=style, end=""), rest=False)]


def fact(label: str, text: str, width: int, *, style: Style | str = "", label_width: int = 11) -> list[Line]:
    """A label with text beside it, wrapped to `width` cells; the cursor passes over it."""
    room = max(width - label_width, 20)
    rows = wrap(safe_line(text, _LONGEST), room) or [""]
    lines = []
    for place, row in enumerate(rows):
        shown = Text(end="").append(f"{label if place == 0 else '':<{label_width}}", style="dim")
        lines.append(Line(shown.append(row, style=style), rest=False))
    return lines


def prose(text: str, width: int, *, lead: str = "", style: Style | str = "") -> list[Line]:
    """A paragraph wrapped to `width` cells, its further lines indented like `lead`."""
    rows = wrap(safe_line(text, _LONGEST), max(width - len(lead), 20)) or [""]
    return [
        Line(Text((lead if place == 0 else " " * len(lead)) + row, style=style, end=""), rest=False)
        for place, row in enumerate(rows)
    ]


def table(
    rows: Sequence[dict[str, Any]],
    *,
    key: Callable[[dict[str, Any]], Hashable] = lambda row: None,
    mark: Callable[[dict[str, Any]], Text] | None = None,
    muted: Style | str = "dim",
) -> list[Line]:
    """Rows under their columns' names: an index, texts, then numbers, which stand to the right.

    Fields of records from JSON are in the order of the alphabet, and what the numbers are of must not be cut.

    Args:
        key: what a row stands for; the cursor rests on all rows.
        mark: a glyph before each row.
    """
    if not rows:
        return []
    found = dict.fromkeys(column for row in rows for column in row)
    columns = sorted(
        found, key=lambda c: (c != "index", not any(isinstance(row.get(c), str) for row in rows))
    )
    cells = [_column([row.get(c) for row in rows]) for c in columns]
    names = [safe_line(str(c).replace("_", " "), MAX_CELL) for c in columns]
    widths = [max(map(cell_len, [name, *column])) for name, column in zip(names, cells, strict=True)]
    right = [all(isinstance(row.get(c), int | float | None) for row in rows) for c in columns]
    lead = "  " if mark is None else "    "
    lines = [Line(Text(lead + _row(names, widths, right), style=muted, end=""), rest=False)]
    for row, texts in zip(rows, zip(*cells, strict=True), strict=True):
        shown = Text("  ", end="")
        if mark is not None:
            shown.append_text(mark(row)).append(" ")
        lines.append(Line(shown.append(_row(texts, widths, right)), key(row)))
    return lines


def _column(values: Sequence[Any]) -> list[str]:
    """Values of one column as text; numbers with as many decimals each, unless one needs an exponent.

    As many as the largest has with the digits that are known, and so many that the smallest has two.
    """
    texts = [safe_line(short_value(value), MAX_CELL) for value in values]
    numbers = [n for n, value in enumerate(values) if type(value) in (int, float) and isfinite(value)]
    sizes = [abs(values[n]) for n in numbers if values[n]]
    if not sizes or any("e" in texts[n] for n in numbers):
        return texts
    known = max(len(texts[n].lstrip("-0.").replace(".", "")) for n in numbers)
    wanted = max(known - 1 - floor(log10(max(sizes))), 1 - floor(log10(min(sizes))))
    decimals = min(wanted, max(len(texts[n].partition(".")[2]) for n in numbers))
    for n in numbers:
        texts[n] = f"{values[n]:.{decimals}f}"
    return texts


def _row(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    shown = []
    for text, width, to_right in zip(cells, widths, right, strict=True):
        shown.append(" " * (width - cell_len(text)) + text if to_right else set_cell_size(text, width))
    return "  ".join(shown).rstrip()
