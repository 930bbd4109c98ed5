"""The certificate: every check with its number, and the detail of the one the cursor is on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from asi_repro.tui.check_text import facts, measured, program_lines, sentence
from asi_repro.tui.messages import OpenExperiment
from asi_repro.tui.tabs.tab import Tab
from asi_repro.tui.theme import ThemeStyles, theme_styles, verdict_mark
from asi_repro.tui.widgets.line_layout import fact, prose
from asi_repro.tui.widgets.line_list import Line, LineList, next_place
from asi_repro.tui.widgets.text import safe_line
from asi_repro.verify.catalogue import CHECKS
from asi_repro.verify.certificate import Certificate
from asi_repro.verify.results import CheckResult


class CertificateTab(Tab):
    """Rows of the certificate."""

    TITLE = "Certificate"
    NAMED = True
    certificate: Certificate | None = None
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "failure(1)", "Next ✗", tooltip="Next check that failed"),
        Binding("N", "failure(-1)", "Previous ✗", show=False, tooltip="The one before that failed"),
    ]
    DEFAULT_CSS = """
    CertificateTab > #certificate-detail { height: auto; max-height: 40%; background: $surface; }
    """

    def compose(self) -> ComposeResult:
        yield LineList(empty="the certificate has no rows", id="certificate-rows")
        yield LineList(id="certificate-detail")

    def read(self, index: int) -> Certificate:
        experiment = self.source.archive.get(index)
        if not experiment.has_program:
            self.source.archive.program(index)  # says that it was not released
        return self.source.certificate(index)

    def fill(self, data: Certificate) -> None:
        same = self.certificate is not None and self.certificate.index == data.index
        self.certificate = data
        theme = theme_styles(self.app)
        counts = data.counts()
        tier = safe_line(str(data.environment.get("tier", data.environment.get("sandbox", ""))), 40)
        head = Text(
            f"✓ {counts['pass']} passed  ✗ {counts['fail']} failed  · {counts['not run']} not run  {tier}"
        )
        failed = [row for row in data.checks if row.verdict == "fail"]
        groups = [("Failed", failed)] if failed else []
        groups += [(c.title, [r for r in map(data.row, c.rows) if r.verdict != "fail"]) for c in CHECKS]
        lines = [line for title, rows in groups if rows for line in _group(title, rows, theme)]
        self._rows.show(lines, head=head, keep=same)

    @property
    def _rows(self) -> LineList:
        return self.query_one("#certificate-rows", LineList)

    @on(LineList.Highlighted, "#certificate-rows")
    def _show_detail(self, message: LineList.Highlighted) -> None:
        message.stop()
        if self.certificate is None or not isinstance(message.line.key, str):
            return
        row = self.certificate.row(message.line.key)
        detail = self.query_one("#certificate-detail", LineList)
        lines = [*prose(sentence(row), self.room, style=Style(bold=True)), *prose(row.method, self.room)]
        behind = list(facts(row))
        wide = max((len(name) for name, _ in behind), default=0) + 2
        for name, value in behind:
            there = program_lines(name, value)
            shown = fact(name, value, self.room, label_width=max(wide, 12))
            if there:
                end = Text("  → program", style=theme_styles(self.app).accent)
                first = Text(end="").append_text(shown[0].text).append_text(end)
                shown[0] = Line(first, ("line", there[0]))
            lines += shown
        detail.styles.height = len(lines)
        detail.show(lines, keep=False)

    def action_failure(self, step: int) -> None:
        rows = {row.check: row for row in (self.certificate.checks if self.certificate else ())}
        lines = self._rows.lines
        places = [
            n for n, one in enumerate(lines) if one.key in rows and rows[str(one.key)].verdict == "fail"
        ]
        if not places:
            self.app.notify("no check failed", timeout=3)
            return
        place, which = next_place(places, self._rows.cursor, step)
        self._rows.go_to_line(place)
        self._rows.set_head(Text(f"failure {which}"))

    @on(LineList.Selected)
    def _change_pane(self, message: LineList.Selected) -> None:
        message.stop()
        key = message.line.key
        if isinstance(key, tuple) and key[0] == "line" and self.index is not None:
            self.post_message(OpenExperiment(self.index, "program", str(key[1])))
            return
        other = "#certificate-rows" if message.line_list.id == "certificate-detail" else "#certificate-detail"
        self.query_one(other).focus()


def _group(title: str, rows: Sequence[CheckResult], theme: ThemeStyles) -> Iterator[Line]:
    yield Line(Text(title, style="bold underline"), rest=False)
    for row in rows:
        mark, style = verdict_mark(row.verdict, theme)
        said: str = row.verdict
        if row.comparison == "none" and said == "pass":  # held against nothing
            mark, style, said = "•", theme.muted, "measured"
        rest = Style() if said == "fail" else theme.muted
        text = Text(no_wrap=True, end="").append(f"  {mark} {said:<8}", style=style)
        text.append(f" {row.check:<26} ", style=theme.strong if said == "fail" else rest)
        yield Line(text.append(measured(row), style=style if said == "fail" else rest), key=row.check)
