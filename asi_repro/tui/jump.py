"""Jump mode: a letter on everything that can have the focus; typing it goes there."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Label

LETTERS = "asdfghjklqwertyuiopzxcvbnm"


def targets(screen: Screen[object]) -> list[tuple[str, Widget]]:
    """What can be jumped to on `screen`, from the top left, each with its letter."""
    seen = [
        widget
        for widget in screen.query("*")
        if widget.focusable
        and widget.is_attached
        and widget.region.area
        and _on_screen(widget, screen)
        # A pane is where its parts are: a letter of its own would lie on one of theirs.
        and not any(part.focusable and _on_screen(part, screen) for part in widget.query("*"))
    ]
    seen.sort(key=lambda widget: (widget.region.y, widget.region.x))
    return list(zip(LETTERS, seen, strict=False))


def _on_screen(widget: Widget, screen: Screen[object]) -> bool:
    return all(node.display for node in (widget, *widget.ancestors) if isinstance(node, Widget)) and bool(
        screen.region.intersection(widget.region).area
    )


class JumpScreen(ModalScreen[Widget | None]):
    """Labels over what can be jumped to."""

    DEFAULT_CSS = """
    JumpScreen { background: $background 40%; layers: labels; align: left top; }
    JumpScreen > Label {
        layer: labels; width: 3; height: 1; text-align: center; dock: left;
        background: $accent; color: $background; text-style: bold;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Stay")]

    def __init__(self, found: list[tuple[str, Widget]]) -> None:
        super().__init__()
        self.found = dict(found)

    def compose(self) -> ComposeResult:
        for letter, widget in self.found.items():
            label = Label(letter, markup=False)
            label.styles.offset = (widget.region.x, widget.region.y)
            yield label

    def on_key(self, event: events.Key) -> None:
        event.stop()
        self.dismiss(self.found.get(event.key))
