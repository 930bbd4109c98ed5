"""A list of lines with a cursor: what Textual's own lists do, for lines already laid out, at any length."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from asi_repro.tui.widgets.cached_styles import CachedStyles
from asi_repro.tui.widgets.fast_scroll import FastScrollView, fit_strip

_SIDEWAYS = 8


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Attributes:
        text: made safe already (`widgets.text`).
        key: what it stands for, None for text only; the cursor finds its line again by it.
        rest: whether the cursor may rest on it; headings are passed over.
        paint: makes the text as it is painted, of the same width, where colours cost something.
    """

    text: Text
    key: Hashable = None
    rest: bool = True
    paint: Callable[[], Text] | None = None


class LazyLines(Sequence[Line]):
    """Lines made when they are asked for, so that their number costs nothing.

    Attributes:
        width: cells of the longest; 0 where none is longer than the room.
    """

    width = 0

    def place(self, key: Hashable) -> int | None:
        """The number of the line of that key."""
        raise NotImplementedError


class LineList(FastScrollView, CachedStyles, can_focus=True):
    """Lines below a fixed heading.

    Posts `Highlighted` when the cursor moves and `Selected` on enter or a click on the line it is on.
    """

    DEFAULT_CSS = """
    LineList { height: 1fr; }
    LineList > .lines--cursor { background: $panel; text-style: bold; }
    LineList:focus > .lines--cursor { background: $row-cursor; text-style: bold; }
    LineList > .lines--head { background: $surface; color: $text-muted; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"lines--cursor", "lines--head"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "edge(-1)", "First", show=False),
        Binding("end", "edge(1)", "Last", show=False),
        Binding("left", "sideways(-1)", "Scroll left", show=False),
        Binding("right", "sideways(1)", "Scroll right", show=False),
        Binding("enter", "choose", "Open", show=False, tooltip="Open what the line stands for"),
    ]
    cursor: reactive[int] = reactive(-1, repaint=False)  # its lines are: `watch_cursor`

    class Highlighted(Message):
        """The cursor is on another line."""

        def __init__(self, line_list: LineList, line: Line) -> None:
            super().__init__()
            self.line_list, self.line = line_list, line

        @property
        def control(self) -> LineList:
            return self.line_list

    class Selected(Highlighted):
        """A line was chosen."""

    class Resized(Message):
        """There is another width for the lines, or the first."""

        def __init__(self, line_list: LineList) -> None:
            super().__init__()
            self.line_list = line_list

        @property
        def control(self) -> LineList:
            return self.line_list

    def __init__(
        self,
        *,
        empty: str = "",
        fixed: bool = False,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """A list of no lines yet.

        Args:
            empty: what to say where there are none.
            fixed: whether the cursor is hidden and the lines only scroll.
        """
        super().__init__(id=id, classes=classes)
        self._lines: Sequence[Line] = ()
        self._heads: list[Text] = []
        self._empty = empty
        self._fixed = fixed
        self._strips: dict[int, Strip] = {}
        self._still = False

    @property
    def lines(self) -> Sequence[Line]:
        """What is listed."""
        return self._lines

    @property
    def line(self) -> Line | None:
        """The line that the cursor is on."""
        return self._lines[self.cursor] if 0 <= self.cursor < len(self._lines) else None

    def show(self, lines: Sequence[Line], head: Text | None = None, *, keep: bool = True) -> None:
        """List other lines; with `keep`, the cursor stays on its key, or else its place.

        The heading, of one line or more, stays where it is when the others scroll.
        """
        before, place = self.line, self.cursor
        self._replace(lines, head)
        wanted = place if keep else 0
        if keep and before is not None and before.key is not None:
            there = self._place(before.key)
            wanted = place if there is None else there
        # What is above the first line to rest on is to be seen first, and other lines do not move the view
        # of somebody who only reads.
        self._still = not (keep and self.has_focus)
        self._put(wanted, 1)
        self._still = False
        if not keep:
            self.scroll_to(0, 0, animate=False, force=True)

    def _replace(self, lines: Sequence[Line], head: Text | None) -> None:
        """Other lines, the cursor where it is."""
        self._lines, self._heads = lines, [] if head is None else list(head.split("\n"))
        self._strips.clear()
        if isinstance(lines, LazyLines):
            width = lines.width
        else:
            width = max((line.text.cell_len for line in lines), default=0)
        self.set_virtual_size(Size(width, len(lines) + len(self._heads)))
        self.refresh()

    def go(self, key: Hashable) -> bool:
        """Put the cursor on the line of that key; whether there is one."""
        found = self._place(key)
        if found is not None:
            self.go_to_line(found)
        return found is not None

    def _place(self, key: Hashable) -> int | None:
        if isinstance(self._lines, LazyLines):
            return self._lines.place(key)
        return next((n for n, line in enumerate(self._lines) if line.key == key), None)

    def go_to_line(self, number: int) -> None:
        """Put the cursor on a line, with others seen around it."""
        self.cursor = number
        self.show_around(number, head=len(self._heads))

    @property
    def place(self) -> int | None:
        """Number of the line where one is; None where that is the first."""
        if self._fixed:
            return self.scroll_offset.y or None
        first = next((n for n, line in enumerate(self._lines) if line.rest), 0)
        return self.cursor if self.cursor > first else None

    def go_to_place(self, number: int) -> bool:
        """Go back to a place; whether there is such a line."""
        there = 0 <= number < len(self._lines)
        if there and self._fixed:
            # After the layout: before it nothing can be scrolled.
            self.call_after_refresh(self.scroll_to, y=number, animate=False, force=True, immediate=True)
        elif there:
            self.go_to_line(number)
        return there

    def set_head(self, head: Text) -> None:
        """Another heading over the same lines."""
        self._heads = list(head.split("\n"))
        self.set_virtual_size(Size(self.virtual_size.width, len(self._lines) + len(self._heads)))
        self.refresh()

    def set_empty(self, text: str) -> None:
        """Say something else where there are no lines."""
        self._empty = text
        self.refresh()

    def next_key(self, step: int) -> None:
        """Put the cursor on the next line that stands for something."""
        place = self.cursor + step
        while 0 <= place < len(self._lines):
            if self._lines[place].key is not None and self._lines[place].rest:
                self.cursor = place
                return
            place += step

    def _put(self, place: int, direction: int) -> None:
        """The cursor on `place`, or the nearest line where it may rest."""
        count = len(self._lines)
        if not count:
            self.cursor = -1
            return
        place = min(max(place, 0), count - 1)
        for way in (direction, -direction):
            there = place
            while 0 <= there < count:
                if self._lines[there].rest:
                    self.cursor = there
                    return
                there += way
        self.cursor = -1

    def watch_cursor(self, before: int, now: int) -> None:
        head = len(self._heads)
        for place in (before, now):
            self._strips.pop(place, None)
            self.refresh(Region(0, place + head - self.scroll_offset.y, self.size.width, 1))
        if 0 <= now < len(self._lines):
            if not self._still:
                self._reveal(now)
            self.post_message(self.Highlighted(self, self._lines[now]))

    def _reveal(self, place: int) -> None:
        head = len(self._heads)
        room = max(self.scrollable_content_region.height - head, 1)
        top = self.scroll_offset.y
        if place < top:
            # Headings just above are of the same piece: show them too.
            while place > 0 and not self._lines[place - 1].rest:
                place -= 1
            self.scroll_to(y=place, animate=False, force=True, immediate=True)
        elif place >= top + room:
            self.scroll_to(y=place - room + 1, animate=False, force=True, immediate=True)

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        base = self.style_of()
        left = self.scroll_offset.x
        if y < len(self._heads):
            style = self.style_of("lines--head")
            return fit_strip(self._strip(self._heads[y], style), left, width, style)
        y -= len(self._heads)
        place = y + self.scroll_offset.y
        if place >= len(self._lines):
            said = not self._lines and y == 0 and self._empty
            text = Text(self._empty, style="dim") if said else Text()
            return self._strip(text, base).crop_extend(0, width, base)
        on = place == self.cursor and not self._fixed
        style = self.style_of("lines--cursor") if on else base
        if place not in self._strips:
            strip = self._strip(self._painted(self._lines[place], on), style)
            if on:  # a line's own background would hide where the cursor is
                shown = Segment.apply_style(strip, post_style=Style(bgcolor=style.bgcolor))
                strip = Strip(shown, strip.cell_length)
            self._strips[place] = strip
        return fit_strip(self._strips[place], left, width, style)

    def _painted(self, line: Line, on: bool) -> Text:
        """A line as it is painted; `on` where the cursor is."""
        return line.text if line.paint is None else line.paint()

    def _strip(self, text: Text, style: Style) -> Strip:
        segments = [s for s in text.render(self.app.console) if s.text and s.text != "\n"]
        # A text's own style is in what it renders only where a part of it has another.
        whole = text.style if isinstance(text.style, Style) else Style.parse(text.style)
        return Strip(Segment.apply_style(segments, style + whole), text.cell_len)

    def forget_styles(self) -> None:
        super().forget_styles()
        self._strips.clear()

    def on_resize(self) -> None:
        self.post_message(self.Resized(self))
        if self.has_focus and 0 <= self.cursor < len(self._lines):
            self._reveal(self.cursor)

    def action_move(self, step: int) -> None:
        if self._fixed:
            self.scroll_relative(y=step, animate=False)
        elif self._lines:
            place = self.cursor + step
            while 0 <= place < len(self._lines) and not self._lines[place].rest:
                place += step
            if 0 <= place < len(self._lines):
                self.cursor = place
            else:  # nothing to rest on beyond: show what is there
                self.scroll_relative(y=step, animate=False)

    def action_page(self, step: int) -> None:
        if self._fixed:
            self.scroll_relative(y=step * self.size.height, animate=False)
        else:
            before = self.cursor
            self._put(before + step * max(self.size.height - 2, 1), step)
            if self.cursor == before:  # nothing to rest on beyond: show what is there
                self.scroll_relative(y=step * max(self.size.height - 2, 1), animate=False)

    def action_edge(self, way: int) -> None:
        if self._fixed:
            self.scroll_to(y=0 if way < 0 else self.virtual_size.height, animate=False)
        else:
            self._put(0 if way < 0 else len(self._lines) - 1, -way)
            self.scroll_to(y=0 if way < 0 else self.virtual_size.height, animate=False, immediate=True)

    def action_sideways(self, way: int) -> None:
        self.scroll_relative(x=way * _SIDEWAYS, animate=False)

    def action_choose(self) -> None:
        if self.line is not None:
            self.post_message(self.Selected(self, self.line))

    def on_click(self, event: events.Click) -> None:
        place = event.y + self.scroll_offset.y - len(self._heads)
        if event.y < len(self._heads) or not 0 <= place < len(self._lines):
            return
        if self._lines[place].rest:
            if place == self.cursor:
                self.action_choose()
            self.cursor = place


def next_place(places: Sequence[int], at: int, step: int) -> tuple[int, str]:
    """The next of these places, in order, and which of how many it is; round the end if there is none."""
    ahead = [n for n, place in enumerate(places) if (place - at) * step > 0]
    number = (ahead or range(len(places)))[0 if step > 0 else -1]
    wrapped = "" if ahead else ", from the top" if step > 0 else ", from the end"
    return places[number], f"{number + 1} of {len(places)}{wrapped}"
