"""The line of keys at the bottom: Textual's Footer mounts a widget a key, which costs more than a view."""

from __future__ import annotations

from rich.text import Text
from textual import events
from textual.screen import Screen
from textual.widget import Widget


class Keys(Widget):
    """The bindings that work where the focus is; a click on one does it."""

    DEFAULT_CSS = """
    Keys { dock: bottom; height: 1; background: $panel; color: $text-muted; }
    Keys > .keys--key { color: $footer-key-foreground; text-style: bold; }
    """
    COMPONENT_CLASSES = {"keys--key"}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__(id="keys")
        self._shown: list[tuple[str, str, str]] = []

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)
        self._changed(self.screen)

    def _changed(self, screen: Screen[object]) -> None:
        if not self.is_attached or screen is not self.app.screen:
            return
        found: dict[str, tuple[str, str, str]] = {}
        for active in screen.active_bindings.values():
            binding = active.binding
            if binding.show and active.enabled and binding.action not in found:
                display = self.app.get_key_display(binding)
                found[binding.action] = (display, binding.description, binding.key)
        # Help stands last and is never cut: it leads to all the others.
        shown = sorted(found.values(), key=lambda row: row[2] == "question_mark")
        if shown != self._shown:
            self._shown = shown
            self.refresh()

    def _fitting(self) -> list[tuple[str, str, str]]:
        """What there is room for, whole, with help at the end in any case."""
        room, fitting = self.size.width - sum(map(_width, self._shown[-1:])), []
        for row in self._shown[:-1]:
            room -= _width(row)
            if room < 0:
                break
            fitting.append(row)
        return fitting + self._shown[-1:]

    def render(self) -> Text:
        text = Text(no_wrap=True, overflow="ellipsis", end="")
        style = self.get_component_rich_style("keys--key", partial=True)
        for display, description, _ in self._fitting():
            text.append(f" {display}", style=style)
            text.append(f" {description} ")
        return text

    def on_click(self, event: events.Click) -> None:
        start = 0
        for display, description, key in self._fitting():
            end = start + _width((display, description, key))
            if start <= event.x < end:
                self.app.simulate_key(key)
                return
            start = end


def _width(row: tuple[str, str, str]) -> int:
    display, description, _ = row
    return len(display) + len(description) + 3
