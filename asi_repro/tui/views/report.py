"""The report of the release or of a run, as it was last made, to be read in the terminal."""

from __future__ import annotations

import shlex
from typing import Any, ClassVar

from rich.text import Text
from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from asi_repro.errors import DataError, MissingInput
from asi_repro.tui.deep_link import Link
from asi_repro.tui.dialogs import Ask, Choose
from asi_repro.tui.view import View
from asi_repro.tui.widgets.line_list import Line, LineList, next_place
from asi_repro.tui.widgets.markdown import markdown_lines
from asi_repro.tui.widgets.text import safe_line

_PAGE, _SITE = "report.md", "index.html"
_MAX_BYTES = 4 << 20


class ReportView(View):
    """The page's text; its figures are in the browser."""

    TITLE = "Report"
    DEFAULT_CSS = "ReportView > LineList { padding: 0 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i", "outline", "Outline", tooltip="Go to a section"),
        Binding("slash", "search", "Search", key_display="/", tooltip="Search in the report"),
        Binding("n", "again(1)", "Next", show=False, tooltip="Next place found"),
        Binding("N", "again(-1)", "Previous", show=False, tooltip="The place found before"),
        Binding("o", "browser", "Browser", tooltip="Open the page with its figures in a browser"),
    ]

    def prepare(self) -> None:
        project, run = self.source.project, self.source.paths
        if project is None:
            raise MissingInput("a report is made in a project, and this is none", hint="run it in a clone")
        path, command = project.report / _PAGE, "report"
        if run.live is not None:
            path, command = run.live / "report" / _PAGE, f"report run {shlex.quote(run.name)}"
        if not path.is_file():
            raise MissingInput("no report was made yet", where=str(path), hint=f"run `asi-repro {command}`")
        if path.stat().st_size > _MAX_BYTES:
            raise DataError("the report is too large to be shown", where=str(path))
        self._text = path.read_text(encoding="utf-8", errors="replace")
        site = path.with_name(_SITE)
        self._page = site if site.is_file() or run.live is None else path
        self._sought = ""
        self._wanted: str | None = None

    def compose(self) -> ComposeResult:
        yield LineList(id="report-lines", empty="the report is empty")

    def on_resize(self, event: events.Resize) -> None:
        lines = markdown_lines(self._text, max(event.size.width - 4, 20))
        shown = [Line(text, n) for n, text in enumerate(lines)]
        self.query_one(LineList).show(shown)
        self._go_wanted()

    def _sections(self) -> list[tuple[int, str]]:
        """Line and title of each."""
        titles = [line.lstrip("#").strip() for line in self._text.splitlines() if line.startswith("#")]
        lines, rows, start = self.query_one(LineList).lines, [], 0
        for title in titles:
            plain = title.replace("*", "").replace("`", "")
            place = next((n for n in range(start, len(lines)) if plain[:40] in lines[n].text.plain), None)
            if place is not None:
                rows.append((place, safe_line(plain, 70)))
                start = place + 1
        return rows

    @work
    async def action_outline(self) -> None:
        rows = self._sections()
        chosen = await self.app.push_screen_wait(Choose("Sections", rows)) if rows else None
        if chosen is not None:
            self.query_one(LineList).go_to_line(chosen)

    @work
    async def action_search(self) -> None:
        typed = await self.app.push_screen_wait(Ask("Search in the report", "any text", self._sought))
        if typed:
            self._sought = typed.casefold()
            self.action_again(1)

    def action_again(self, step: int) -> None:
        pane = self.query_one(LineList)
        hits = [n for n, one in enumerate(pane.lines) if self._sought in one.text.plain.casefold()]
        if not self._sought or not hits:
            self.app.notify("not found in the report" if self._sought else "press / first", timeout=3)
            return
        place, which = next_place(hits, pane.cursor, step)
        pane.go_to_line(place)
        pane.set_head(Text(safe_line(f"{self._sought!r}: {which}")))

    def action_browser(self) -> None:
        self.app.open_url(self._page.as_uri())
        self.app.notify(safe_line(str(self._page)), title="Opened; if no browser came up, open this file",
                        timeout=8, markup=False)  # fmt: skip

    def open(self, arguments: dict[str, Any]) -> None:
        if (part := arguments.get("part")) is not None:
            self._wanted = part
            self._go_wanted()

    def _go_wanted(self) -> None:
        """Go to the section that is wanted, once it is laid out."""
        part, self._wanted = self._wanted, None
        sections = self._sections()
        place = next((n for n, title in sections if title == part), None)
        if place is not None:
            self.query_one(LineList).go_to_line(place)
        elif not sections:
            self._wanted = part
        elif part is not None:
            self.app.notify(f"no section is called {safe_line(part, 60)}", title=self.TITLE, timeout=5)

    def link(self) -> Link:
        """The section, as lines are as long as the screen is wide."""
        pane = self.query_one(LineList)
        above = [title for n, title in self._sections() if pane.place is not None and n <= pane.place]
        return Link("report", part=above[-1] if above else None)

    def state(self) -> dict[str, Any]:
        return {"part": self.link().part}

    def restore(self, state: dict[str, Any]) -> None:
        self.open(state)

    def reload(self) -> None:
        self.prepare()
        lines = markdown_lines(self._text, max(self.size.width - 4, 20))
        self.query_one(LineList).show([Line(text, n) for n, text in enumerate(lines)])
