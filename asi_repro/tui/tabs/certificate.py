"""The certificate: every check with its number, and the detail of the one the cursor is on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.style import Style
from rich.text import Text
from textual import on
from textual.app import ComposeResult

from asi_repro.tui.check_text import in_words, measured
from asi_repro.tui.tabs.tab import Tab
from asi_repro.tui.theme import ThemeStyles, theme_styles, verdict_mark
from asi_repro.tui.widgets.line_layout import fact, prose
from asi_repro.tui.widgets.line_list import Line, LineList
from asi_repro.tui.widgets.text import safe_line
from asi_repro.verify.catalogue import CHECKS
from asi_repro.verify.certificate import Certificate
from asi_repro.verify.results import CheckResult


class CertificateTab(Tab):
    """Rows of the certificate."""

    TITLE = "Certificate"
    certificate: Certificate | None = None
    _wanted: str | None = None
    DEFAULT_CSS = """
    CertificateTab > #certificate-detail { height: auto; max-height: 40%; background: $surface; }
    """

    def compose(self) -> ComposeResult:
        yield LineList(empty="the certificate has no rows", id="certificate-rows")
        yield LineList(fixed=True, id="certificate-detail")

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
        self.go_to(self._wanted)

    @property
    def _rows(self) -> LineList:
        return self.query_one("#certificate-rows", LineList)

    def go_to(self, row: str | None) -> None:
        if row is not None:
            self._wanted = None if self._rows.go(row) else row

    @on(LineList.Highlighted, "#certificate-rows")
    def _show_detail(self, message: LineList.Highlighted) -> None:
        message.stop()
        if self.certificate is None or not isinstance(message.line.key, str):
            return
        row = self.certificate.row(message.line.key)
        detail = self.query_one("#certificate-detail", LineList)
        lines = prose(row.method, self.room, style=Style(bold=True)) if row.method else []
        for name, value in row.detail.items():
            lines += fact(
                safe_line(name, 40), in_words(value), self.room, label_width=max(len(name[:40]) + 2, 12)
            )
        detail.styles.height = len(lines)
        detail.show(lines, keep=False)

    @on(LineList.Selected)
    def _change_pane(self, message: LineList.Selected) -> None:
        message.stop()
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
