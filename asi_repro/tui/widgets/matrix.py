"""A matrix of glyphs with a fixed head and a fixed first column, at any size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Offset, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

_CELL = (4, 5)  # least and most cells that a column takes
_HEAD = 3


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its group, a short name of up to four letters, and a count shown below."""

    group: str
    short: str
    count: str


@dataclass(frozen=True, slots=True)
class Mark:
    """One cell."""

    glyph: str
    style: Style


class Matrix(ScrollView, can_focus=True):
    """Rows by columns with a cursor on one cell; the head and the rows' names stay when it scrolls.

    Posts `Moved` when the cursor moves and `Chosen` on enter or a click on the cell it is on.
    """

    DEFAULT_CSS = """
    Matrix { height: 1fr; background: $background; overflow: auto; scrollbar-size: 0 1; }
    Matrix > .matrix--head { background: $surface; color: $text-muted; }
    Matrix > .matrix--group { background: $surface; color: $primary; text-style: bold; }
    Matrix > .matrix--name { color: $foreground; }
    Matrix > .matrix--on { background: $panel; }
    Matrix > .matrix--cursor { background: $primary-muted; text-style: bold reverse; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "matrix--head", "matrix--group", "matrix--name", "matrix--on", "matrix--cursor",
    }  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1, 0)", "Up", show=False),
        Binding("down,j", "move(1, 0)", "Down", show=False),
        Binding("left,h", "move(0, -1)", "Left", show=False),
        Binding("right,l", "move(0, 1)", "Right", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "edge(0, -1)", "First column", show=False),
        Binding("end", "edge(0, 1)", "Last column", show=False),
        Binding("ctrl+home,g", "edge(-1, 0)", "First row", show=False),
        Binding("ctrl+end", "edge(1, 0)", "Last row", show=False),
        Binding("enter", "choose", "Open", show=False, tooltip="Open the row's certificate"),
    ]
    cursor: reactive[Offset] = reactive(Offset(0, 0))

    class Moved(Message):
        """The cursor is on another cell: its row and column."""

        def __init__(self, row: int, column: int) -> None:
            super().__init__()
            self.row, self.column = row, column

    class Chosen(Moved):
        """A cell was chosen."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._columns: Sequence[Column] = ()
        self._names: Sequence[str] = ()
        self._marks: Sequence[Sequence[Mark]] = ()

    def show(self, columns: Sequence[Column], names: Sequence[str], marks: Sequence[Sequence[Mark]]) -> None:
        """Show other cells.

        Args:
            names: of the rows, already made safe.
            marks: of each row, one a column.
        """
        self._columns, self._names, self._marks = columns, names, marks
        self._measure()
        self.cursor = self._kept_in(self.cursor)
        self.post_message(self.Moved(self.cursor.y, self.cursor.x))
        self.refresh()

    @property
    def name_width(self) -> int:
        """Cells of the first column: as the names need, a third of the width at most."""
        longest = max(map(len, self._names), default=0) + 1
        return min(longest, max(self.size.width // 3, 12))

    @property
    def cell_width(self) -> int:
        room = self.size.width - self.name_width - 1
        return min(max(room // max(len(self._columns), 1), _CELL[0]), _CELL[1])

    def _measure(self) -> None:
        width = self.name_width + len(self._columns) * self.cell_width
        self.virtual_size = Size(width, len(self._names) + _HEAD)

    def _kept_in(self, place: Offset) -> Offset:
        return Offset(
            min(max(place.x, 0), max(len(self._columns) - 1, 0)),
            min(max(place.y, 0), max(len(self._names) - 1, 0)),
        )

    def validate_cursor(self, place: Offset) -> Offset:
        return self._kept_in(place)

    def watch_cursor(self, before: Offset, now: Offset) -> None:
        if before == now or not self._names:
            return
        self._reveal()
        self.refresh()
        self.post_message(self.Moved(now.y, now.x))

    def _reveal(self) -> None:
        rows = max(self.scrollable_content_region.height - _HEAD, 1)
        columns = max((self.scrollable_content_region.width - self.name_width) // self.cell_width, 1)
        top, first = self.scroll_offset.y, self.scroll_offset.x // self.cell_width
        if self.cursor.y < top:
            top = self.cursor.y
        elif self.cursor.y >= top + rows:
            top = self.cursor.y - rows + 1
        if self.cursor.x < first:
            first = self.cursor.x
        elif self.cursor.x >= first + columns:
            first = self.cursor.x - columns + 1
        self.scroll_to(x=first * self.cell_width, y=top, animate=False, force=True)

    def on_resize(self) -> None:
        self._measure()
        self._reveal()

    # Drawing

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        # Whole columns only: half a cell cannot be read.
        first = -(-self.scroll_offset.x // self.cell_width)
        base = self.rich_style
        if y < _HEAD:
            segments = self._head_line(y, first)
            fill = self.get_component_rich_style("matrix--head")
        else:
            row = y - _HEAD + self.scroll_offset.y
            segments = self._row_line(row, first) if row < len(self._names) else []
            fill = base
        return Strip(segments).adjust_cell_length(width, fill)

    def _head_line(self, y: int, first: int) -> list[Segment]:
        style = self.get_component_rich_style("matrix--head")
        wide, lead = self.cell_width, self.name_width
        shown = self._columns[first:]
        if y == 0:
            group_style = self.get_component_rich_style("matrix--group")
            segments = [Segment(" " * lead, style)]
            place = 0
            while place < len(shown):
                end = place
                while end < len(shown) and shown[end].group == shown[place].group:
                    end += 1
                room = (end - place) * wide
                segments.append(Segment(set_cell_size("▏" + shown[place].group, room), group_style))
                place = end
            return segments
        label = "" if y == 1 else " failing"
        segments = [Segment(set_cell_size(label, lead), style)]
        for place, column in enumerate(shown, first):
            text = column.short if y == 1 else column.count
            on = self.get_component_rich_style("matrix--on") if place == self.cursor.x else style
            segments.append(Segment(set_cell_size(text[: wide - 1].rjust(wide - 1), wide), on))
        return segments

    def _row_line(self, row: int, first: int) -> list[Segment]:
        here = row == self.cursor.y
        base = self.get_component_rich_style("matrix--on") if here else self.rich_style
        name_style = base + self.get_component_rich_style("matrix--name", partial=True)
        segments = [Segment(set_cell_size(self._names[row], self.name_width - 1) + " ", name_style)]
        on = self.get_component_rich_style("matrix--on")
        wide = self.cell_width
        for place, mark in enumerate(self._marks[row][first:], first):
            style = base if place != self.cursor.x else on
            if here and place == self.cursor.x:
                style = self.get_component_rich_style("matrix--cursor")
            text = set_cell_size(mark.glyph.rjust(wide - 1), wide)
            segments.append(
                Segment(text, style + mark.style if not (here and place == self.cursor.x) else style)
            )
        return segments

    # Actions

    def action_move(self, rows: int, columns: int) -> None:
        self.cursor = self._kept_in(self.cursor + Offset(columns, rows))

    def action_page(self, way: int) -> None:
        self.action_move(way * max(self.size.height - _HEAD - 1, 1), 0)

    def action_edge(self, rows: int, columns: int) -> None:
        self.action_move(rows * len(self._names), columns * len(self._columns))

    def action_choose(self) -> None:
        if self._names:
            self.post_message(self.Chosen(self.cursor.y, self.cursor.x))

    def on_click(self, event: events.Click) -> None:
        first = -(-self.scroll_offset.x // self.cell_width)
        row = event.y - _HEAD + self.scroll_offset.y
        column = (
            (event.x - self.name_width) // self.cell_width + first if event.x >= self.name_width else None
        )
        if event.y < _HEAD or row >= len(self._names):
            return
        place = self._kept_in(Offset(self.cursor.x if column is None else column, row))
        if place == self.cursor:
            self.action_choose()
        self.cursor = place
