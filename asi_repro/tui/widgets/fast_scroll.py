"""What is scrolled, with a bar that is always there: a change of its size moves nothing else."""

from __future__ import annotations

from textual.geometry import Size
from textual.scroll_view import ScrollView


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
