"""A matrix of glyphs with a fixed head and a fixed first column, at any size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from asi_repro.tui.widgets.cached_styles import CachedStyles
from asi_repro.tui.widgets.text import cell

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


class Matrix(CachedStyles, ScrollView, can_focus=True):
    """Rows by columns with a cursor on one cell; the head and the rows' names stay when it scrolls.

    Posts `Moved` when the cursor moves and `Selected` on enter or a click on the cell it is on.
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
    cursor: reactive[Offset] = reactive(Offset(0, 0), repaint=False)

    @dataclass
    class Moved(Message):
        """The cursor is on another cell: its row and column."""

        row: int
        column: int

    class Selected(Moved):
        """A cell was chosen."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._columns: Sequence[Column] = ()
        self._names: Sequence[str] = ()
        self._marks: Sequence[Sequence[Mark]] = ()
        self._segments: dict[tuple[str, int, int], Segment] = {}
        self._longest = 0
        self.name_width, self.cell_width = 12, _CELL[0]

    def show(self, columns: Sequence[Column], names: Sequence[str], marks: Sequence[Sequence[Mark]]) -> None:
        """Show other cells.

        Args:
            names: of the rows, already made safe.
            marks: of each row, one a column.
        """
        self._columns, self._names, self._marks = columns, names, marks
        self._segments = {}  # a glyph has one style in one theme
        self._longest = max(map(cell_len, names), default=0)
        self._measure()
        self.cursor = self._kept_in(self.cursor)
        self.post_message(self.Moved(self.cursor.y, self.cursor.x))
        self.refresh()

    def _measure(self) -> None:
        """Widths: the names as they need, a third of the room at most; the columns share the rest."""
        width = self.size.width
        self.name_width = min(self._longest + 1, max(width // 3, 12))
        room = (width - self.name_width - 1) // max(len(self._columns), 1)
        self.cell_width = min(max(room, _CELL[0]), _CELL[1])
        whole = self.name_width + len(self._columns) * self.cell_width
        self.virtual_size = Size(whole, len(self._names) + _HEAD)

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
        before_scroll = self.scroll_offset
        self._reveal()
        if before.x == now.x and self.scroll_offset == before_scroll:
            for row in (before.y, now.y):
                self.refresh(Region(0, row + _HEAD - self.scroll_offset.y, self.size.width, 1))
        else:
            self.refresh()
        self.post_message(self.Moved(now.y, now.x))

    def _reveal(self) -> None:
        rows = max(self.scrollable_content_region.height - _HEAD, 1)
        columns = self._fitting
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

    @property
    def _fitting(self) -> int:
        """How many whole columns there is room for: half a cell cannot be read."""
        return max((self.scrollable_content_region.width - self.name_width) // self.cell_width, 1)

    def on_resize(self) -> None:
        self._measure()
        self._reveal()

    # Drawing

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        first = -(-self.scroll_offset.x // self.cell_width)
        base = self.style_of()
        if y < _HEAD:
            segments = self._head_line(y, first)
            fill = self.style_of("matrix--head")
        else:
            row = y - _HEAD + self.scroll_offset.y
            segments = self._row_line(row, first) if row < len(self._names) else []
            fill = base
        return Strip(segments).adjust_cell_length(width, fill)

    def _head_line(self, y: int, first: int) -> list[Segment]:
        style = self.style_of("matrix--head")
        wide, lead = self.cell_width, self.name_width
        shown = self._columns[first : first + self._fitting]
        if y == 0:
            group_style = self.style_of("matrix--group")
            segments = [Segment(" " * lead, style)]
            place = 0
            while place < len(shown):
                end = place
                while end < len(shown) and shown[end].group == shown[place].group:
                    end += 1
                room = (end - place) * wide
                segments.append(Segment(cell("▏" + shown[place].group, room), group_style))
                place = end
            return segments
        label = "" if y == 1 else " failing"
        segments = [Segment(set_cell_size(label, lead), style)]
        for place, column in enumerate(shown, first):
            text = column.short if y == 1 else column.count
            on = self.style_of("matrix--on") if place == self.cursor.x else style
            segments.append(Segment(set_cell_size(text[: wide - 1].rjust(wide - 1), wide), on))
        return segments

    def _row_line(self, row: int, first: int) -> list[Segment]:
        here = row == self.cursor.y
        name_style = self.style_of("matrix--on" if here else "matrix--name")
        segments = [Segment(cell(self._names[row], self.name_width - 1) + " ", name_style)]
        column = self.cursor.x
        for place, mark in enumerate(self._marks[row][first : first + self._fitting], first):
            state = (here or place == column) + (here and place == column)
            segments.append(self._segment(mark, state))
        return segments

    def _segment(self, mark: Mark, state: int) -> Segment:
        """A cell away from the cursor (0), in its row or column (1), or under it (2)."""
        key = (mark.glyph, state, self.cell_width)
        if key not in self._segments:
            wide = self.cell_width
            text = set_cell_size(mark.glyph.rjust(wide - 1), wide)
            style = self.style_of((None, "matrix--on", "matrix--cursor")[state])
            self._segments[key] = Segment(text, style if state == 2 else style + mark.style)
        return self._segments[key]

    def forget_styles(self) -> None:
        super().forget_styles()
        self._segments = {}

    # Actions

    def action_move(self, rows: int, columns: int) -> None:
        self.cursor = self._kept_in(self.cursor + Offset(columns, rows))

    def action_page(self, way: int) -> None:
        self.action_move(way * max(self.size.height - _HEAD - 1, 1), 0)

    def action_edge(self, rows: int, columns: int) -> None:
        self.action_move(rows * len(self._names), columns * len(self._columns))

    def action_choose(self) -> None:
        if self._names:
            self.post_message(self.Selected(self.cursor.y, self.cursor.x))

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
