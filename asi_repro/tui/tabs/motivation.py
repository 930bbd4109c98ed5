"""Why it was proposed: summary and motivation, as Markdown."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult

from asi_repro.archive.reader import Program
from asi_repro.text import counted
from asi_repro.tui.tabs.tab import Tab
from asi_repro.tui.widgets.line_list import Line, LineList
from asi_repro.tui.widgets.markdown import markdown_lines


class MotivationTab(Tab):
    """Summary and motivation."""

    TITLE = "Motivation"
    FLUID = True

    def compose(self) -> ComposeResult:
        yield LineList(fixed=True, id="motivation-lines")

    def read(self, index: int) -> list[Text]:
        return motivation_lines(self.source.archive.program(index), self.room)

    def fill(self, data: list[Text]) -> None:
        self.query_one(LineList).show([Line(text) for text in data], keep=False)


def motivation_lines(program: Program, width: int) -> list[Text]:
    """The texts with their headings; says so where the run has none."""
    lines: list[Text] = []
    for title, text in (("Summary", program.summary), ("Motivation", program.motivation)):
        lines += [Text(title, style="bold underline"), Text()]
        if text and text.strip():
            lines += markdown_lines(text, width)
        else:
            lines.append(Text("the run has none", style="dim"))
        lines.append(Text())
    stated = "" if program.parameters is None else f"{program.parameters:,} parameters (as stated) · "
    lines.append(
        Text(f"program: {counted(program.lines, 'line')} · {stated}SHA-256 {program.sha256}", style="dim")
    )
    return lines
