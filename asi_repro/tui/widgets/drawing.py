"""A figure of lines and dots over axes, as cells."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby, pairwise
from typing import Literal

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from asi_repro.tui.widgets.canvas import Axis, Canvas, Cell, Points, thinned
from asi_repro.tui.widgets.text import cell

LEFT = 9  # cells of the numbers at the left, with the axis
_SMALLEST = (LEFT + 8, 4)
_LABEL = 24  # cells of a label at a line's end
_LABELS_FROM = 60  # columns from which there is room for them


@dataclass(frozen=True)
class Series:
    """One line, or points.

    Attributes:
        letter: in the legend and, where there is no room for the label, at the line's end; may be empty.
        label: at the line's end; made safe already.
        points: (x, y) in order of x.
        style: of its dots.
        kind: "steps" holds a value until the next.
        styles: of each point, instead of `style`; dots only.
        number: how a value is written.
    """

    letter: str
    label: str
    points: Points
    style: Style
    kind: Literal["line", "steps", "dots"] = "line"
    styles: Sequence[Style] = ()
    number: str = "{:.4g}"

    def at(self, x: float) -> float | None:
        """The value at `x`: that of the last point up to it."""
        place = bisect_right(self.points, x, key=lambda point: point[0])
        if not place or (self.kind == "line" and x > self.points[-1][0]):
            return None
        return self.points[place - 1][1]


@dataclass(frozen=True)
class Figure:
    """What a plot shows.

    Attributes:
        title: above it.
        series: drawn in this order.
        x, y: the axes; around the points where None.
        unit: of x, written beside its numbers.
        rules: values of y with a level line.
        number: how the numbers of the y axis are written; all as fine as the finest where empty.
    """

    title: str = ""
    series: Sequence[Series] = ()
    x: Axis | None = None
    y: Axis | None = None
    unit: str = ""
    rules: Sequence[float] = ()
    number: str = ""
    marks: Sequence[tuple[float, float, str, Style]] = field(default=())
    """Characters at (x, y)."""


def clipped(series: Sequence[Series], start: float = 0.1) -> Axis:
    """The axis of y without what only the first part of the lines reaches: a loss falls from 11 to 3.

    Args:
        start: the part of x whose values may lie beyond the axis.
    """
    points = [point for one in series for point in one.points]
    x = Axis.around(point[0] for point in points)
    whole = Axis.around(point[1] for point in points)
    later = Axis.around([p[1] for p in points if x.part(p[0]) >= start] or [whole.high])
    return Axis(whole.low, later.high, clipped=whole.high > later.high)


@dataclass(frozen=True)
class Look:
    """Styles of a drawing: of what is behind it, of the axes, and of level lines."""

    base: Style
    axis: Style
    rule: Style


class Drawing:
    """A figure in `height` lines of `width` cells.

    Args:
        until: draw what is up to this x only.
    """

    def __init__(
        self, figure: Figure, width: int, height: int, look: Look, until: float | None = None
    ) -> None:
        self.figure, self.width, self.height, self.look = figure, width, height, look
        self.until = math.inf if until is None else until
        points = [point for one in figure.series for point in one.points]
        self.x = figure.x or Axis.around(point[0] for point in points)
        self.y = figure.y or Axis.around([*(point[1] for point in points), *figure.rules])

    @cached_property
    def labelled(self) -> bool:
        """Whether there is room for names at the lines' ends."""
        return self.width >= _LABELS_FROM and any(one.label for one in self.figure.series)

    @cached_property
    def room(self) -> tuple[int, int]:
        """Columns and rows of the canvas."""
        right = 0
        if self.labelled:
            right = min(max(cell_len(_named(one)) for one in self.figure.series) + 1, _LABEL)
        return self.width - LEFT - right, self.height - 2

    @cached_property
    def rows(self) -> list[list[Cell]]:
        """The lines' cells."""
        base, axis = self.look.base, self.look.axis
        columns, rows = self.room
        has_points = any(one.points for one in self.figure.series)
        x, y = self.x, self.y
        if columns + LEFT < _SMALLEST[0] or rows < _SMALLEST[1] - 2 or not has_points:
            said = "no room for the plot" if has_points else "nothing to plot"
            return [[(letter, axis) for letter in said]]
        canvas = Canvas(columns, rows, base)
        self._rules(canvas, y)
        ends = [self._one(canvas, one, x, y) for one in self.figure.series]
        for at, value, glyph, style in self.figure.marks:
            place = (round(x.part(at) * canvas.across), round(y.part(value) * canvas.up))
            canvas.put(rows - 1 - place[1] // 4, place[0] // 2, glyph, base + style)
        labels = self._labels(ends, rows) if self.labelled else self._letters(canvas, ends)
        numbers = _spread(
            {rows - 1 - round(y.part(t) * canvas.up) // 4: t for t in y.ticks(max(rows // 2, 2))}, rows
        )
        if y.clipped:
            numbers.pop(0, None)
        form = self.figure.number or _form(numbers.values(), log=y.log)
        lines = []
        for number in range(rows):
            text = form.format(numbers[number]) if number in numbers else ""
            if y.clipped and number == 0:
                text = f"≥{(self.figure.number or '{:g}').format(float(f'{y.high:.3g}'))}"
            left = [(c, axis) for c in f"{text[: LEFT - 2]:>{LEFT - 2}} {'┤' if text else '│'}"]
            lines.append([*left, *canvas.cells(number), *labels.get(number, [])])
        lines.append([(letter, axis) for letter in " " * (LEFT - 1) + "└" + "─" * columns])
        lines.append([(letter, axis) for letter in _x_axis(x, columns, self.figure.unit)])
        return lines

    def _rules(self, canvas: Canvas, y: Axis) -> None:
        style = self.look.rule
        for value in self.figure.rules:
            row = canvas.height - 1 - round(y.part(value) * canvas.up) // 4
            for column in range(canvas.width):
                canvas.put(row, column, "─", style)

    def _one(self, canvas: Canvas, one: Series, x: Axis, y: Axis) -> tuple[Series, int, int]:
        """Draw it; where it ends, in dots."""

        def to_x(value: float) -> int:
            return round(x.part(value) * canvas.across)

        def to_y(value: float) -> int:
            return round(y.part(value) * canvas.up)

        base = self.look.base
        points = [point for point in one.points if point[0] <= self.until]
        if one.kind == "dots":
            style = base + one.style
            styles = [base + its for its in one.styles] if one.styles else [style] * len(points)
            for (px, py), its in zip(points, styles, strict=False):
                canvas.dot(to_x(px), to_y(py), its)
            return one, -1, -1
        placed = [(to_x(px), to_y(py)) for px, py in thinned(points, to_x)]
        if one.kind == "steps":
            if placed and self.until == math.inf:
                placed.append((canvas.across, placed[-1][1]))
            placed = [*placed[:1], *(p for a, b in pairwise(placed) for p in ((b[0], a[1]), b))]
        style = base + one.style
        beyond = canvas.up if y.clipped else math.inf
        for a, b in pairwise(placed):
            if a[1] < beyond or b[1] < beyond:
                canvas.line(a, b, style)
        if len(placed) == 1:
            canvas.dot(*placed[0], style)
        return (one, *placed[-1]) if placed else (one, -1, -1)

    def _labels(self, ends: list[tuple[Series, int, int]], rows: int) -> dict[int, list[Cell]]:
        """Names beside the canvas, each as near as may be to where its line ends."""
        named = ((rows - 1 - y // 4, one) for one, x, y in ends if x >= 0 and _named(one))
        shown = sorted(named, key=lambda end: end[0])
        places: list[int] = []
        for row, _ in shown:
            places.append(max(row, places[-1] + 1 if places else 0))
        for back in range(len(places) - 1, -1, -1):  # what ran out below moves up
            limit = rows - 1 if back == len(places) - 1 else places[back + 1] - 1
            places[back] = min(places[back], limit)
        base, room = self.look.base, self.width - LEFT - self.room[0] - 1
        return {
            place: [(c, base + one.style) for c in f" {cell(_named(one), max(room, 2))}"]
            for place, (_, one) in zip(places, shown, strict=True)
            if place >= 0
        }

    def _letters(self, canvas: Canvas, ends: list[tuple[Series, int, int]]) -> dict[int, list[Cell]]:
        used: set[tuple[int, int]] = set()
        for one, x, y in ends:
            if x < 0 or not one.letter:
                continue
            row, column = canvas.height - 1 - y // 4, min(x // 2 + 1, canvas.width - 1)
            while (row, column) in used and column > 1:
                column -= 2  # beside the other, as both end at this height
            used.add((row, column))
            canvas.put(row, column, one.letter, self.look.base + one.style + Style(bold=True))
        return {}


def _named(one: Series) -> str:
    return f"{one.letter} {one.label}".strip()


def _form(numbers: Iterable[float], *, log: bool) -> str:
    """How numbers are written so that their points stand below each other."""
    said = [f"{number:g}" for number in numbers]
    if log or any("e" in one for one in said):
        return "{:g}"
    return f"{{:.{max((len(one.partition('.')[2]) for one in said), default=0)}f}}"


def _spread(numbers: dict[int, float], rows: int) -> dict[int, float]:
    """Not more than every second row has a number."""
    kept: dict[int, float] = {}
    for row in sorted(numbers, reverse=True):
        if not kept or min(kept) - row > 1 or rows < 6:
            kept[row] = numbers[row]
    return kept


def _x_axis(axis: Axis, columns: int, unit: str) -> str:
    cells = list(f"{unit:>{LEFT - 2}}".ljust(columns + LEFT))
    free = max(len(unit), LEFT - 2) + 1 if unit else 0
    for tick in axis.ticks(max(columns // 12, 1)):
        label = f"{tick:g}" if abs(tick) < 1e4 else f"{tick:,.0f}"
        place = LEFT + round(axis.part(tick) * (columns - 1)) - len(label) // 2
        place = min(max(place, free), len(cells) - len(label))
        if place >= free:
            cells[place : place + len(label)] = label
            free = place + len(label) + 1
    return "".join(cells)


def as_text(rows: Sequence[Sequence[Cell]]) -> list[Text]:
    """Cells as lines of text."""
    lines = []
    for row in rows:
        text = Text(no_wrap=True, end="")
        for style, run in groupby(row, key=lambda one: one[1]):
            text.append("".join(glyph for glyph, _ in run), style=style)
        lines.append(text)
    return lines
