"""What is scrolled, with a bar that is always there: a change of its size moves nothing else."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

_MARGIN = 3


class FastScrollView(ScrollView):
    """A `ScrollView` that is measured without laying out the screen, which takes longer than painting it."""

    DEFAULT_CSS = """
    FastScrollView { background: $background; overflow: scroll; scrollbar-size: 0 1; }
    """

    def set_virtual_size(self, size: Size) -> None:
        """Set the size of what is scrolled, and stay inside it."""
        self.set_reactive(FastScrollView.virtual_size, size)
        self.vertical_scrollbar.window_virtual_size = size.height
        self.scroll_y = min(self.scroll_y, self.max_scroll_y)
        self.scroll_x = min(self.scroll_x, self.max_scroll_x)

    def show_around(self, place: int, *, head: int = 0) -> None:
        """Scroll so that lines around `place` are seen too; `head` lines at the top are no part of them."""
        room = max(self.scrollable_content_region.height - head, 1)
        above = place - self.scroll_offset.y
        if not min(_MARGIN, place) <= above < room - _MARGIN:
            self.scroll_to(y=max(place - room // 3, 0), animate=False, force=True, immediate=True)


def fit_strip(strip: Strip, left: int, width: int, style: Style) -> Strip:
    """What is seen of a line; one that goes on beyond the right edge says so."""
    length = strip.cell_length
    if length <= left + width or width < 2 or not strip.crop(left + width).text.strip():
        return strip if left == 0 and length == width else strip.crop_extend(left, left + width, style)
    shown = strip.crop_extend(left, left + width - 1, style)
    last = shown._segments[-1].style if shown._segments else style
    return Strip([*shown, Segment("…", last)], width)
