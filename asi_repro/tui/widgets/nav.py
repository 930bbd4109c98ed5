"""The bar of views at the top."""

from __future__ import annotations

from rich.text import Text
from textual import events
from textual.reactive import reactive
from textual.widget import Widget

from asi_repro.tui.messages import OpenView
from asi_repro.tui.registry import VIEWS
from asi_repro.tui.widgets.text import line


class Nav(Widget):
    """Every view with its key; a click opens it. Without room for all titles, only the open view has one."""

    DEFAULT_CSS = """
    Nav { height: 1; background: $panel; color: $text-muted; dock: top; }
    """
    COMPONENT_CLASSES = {"nav--current", "nav--key", "nav--run"}  # noqa: RUF012
    current: reactive[str] = reactive("")
    run: reactive[str] = reactive("")

    def _labels(self) -> list[tuple[str, str, str]]:
        for titled in ({spec.name for spec in VIEWS}, {self.current}, set[str]()):
            labels = [(spec.name, spec.key, spec.title if spec.name in titled else "") for spec in VIEWS]
            if sum(len(key) + len(title) + 3 for _, key, title in labels) <= self.size.width:
                break
        return labels

    def render(self) -> Text:
        shown = Text(no_wrap=True, overflow="crop", end="")
        for name, key, title in self._labels():
            now = name == self.current
            key_style = self.get_component_rich_style("nav--current" if now else "nav--key", partial=True)
            title_style = self.get_component_rich_style("nav--current", partial=True) if now else ""
            shown.append(f" {key}", style=key_style)
            shown.append(f" {title} ", style=title_style)
        room = self.size.width - shown.cell_len - 1
        if room > 8:
            run = line(self.run, self.get_component_rich_style("nav--run", partial=True))
            run.truncate(room, overflow="ellipsis")
            shown.append(" " * (room - run.cell_len))
            shown.append_text(run)
        return shown

    def on_click(self, event: events.Click) -> None:
        start = 0
        for name, key, title in self._labels():
            end = start + len(key) + len(title) + 3
            if start <= event.x < end:
                self.post_message(OpenView(name))
                return
            start = end
