"""Small questions: one line of text, or one of a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, SelectionList
from textual.widgets.option_list import Option

_CSS = """
{name} {{ align: center middle; }}
{name} > Vertical {{
    width: 70%; max-width: 80; height: auto; max-height: 80%;
    border: round $primary; background: $surface; padding: 0 1;
}}
{name} OptionList {{ max-height: 24; border: none; text-wrap: nowrap; text-overflow: ellipsis; }}
"""


class Ask(ModalScreen[str | None]):
    """One line of text, which may be empty; None where it was left with escape."""

    DEFAULT_CSS = _CSS.format(name="Ask")
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Cancel")]

    def __init__(self, title: str, placeholder: str, value: str = "") -> None:
        super().__init__()
        self._asked, self._placeholder, self._value = title, placeholder, value

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self._asked
            yield Input(self._value, placeholder=self._placeholder, compact=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(event.value.strip())


class Choose(ModalScreen[int | None]):
    """One of a list of experiments.

    Args:
        title: of the box.
        rows: index and line of each, already made safe.
    """

    DEFAULT_CSS = _CSS.format(name="Choose")
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss(None)", "Cancel")]

    def __init__(self, title: str, rows: list[tuple[int, str]]) -> None:
        super().__init__()
        self._asked, self._rows = title, rows

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self._asked
            yield OptionList(*(Option(Text(row, no_wrap=True)) for _, row in self._rows))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self._rows[event.option_index][0])


class ChooseSome(ModalScreen[list[str] | None]):
    """Some of a list; None where it was left as it was.

    Args:
        title: of the box.
        rows: name and line of each, already made safe.
        chosen: names that are chosen now.
    """

    DEFAULT_CSS = _CSS.format(name="ChooseSome")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", "Cancel"),
        Binding("enter", "done", "Done", priority=True),
    ]

    def __init__(self, title: str, rows: list[tuple[str, str]], chosen: Sequence[str]) -> None:
        super().__init__()
        self._asked, self._rows, self._chosen = title, rows, chosen

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title, box.border_subtitle = self._asked, "space chooses, enter is done"
            yield SelectionList[str](
                *((Text(row, no_wrap=True), name, name in self._chosen) for name, row in self._rows)
            )

    def action_done(self) -> None:
        picked = self.query_one(SelectionList).selected
        self.dismiss([name for name, _ in self._rows if name in picked])
