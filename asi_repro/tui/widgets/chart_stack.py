"""Numbers over a run, drawn in cells: bars of an eighth's height, and dots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from asi_repro.tui.widgets.cached_styles import CachedStyles, cells_to_strip

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_LABEL = 8
_RULE = "─"


@dataclass(frozen=True)
class Chart:
    """One number over the positions of a run.

    Attributes:
        title: what it is.
        values: by position; None where there is none.
        style: its colour.
        low, high: of its axis; reversed (low above high) puts small numbers on top.
        dots: whether to draw dots on a logarithmic axis, one a value, instead of bars of the last value.
        lines: values at which to draw a rule, with its label; dots only.
        number: how a value is written.
        share: of the height, against the other charts.
    """

    title: str
    values: Sequence[float | None]
    style: Style
    low: float
    high: float
    dots: bool = False
    lines: tuple[float, ...] = ()
    number: str = "{:,.0f}"
    share: int = 1


class ChartStack(CachedStyles):
    """Charts below one another, each drawn up to the same position."""

    DEFAULT_CSS = """
    ChartStack { height: 1fr; background: $background; padding: 0 1; }
    ChartStack > .charts--title { color: $text-muted; }
    ChartStack > .charts--rule { color: $success; }
    """
    COMPONENT_CLASSES = {"charts--title", "charts--rule"}  # noqa: RUF012

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._charts: Sequence[Chart] = ()
        self._position = 0
        self._key: tuple[int, int, int] | None = None
        self._rows: list[tuple[int, int, int]] = []
        self._strips: dict[int, tuple[str, Strip]] = {}
        self._grids: list[dict[int, list[tuple[int, int]]]] = []

    def show(self, charts: Sequence[Chart]) -> None:
        """Draw other charts."""
        self._charts = charts
        self._key = None
        self.refresh()

    def at(self, position: int) -> None:
        """Draw up to that position."""
        self._position = position
        self.refresh()

    def forget_styles(self) -> None:
        super().forget_styles()
        self._key = None

    def _lay_out(self) -> None:
        """Which chart and which of its rows each line shows; the first is its title."""
        key = (self.size.width, self.size.height, len(self._charts))
        if key == self._key:
            return
        self._key = key
        self._rows, self._grids, self._strips = [], [], {}
        left, shares = self.size.height, sum(chart.share for chart in self._charts)
        for number, chart in enumerate(self._charts):
            height = max(left * chart.share // max(shares, 1), 1)
            self._rows += [(number, row, height - 1) for row in range(height)]
            self._grids.append(_grid(chart, height - 1, self._columns) if chart.dots else {})
            left, shares = left - height, shares - chart.share

    @property
    def _columns(self) -> int:
        return max(self.size.width - _LABEL, 1)

    def render_line(self, y: int) -> Strip:
        base, width = self.style_of(), self.size.width
        self._lay_out()
        if y >= len(self._rows):
            return Strip.blank(width, base)
        number, row, height = self._rows[y]
        chart = self._charts[number]
        muted = self.style_of("charts--title")
        if row == 0:
            value = chart.values[self._position] if self._position < len(chart.values) else None
            said = "–" if value is None else chart.number.format(value)
            segments = [Segment(f"{chart.title} ", muted), Segment(said, base + chart.style)]
            return Strip(segments).adjust_cell_length(width, base)
        draw = self._dots if chart.dots else self._bars
        text = draw(number, row - 1, height)
        # Most lines are the same from one step to the next.
        kept = self._strips.get(y)
        if kept is None or kept[0] != text:
            top = chart.number.format(chart.high if row == 1 else chart.low) if row in (1, height) else ""
            label = [(letter, muted) for letter in f"{top[: _LABEL - 1]:>{_LABEL - 1}} "]
            drawn, rule = base + chart.style, self.style_of("charts--rule")
            cells = [(letter, rule if letter == _RULE else drawn) for letter in text]
            self._strips[y] = kept = (text, cells_to_strip([*label, *cells], width, base))
        return kept[1]

    def _bars(self, number: int, row: int, height: int) -> str:
        chart = self._charts[number]
        count, columns = len(chart.values), self._columns
        below = (height - 1 - row) * 8
        scale = height * 8 / ((chart.high - chart.low) or 1.0)
        text = []
        for column in range(columns):
            if column * count // columns > self._position:
                break
            last = max((column + 1) * count // columns - 1, column * count // columns)
            value = chart.values[min(last, self._position)]
            eighths = 0 if value is None else round(max(value - chart.low, 0.0) * scale) - below
            text.append(_EIGHTHS[min(max(eighths, 0), 8)])
        return "".join(text)

    def _dots(self, number: int, row: int, height: int) -> str:
        chart, columns = self._charts[number], self._columns
        until = self._position * columns // max(len(chart.values), 1)
        ruled = any(_log_row(chart, value, height) == row for value in chart.lines)
        text = [_RULE if ruled else " "] * (until + 1)
        for column, first in self._grids[number].get(row, []):
            if first <= self._position:
                text[column] = "•"
        return "".join(text)


def _log_row(chart: Chart, value: float, height: int) -> int:
    low, high = (math.log(max(v, 1.0)) for v in (chart.low, chart.high))
    part = (math.log(max(value, 1.0)) - high) / ((low - high) or 1.0)
    return min(max(round(part * (height - 1)), 0), max(height - 1, 0))


def _grid(chart: Chart, height: int, columns: int) -> dict[int, list[tuple[int, int]]]:
    """By row: each column with a dot, and the first position that made it."""
    seen: dict[tuple[int, int], int] = {}
    for position, value in enumerate(chart.values):
        if value is not None and height > 0:
            cell = (_log_row(chart, value, height), position * columns // len(chart.values))
            seen.setdefault(cell, position)
    rows: dict[int, list[tuple[int, int]]] = {}
    for (row, column), first in seen.items():
        rows.setdefault(row, []).append((column, first))
    return rows
