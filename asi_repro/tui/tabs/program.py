"""The program: highlighted, folded by class and function, searched and copied."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from asi_repro.archive.reader import Program
from asi_repro.tui.dialogs import Ask
from asi_repro.tui.highlight import Fold, Highlighted, folds
from asi_repro.tui.tabs.tab import Tab
from asi_repro.tui.theme import ThemeStyles, theme_styles
from asi_repro.tui.widgets.line_list import Line, LineList, next_place
from asi_repro.tui.widgets.text import line


@dataclass(frozen=True)
class Code:
    """A program ready to show."""

    program: Program
    lines: Highlighted
    folds: dict[int, Fold]


class ProgramTab(Tab):
    """The source with a line that the cursor is on."""

    TITLE = "Program"
    code: Code | None = None
    folded: frozenset[int] = frozenset()
    sought = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "fold", "Fold", tooltip="Fold or unfold the function or class around the cursor"),
        Binding("z", "fold_all", "Fold all", tooltip="Fold every function, or unfold everything"),
        Binding("slash", "search", "Search", key_display="/", tooltip="Search in the program"),
        Binding("n", "again(1)", "Next", show=False, tooltip="Next place found"),
        Binding("N", "again(-1)", "Previous", show=False, tooltip="Previous place found"),
        Binding("y", "copy", "Copy", tooltip="Copy the source to the clipboard"),
    ]

    def compose(self) -> ComposeResult:
        yield LineList(id="program-lines")

    def read(self, index: int) -> Code:
        program = self.source.archive.program(index)
        found = {fold.first: fold for fold in folds(program.source)}
        return Code(program, Highlighted(program.source, code_styles(theme_styles(self.app))), found)

    def fill(self, data: Code) -> None:
        same = self.code is not None and self.code.program.index == data.program.index
        self.code = data
        if not same:
            self.folded = frozenset()
        self._lay_out(keep=same)

    @property
    def line_list(self) -> LineList:
        """The lines."""
        return self.query_one(LineList)

    def _lay_out(self, *, keep: bool = True) -> None:
        code = self.code
        if code is None:
            return
        theme = theme_styles(self.app)
        digits = len(str(len(code.lines)))
        lines: list[Line] = []
        number = 0
        while number < len(code.lines):
            fold = code.folds.get(number)
            closed = fold is not None and number in self.folded
            mark = " " if fold is None else "▸" if closed else "▾"
            margin = f"{number + 1:>{digits}} {mark} "
            end = f"  ⋯ {fold.last - fold.first} lines" if closed and fold is not None else ""
            paint = partial(self._painted, code, number, margin, end, theme)
            text = Text(margin + code.lines.plain[number] + end)
            lines.append(Line(text, key=number, paint=paint))
            number = fold.last + 1 if closed and fold is not None else number + 1
        self.line_list.show(lines, keep=keep)

    def _painted(self, code: Code, number: int, margin: str, end: str, theme: ThemeStyles) -> Text:
        text = Text(no_wrap=True, end="").append(margin, style=theme.muted)
        text.append_text(self._marked(code.lines.line(number), theme))
        return text.append(end, style=theme.accent)

    def _marked(self, line: Text, theme: ThemeStyles) -> Text:
        if not self.sought or self.sought not in line.plain.casefold():
            return line
        marked = line.copy()
        start = marked.plain.casefold().find(self.sought)
        while start >= 0:
            marked.stylize(Style(reverse=True) + theme.accent, start, start + len(self.sought))
            start = marked.plain.casefold().find(self.sought, start + len(self.sought))
        return marked

    def _line_number(self) -> int | None:
        line = self.line_list.line
        return line.key if line is not None and isinstance(line.key, int) else None

    def action_fold(self) -> None:
        at = self._line_number()
        if self.code is None or at is None:
            return
        around = [fold for fold in self.code.folds.values() if fold.first <= at <= fold.last]
        if not around:
            return
        fold = max(around, key=lambda one: one.first)
        self.folded ^= {fold.first}
        self._lay_out()
        self.line_list.go(fold.first)

    def on_line_list_selected(self, message: LineList.Selected) -> None:
        message.stop()
        self.action_fold()

    def action_fold_all(self) -> None:
        if self.code is None:
            return
        functions = (fold.first for fold in self.code.folds.values() if not fold.is_class)
        self.folded = frozenset() if self.folded else frozenset(functions)
        self._lay_out()

    @work
    async def action_search(self) -> None:
        typed = await self.app.push_screen_wait(Ask("Search in the program", "any text", self.sought))
        if typed is None:
            return
        self.sought = typed.casefold()
        self._lay_out()
        if self.sought:
            self._find(1, here=True)

    def action_again(self, step: int) -> None:
        self._find(step)

    def _find(self, step: int, *, here: bool = False) -> None:
        code = self.code
        if code is None or not self.sought:
            self.app.notify("nothing to look for yet: press /", timeout=3)
            return
        hits = [n for n, line in enumerate(code.lines.plain) if self.sought in line.casefold()]
        if not hits:
            self.app.notify("not found in this program", timeout=3)
            return
        at = self._line_number() or 0
        hit, which = next_place(hits, at - 1 if here else at, step)
        hidden = {f.first for f in code.folds.values() if f.first < hit <= f.last} & self.folded
        if hidden:
            self.folded -= hidden
            self._lay_out()
        self.line_list.set_head(line(f"{self.sought!r}: {which}"))
        self.line_list.go(hit)

    def action_copy(self) -> None:
        if self.code is not None:
            self.app.copy_to_clipboard(self.code.program.source)
            self.app.notify(f"{self.code.program.lines} lines copied", timeout=3)


def code_styles(theme: ThemeStyles) -> dict[str, Style]:
    """The styles of `highlight` in the app's theme."""
    return {
        "name": theme.primary + Style(bold=True),
        "string": theme.good,
        "number": theme.accent,
        "keyword": theme.accent + Style(bold=True),
        "comment": Style(dim=True, italic=True),
    }
