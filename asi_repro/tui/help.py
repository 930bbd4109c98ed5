"""`?`: the keys that work where the focus is, made from the bindings themselves."""

from __future__ import annotations

from typing import ClassVar

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.dom import DOMNode
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

KeyRow = tuple[str, str]
EVERYWHERE = "Everywhere"
# Of every widget that scrolls, and of no use in lists of lines.
_NOT_OURS = ("page_left", "page_right")


def keys_by_owner(screen: Screen[object]) -> dict[str, list[KeyRow]]:
    """(keys, description) by the title of what they belong to: views first, plain scrolling last."""
    found: dict[str, dict[str, list[str]]] = {}
    ranks: dict[str, int] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        if not binding.description or binding.system or binding.action in _NOT_OURS:
            continue
        owner = owner_title(active.node)
        ranks.setdefault(owner, 1 if owner == EVERYWHERE else 0 if has_title(active.node) else 2)
        rows = found.setdefault(owner, {})
        label = binding.tooltip or binding.description
        rows.setdefault(label, []).append(screen.app.get_key_display(binding))
    return {
        owner: [(" ".join(dict.fromkeys(keys)), label) for label, keys in rows.items()]
        for owner, rows in sorted(found.items(), key=lambda item: ranks[item[0]])
    }


def owner_title(node: DOMNode) -> str:
    """How the owner of a binding is called."""
    if isinstance(node, App):
        return EVERYWHERE
    return str(getattr(node, "TITLE", "") or "Here") if has_title(node) else "Moving and scrolling"


def has_title(node: DOMNode) -> bool:
    """Whether a node's keys are the app's own, rather than those that every widget has."""
    return isinstance(node, App) or (not isinstance(node, Screen) and bool(getattr(node, "TITLE", "")))


class HelpScreen(ModalScreen[None]):
    """The table of keys."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen Static { width: 100%; }
    HelpScreen > VerticalScroll {
        width: 80%; max-width: 92; height: 90%; border: round $primary; background: $surface; padding: 0 1;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q", "dismiss(None)", "Close"),
    ]

    def __init__(self, groups: dict[str, list[KeyRow]]) -> None:
        super().__init__()
        self.groups = groups

    def compose(self) -> ComposeResult:
        with VerticalScroll() as box:
            box.border_title = "Keys"
            box.border_subtitle = "escape closes"
            yield Static(self._table())

    def _table(self) -> Group:
        parts: list[Text | Table] = []
        for owner, rows in self.groups.items():
            table = Table.grid(padding=(0, 2))
            table.add_column(style="bold", width=min(max(len(keys) for keys, _ in rows), 24) + 2)
            table.add_column(ratio=1)
            for keys, label in rows:
                table.add_row(Text(f"  {keys}"), Text(label))
            parts += [Text(f"\n{owner}"[not parts :], style="bold underline"), table]
        return Group(*parts)
