"""A figure on the screen: a cursor reads the values off, a click says which x was meant."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip

from asi_repro.tui.widgets.cached_styles import CachedStyles, cells_to_strip
from asi_repro.tui.widgets.canvas import Axis, Cell
from asi_repro.tui.widgets.drawing import LEFT, Drawing, Figure, Look


class Plot(CachedStyles):
    """A figure that fits itself to the room; a click says which x was meant."""

    DEFAULT_CSS = """
    Plot { height: 1fr; background: $background; }
    Plot > .plot--axis { color: $text-muted; }
    Plot > .plot--title { color: $text-muted; text-style: bold; }
    Plot > .plot--rule { color: $success; }
    Plot > .plot--cursor { color: $accent; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"plot--axis", "plot--title", "plot--rule", "plot--cursor"}

    @dataclass
    class Picked(Message):
        """Somebody clicked at (x, y)."""

        plot: Plot
        x: float
        y: float

        @property
        def control(self) -> Plot:
            return self.plot

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.figure = Figure()
        self._until: float | None = None
        self._cursor: float | None = None
        self._drawing: Drawing | None = None

    def show(self, figure: Figure) -> None:
        """Draw another figure."""
        self.figure = figure
        self._forget()

    def retitle(self, title: str) -> None:
        """Another title over the same lines."""
        self.figure = replace(self.figure, title=title)
        self.refresh()

    def at(self, x: float | None) -> None:
        """Put the cursor at `x`; None takes it away."""
        self._cursor = x
        self.refresh()

    def until(self, x: float | None) -> None:
        """Draw what is up to `x` only, with the cursor there."""
        self._until = self._cursor = x
        self._forget()

    def _forget(self) -> None:
        self._drawing = None
        self.refresh()

    def forget_styles(self) -> None:
        super().forget_styles()
        self._drawing = None

    # Drawing

    def render_line(self, y: int) -> Strip:
        base, width = self.style_of(), self.size.width
        if y == 0 and self.figure.title:
            return _fitted(self._title(), width, base)
        drawing = self._drawn()
        row = y - bool(self.figure.title)
        if row >= len(drawing.rows):
            return Strip.blank(width, base)
        return cells_to_strip(self._with_cursor(drawing, row), width, base).crop_extend(0, width, base)

    def _title(self) -> Strip:
        title = self.style_of("plot--title")
        cells = [(letter, title) for letter in f"{self.figure.title}  "]
        alone = len(self.figure.series) == 1
        for one in self.figure.series if self._cursor is not None else ():
            if one.kind == "dots" or not (alone or one.letter or one.label):
                continue
            if (value := one.at(self._cursor or 0.0)) is not None:
                style = self.style_of() + one.style
                name = one.letter or ("" if alone else one.label)
                cells += [(letter, style) for letter in f"{name} {one.number.format(value)}  ".lstrip()]
        return cells_to_strip(cells, len(cells), title)

    def _drawn(self) -> Drawing:
        kept, width, height = self._drawing, self.size.width, self.size.height - bool(self.figure.title)
        if kept is None or (kept.width, kept.height) != (width, height):
            look = Look(self.style_of(), self.style_of("plot--axis"), self.style_of("plot--rule"))
            self._drawing = kept = Drawing(self.figure, width, height, look, self._until)
        return kept

    def _with_cursor(self, drawing: Drawing, number: int) -> list[Cell]:
        row, (columns, rows) = drawing.rows[number], drawing.room
        if self._cursor is None or number >= rows or columns < 1:
            return row
        place = LEFT + round(drawing.x.part(self._cursor) * (columns * 2 - 1)) // 2
        if place >= len(row) or row[place][0] not in (" ", "─"):
            return row
        return [*row[:place], ("│", self.style_of("plot--cursor")), *row[place + 1 :]]

    def on_click(self, event: events.Click) -> None:
        drawing = self._drawn()
        columns, rows = drawing.room
        row, column = event.y - bool(self.figure.title), event.x - LEFT
        if not (0 <= row < rows and 0 <= column < columns):
            return
        x, y = drawing.x, drawing.y
        self.post_message(
            self.Picked(self, _value(x, column / max(columns - 1, 1)), _value(y, 1 - row / max(rows - 1, 1)))
        )


def _fitted(title: Strip, width: int, base: Style) -> Strip:
    """A line in `width` cells; what is cut says so."""
    if title.cell_length <= width:
        return title.extend_cell_length(width, base)
    return Strip.join([title.crop(0, width - 1), Strip([Segment("…", base)], 1)])


def _value(axis: Axis, part: float) -> float:
    if axis.log:
        return math.exp(math.log(axis.low) + part * (math.log(axis.high) - math.log(axis.low)))
    return axis.low + part * (axis.high - axis.low)
