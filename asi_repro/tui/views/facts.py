"""Facts: our own questions to the released data, each with its answer and its noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text

from asi_repro.facts.ledger import ANSWERS, THEMES, Entry
from asi_repro.tui.deep_link import Link
from asi_repro.tui.entries_view import EntriesView
from asi_repro.tui.theme import ThemeStyles, verdict_mark
from asi_repro.tui.widgets.line_layout import fact, heading, prose, table
from asi_repro.tui.widgets.line_list import Line
from asi_repro.tui.widgets.text import safe_line


class FactsView(EntriesView):
    """The questions by theme, within it by answer."""

    TITLE = "Facts"
    VERDICT = "answer"
    COLUMNS: ClassVar[tuple[str, str, str]] = ("fact", "question", "sentence")
    BOTH = 120  # two sentences

    def read(self) -> Sequence[Entry]:
        themes = list(THEMES)
        return sorted(
            self.source.facts().facts,
            key=lambda one: (themes.index(one.theme), ANSWERS.index(one.answer)),
        )

    def group(self, entry: Entry) -> str:
        return THEMES[entry.theme]

    def cells(self, entry: Entry) -> tuple[str, str]:
        return entry.question, entry.sentence

    def link(self) -> Link:
        found = self.chosen()
        return Link("facts", fact=None if found is None else found.id)

    def detail(self, entry: Entry, width: int, theme: ThemeStyles) -> list[Line]:
        glyph, style = verdict_mark(entry.answer, theme)
        title = Text(end="").append(f"{glyph} {safe_line(entry.answer)}  ", style=style)
        lines = [Line(title.append(safe_line(entry.id), style=theme.strong), rest=False)]
        lines += [*prose(entry.question, width), Line(Text(), rest=False)]
        lines += fact("answer", entry.sentence, width, style=style)
        for label, said in (
            ("number", entry.number), ("noise", entry.noise), ("p-value", entry.test),
            ("method", entry.method), ("code", entry.where),
        ):  # fmt: skip
            lines += fact(label, said, width) if said else []
        if entry.rows:
            lines += heading(f"Rows ({len(entry.rows)})", theme.primary)
            lines += table(entry.rows, key=self.known, mark=self.leads)
        return lines
