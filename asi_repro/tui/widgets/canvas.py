"""Braille dots on a grid of cells, and axes with round numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rich.style import Style

# Dots of a Braille cell by (column, row).
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_BLANK = 0x2800
Point = tuple[float, float]
Points = Sequence[Point]
Cell = tuple[str, Style]


def ticks(low: float, high: float, count: int) -> list[float]:
    """About `count` round numbers from `low` to `high`."""
    span = high - low
    if span <= 0 or count < 1 or not math.isfinite(span):
        return [low]
    raw = span / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw)
    first = math.ceil(low / step)
    return [round(n * step, 10) for n in range(first, math.floor(high / step) + 1)]


@dataclass(frozen=True)
class Axis:
    """Numbers along one side.

    Attributes:
        low, high: its ends; reversed (low above high) puts small numbers at the far end.
        log: whether equal ratios are equally far apart; both ends are above 0 then.
        clipped: whether there are values beyond its ends, which are drawn at them.
    """

    low: float
    high: float
    log: bool = False
    clipped: bool = False

    @classmethod
    def around(cls, values: Iterable[float], *, log: bool = False) -> Axis:
        """The axis that holds all values; logarithmic only where all are above 0."""
        known = [value for value in values if math.isfinite(value)]
        if not known:
            return cls(0.0, 1.0)
        return cls(min(known), max(known), log and min(known) > 0)

    def part(self, value: float) -> float:
        """Where a value stands, from 0 to 1; beyond the ends, at them."""
        low, high = self.low, self.high
        if self.log:
            low, high, value = math.log(low), math.log(high), math.log(max(value, 1e-300))
        return min(max((value - low) / ((high - low) or 1.0), 0.0), 1.0)

    def ticks(self, count: int) -> list[float]:
        """About `count` round numbers; on a logarithmic axis over more than a decade, 1, 2 and 5 of each."""
        low, high = sorted((self.low, self.high))
        if not self.log or high < 10 * low:
            return ticks(low, high, count)
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        factors = (1, 2, 5) if 3 * len(decades) <= 2 * count else (1,)
        every = [factor * 10.0**decade for decade in decades for factor in factors]
        return [value for value in every if low <= value <= high]


class Canvas:
    """Cells of dots; in a cell that two lines cross the later one gives the colour."""

    def __init__(self, width: int, height: int, blank: Style) -> None:
        self.width, self.height = width, height
        self._dots: dict[tuple[int, int], int] = {}
        self._styles: dict[tuple[int, int], Style] = {}
        self._glyphs: dict[tuple[int, int], Cell] = {}
        self._blank: Cell = (" ", blank)

    @property
    def across(self) -> int:
        """The last dot to the right."""
        return self.width * 2 - 1

    @property
    def up(self) -> int:
        """The last dot upwards."""
        return self.height * 4 - 1

    def dot(self, x: int, y: int, style: Style) -> None:
        """Set the dot at (x, y) in dots from the lower left."""
        column, row = x // 2, self.height - 1 - y // 4
        if 0 <= column < self.width and 0 <= row < self.height:
            self._dots[row, column] = self._dots.get((row, column), 0) | _DOTS[x % 2][3 - y % 4]
            self._styles[row, column] = style

    def line(self, a: tuple[int, int], b: tuple[int, int], style: Style) -> None:
        """A straight line of dots."""
        steps = max(abs(b[0] - a[0]), abs(b[1] - a[1]), 1)
        for step in range(steps + 1):
            x = a[0] + (b[0] - a[0]) * step / steps
            y = a[1] + (b[1] - a[1]) * step / steps
            self.dot(round(x), round(y), style)

    def put(self, row: int, column: int, glyph: str, style: Style) -> None:
        """A character in a cell, over its dots."""
        if 0 <= column < self.width and 0 <= row < self.height:
            self._glyphs[row, column] = (glyph, style)

    def cells(self, row: int) -> list[Cell]:
        """One line of the canvas."""
        return [self._cell(row, column) for column in range(self.width)]

    def _cell(self, row: int, column: int) -> Cell:
        if (glyph := self._glyphs.get((row, column))) is not None:
            return glyph
        if (dots := self._dots.get((row, column))) is None:
            return self._blank
        return chr(_BLANK + dots), self._styles[row, column]


def thinned(points: Iterable[Point], to_x: Callable[[float], int]) -> list[Point]:
    """The first, lowest, highest and last point of each column of dots: what a line shows of them."""
    found: list[Point] = []
    column: list[Point] = []
    at: int | None = None
    for point in points:
        if (x := to_x(point[0])) != at:
            found += _ends(column)
            column, at = [], x
        column.append(point)
    return found + _ends(column)


def _ends(column: list[Point]) -> list[Point]:
    if len(column) <= 2:
        return column
    low, high = (pick(column, key=lambda point: point[1]) for pick in (min, max))
    return [column[0], low, high, column[-1]]
