"""Widgets that draw many cells: their styles are worked out once, not at every line."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget


class CachedStyles(Widget):
    """Keeps the widget's style and those of its components until a theme or the focus changes them."""

    _kept: dict[str | None, Style] | None = None

    def style_of(self, component: str | None = None) -> Style:
        """The style of a component on the widget's background; of the widget itself for None."""
        if self._kept is None:
            self._kept = {}
        if component not in self._kept:
            base = self.rich_style
            self._kept[component] = base if component is None else base + self._own_style(component)
        return self._kept[component]

    def _own_style(self, component: str) -> Style:
        """What the component's own rules say; a colour that hangs on the background is worked out."""
        found = self.get_component_rich_style(component, partial=True)
        rules = self.get_component_styles(component)
        if not rules.auto_color:
            return found
        behind = self.background_colors[1] + rules.background
        written = behind + behind.get_contrast_text(rules.color.a)
        return found + Style(color=written.rich_color)

    def forget_styles(self) -> None:
        """What hangs on the styles is dropped too, by those that keep such things."""
        self._kept = None

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.forget_styles()

    def on_focus(self) -> None:
        self.forget_styles()
        self.refresh()

    def on_blur(self) -> None:
        self.forget_styles()
        self.refresh()


def cells_to_strip(cells: list[tuple[str, Style]], width: int, fill: Style) -> Strip:
    """Cells of one column each as a strip of `width`, neighbours of one style object in one segment."""
    segments: list[Segment] = []
    text: list[str] = []
    style: Style | None = None
    for glyph, its in cells:
        if its is not style:
            if text and style is not None:
                segments.append(Segment("".join(text), style))
            text, style = [], its
        text.append(glyph)
    if text and style is not None:
        segments.append(Segment("".join(text), style))
    if len(cells) < width:
        segments.append(Segment(" " * (width - len(cells)), fill))
    return Strip(segments, max(width, len(cells)))
