"""What it drew on from the cognition base, or the entries nearest to its motivation."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from asi_repro.archive.cognition import TEXTS
from asi_repro.archive.reader import Program
from asi_repro.errors import AsiReproError, MissingInput
from asi_repro.tui.spans import retrieved_ids
from asi_repro.tui.tabs.tab import Tab
from asi_repro.tui.theme import theme_styles
from asi_repro.tui.widgets.line_list import Line, LineList
from asi_repro.tui.widgets.markdown import markdown_lines
from asi_repro.tui.widgets.text import safe_line

_NEAREST = 8
_QUERY_WORDS = 24
_WORD = re.compile(r"[A-Za-z]{5,}")


@dataclass(frozen=True)
class Retrieved:
    """Entries with how they were found."""

    how: str
    entries: list[dict[str, Any]]


class CognitionTab(Tab):
    """Entries, unfolded one by one."""

    TITLE = "Cognition"
    FLUID = True
    NAMED = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "unfold", "Unfold", tooltip="Unfold the entry, or fold it"),
    ]
    retrieved = Retrieved("", [])
    unfolded: frozenset[str] = frozenset()

    def compose(self) -> ComposeResult:
        yield LineList(empty="nothing near")

    def read(self, index: int) -> Retrieved:
        every = self.source.cognition()
        if not every:
            raise MissingInput("this run has no cognition base")
        if recorded := self._recorded(index):
            return Retrieved("Entries recorded in its trace", [every[i] for i in recorded if i in every])
        query = query_of(self.source.archive.program(index))
        hits = self.source.search_index("cognition").search(query, _NEAREST)
        return Retrieved(
            "Nearest to its motivation (BM25); what it drew on was not recorded",
            [every[str(hit.key)] for hit in hits],
        )

    def _recorded(self, index: int) -> list[str]:
        try:
            return retrieved_ids(self.source.spans(index))
        except AsiReproError:
            return []  # no traces at all, as of the release

    def fill(self, data: Retrieved) -> None:
        self.retrieved = data
        self.unfolded &= {entry["id"] for entry in data.entries}
        self._lay_out(keep=False)

    def _lay_out(self, *, keep: bool = True) -> None:
        theme = theme_styles(self.app)
        lines: list[Line] = []
        for entry in self.retrieved.entries:
            opened = entry["id"] in self.unfolded
            text = Text(no_wrap=True, end="").append("▾ " if opened else "▸ ", style=theme.muted)
            text.append(safe_line(entry["title"], 300), style=theme.strong)
            text.append(f"  {safe_line(entry['id'], 80)}", style=theme.muted)
            lines.append(Line(text, key=entry["id"]))
            if opened:
                lines += self._texts(entry)
        head = Text(self.retrieved.how, no_wrap=True, overflow="ellipsis")
        self.query_one(LineList).show(lines, head=head, keep=keep)

    def _texts(self, entry: dict[str, Any]) -> list[Line]:
        lines: list[Line] = []
        for field in TEXTS:
            title = Text("    ", end="").append(field.replace("_", " "), style="bold underline")
            lines.append(Line(title, key=(entry["id"], field)))
            for number, line in enumerate(markdown_lines(entry[field], self.room - 4)):
                text = Text("    ", no_wrap=True, end="").append_text(line)
                lines.append(Line(text, key=(entry["id"], field, number)))
        return lines

    def on_line_list_selected(self, message: LineList.Selected) -> None:
        message.stop()
        self._toggle(message.line.key)

    def action_unfold(self) -> None:
        line = self.query_one(LineList).line
        self._toggle(None if line is None else line.key)

    def _toggle(self, key: Hashable) -> None:
        name = key[0] if isinstance(key, tuple) else key
        if isinstance(name, str):
            self.unfolded ^= {name}
            self._lay_out()
            self.query_one(LineList).go(name)

    def unfold(self, key: Hashable) -> None:
        if isinstance(key, str):
            self.unfolded |= {key}
            self._lay_out()


def query_of(program: Program) -> str:
    """The words that its motivation and summary use most.

    Raises:
        MissingInput: where it has neither.
    """
    text = f"{program.summary or ''} {program.motivation or ''}"
    words = Counter(word.casefold() for word in _WORD.findall(text))
    if not words:
        raise MissingInput("there is no motivation to look for entries with")
    return " ".join(word for word, _ in words.most_common(_QUERY_WORDS))
