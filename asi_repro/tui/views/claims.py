"""The claims of papers: what each says beside what was found, and what one of them rests on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.text import Text

from asi_repro.claims.ledger import Entry
from asi_repro.tui.deep_link import Link
from asi_repro.tui.entries_view import EntriesView
from asi_repro.tui.theme import ThemeStyles, verdict_mark
from asi_repro.tui.widgets.line_layout import fact, heading, prose, table
from asi_repro.tui.widgets.line_list import Line
from asi_repro.tui.widgets.text import safe_line


class ClaimsView(EntriesView):
    """The ledger, by paper and theme."""

    TITLE = "Claims"
    COLUMNS: ClassVar[tuple[str, str, str]] = ("claim", "claimed", "found")

    def read(self) -> Sequence[Entry]:
        ledger = self.source.ledger()
        self._papers = {paper.id: paper.name for paper in ledger.papers}
        return ledger.claims

    def group(self, entry: Entry) -> str:
        if len(self._papers) < 2:
            return entry.theme
        return f"{self._papers.get(entry.paper, entry.paper)}: {entry.theme}"

    def cells(self, entry: Entry) -> tuple[str, str]:
        return entry.claimed, entry.found

    def link(self) -> Link:
        claim = self.chosen()
        return Link("claims", claim=None if claim is None else claim.id)

    def detail(self, entry: Entry, width: int, theme: ThemeStyles) -> list[Line]:
        def verdict(row: dict[str, Any]) -> Text:
            return Text(*verdict_mark(str(row.get("verdict")), theme))

        glyph, style = verdict_mark(entry.verdict, theme)
        title = Text(end="").append(f"{glyph} {safe_line(entry.verdict)}  ", style=style)
        lines = [Line(title.append(safe_line(entry.id), style=theme.strong), rest=False)]
        lines += [*prose(entry.statement, width), Line(Text(), rest=False)]
        lines += fact("claimed", entry.claimed, width, style=theme.accent)
        lines += fact("found", entry.found, width, style=style)
        for label, said in (
            ("effect", entry.effect), ("where", entry.where), ("method", entry.method),
            ("criterion", entry.criterion), ("power", entry.power), ("changes if", entry.would_change),
        ):  # fmt: skip
            lines += fact(label, said, width) if said else []
        for what, rows in (
            ("Parts", entry.parts), ("Readings", entry.readings), ("With other limits", entry.sensitivity)
        ):  # fmt: skip
            if rows:
                lines += heading(what, theme.primary + theme.strong)
                lines += table([row.model_dump() for row in rows], mark=verdict)
        for evidence in entry.evidence:
            shown, total, what = evidence.rows, evidence.total, evidence.what
            count = (
                "none" if not total else f"{len(shown)} of {total:,}" if len(shown) < total else f"{total:,}"
            )
            lines += heading(f"{what[:1].upper()}{what[1:]} ({count}; {evidence.source})", theme.primary)
            lines += table(shown, key=self.known, mark=self.leads)
        if entry.notes:
            lines += heading("Notes", theme.primary)
            for note in entry.notes:
                lines += prose(note, width, lead="- ")
        return lines
