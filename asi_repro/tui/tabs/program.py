"""The program: highlighted, folded by class and function, searched and copied."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from asi_repro.archive.reader import Program
from asi_repro.errors import AsiReproError
from asi_repro.text import counted
from asi_repro.tui.dialogs import Ask, Choose
from asi_repro.tui.external import open_text, save_text
from asi_repro.tui.highlight import Fold, Highlighted, folds
from asi_repro.tui.tabs.tab import Tab
from asi_repro.tui.theme import ThemeStyles, theme_styles
from asi_repro.tui.widgets.line_list import Line, LineList, next_place
from asi_repro.tui.widgets.text import line, safe_block, safe_line


@dataclass(frozen=True)
class Code:
    """A program ready to show."""

    program: Program
    lines: Highlighted
    folds: dict[int, Fold]


class CodeList(LineList):
    """Lines of code, in which `g` searches instead of going to the first line, as `home` does."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("g", "grep", "Grep", tooltip="Show only the lines that match a pattern, or all"),
    ]

    async def action_grep(self) -> None:
        await self.app.run_action("grep", self.parent)


class ProgramTab(Tab):
    """The source with a line that the cursor is on."""

    TITLE = "Program"
    code: Code | None = None
    folded: frozenset[int] = frozenset()
    sought = ""
    pattern: re.Pattern[str] | None = None
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "fold", "Fold", tooltip="Fold or unfold the function or class around the cursor"),
        Binding("z", "fold_all", "Fold all", tooltip="Fold every function, or unfold everything"),
        Binding("slash", "search", "Search", key_display="/", tooltip="Search in the program"),
        Binding("n", "again(1)", "Next", show=False, tooltip="Next place found"),
        Binding("N", "again(-1)", "Previous", show=False, tooltip="Previous place found"),
        Binding("i", "outline", "Outline", tooltip="Go to a class or function"),
        Binding("y", "copy", "Copy", tooltip="Copy the source to the clipboard"),
        Binding("w", "write", "Save", show=False, tooltip="Save the source in a file"),
        Binding("e", "edit", "Edit", show=False, tooltip="Open a copy in $VISUAL or $EDITOR"),
        Binding("vertical_line", "page", "Pager", show=False, key_display="|", tooltip="Open in $PAGER"),
    ]

    def compose(self) -> ComposeResult:
        yield CodeList(id="program-lines", empty="no line matches: g and enter shows all")

    def read(self, index: int) -> Code:
        program = self.source.archive.program(index)
        found = {fold.first: fold for fold in folds(program.source)}
        return Code(program, Highlighted(program.source, code_styles(theme_styles(self.app))), found)

    def fill(self, data: Code) -> None:
        same = self.code is not None and self.code.program.index == data.program.index
        self.code = data
        if not same:
            self.folded, self.pattern = frozenset(), None
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
            if self.pattern is not None and not self.pattern.search(code.lines.plain[number]):
                number += 1
                continue
            fold = code.folds.get(number) if self.pattern is None else None
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
        if self.pattern is None:
            self.action_fold()
        elif isinstance(message.line.key, int):
            self.pattern = None
            self._show_line(message.line.key)

    @work
    async def action_grep(self) -> None:
        before = "" if self.pattern is None else self.pattern.pattern
        typed = await self.app.push_screen_wait(Ask("Lines that match", "regular expression", before))
        if typed is None or self.code is None:
            return
        try:
            self.pattern = re.compile(typed, re.IGNORECASE) if typed else None
        except re.error as error:
            self.app.notify(f"{error}", title="No regular expression", timeout=5, markup=False)
            return
        self._lay_out()
        if self.pattern is not None:
            count = len(self.line_list.lines)
            self.line_list.set_head(
                line(f"{counted(count, 'line matches', 'lines match')} {typed!r}; enter goes to one")
            )

    @work
    async def action_outline(self) -> None:
        code = self.code
        if code is None or not code.folds:
            return
        every = sorted(code.folds.values(), key=lambda fold: fold.first)
        rows = []
        for fold in every:
            depth = sum(other.first < fold.first <= other.last for other in every)
            kind = "class " if fold.is_class else ""
            rows.append((fold.first, safe_line(f"{fold.first + 1:>5} {'  ' * depth}{kind}{fold.name}", 100)))
        chosen = await self.app.push_screen_wait(Choose("Outline", rows))
        if chosen is not None:
            self._show_line(chosen)

    def part(self) -> str | None:
        at = self._line_number()
        return str(at + 1) if at else None

    def go_to_part(self, part: str) -> bool:
        return part.isdecimal() and self._show_line(int(part) - 1)

    def _show_line(self, number: int) -> bool:
        """Go to a line (from 0), unfolding what hides it; whether there is one."""
        if self.code is None:
            return False
        self.folded -= {f.first for f in self.code.folds.values() if f.first < number <= f.last}
        self._lay_out()
        return self.line_list.go(number)

    @work
    async def action_write(self) -> None:
        if self.code is None:
            return
        program = self.code.program
        typed = await self.app.push_screen_wait(Ask("Save the program as", "file", self._file_name))
        if typed:
            try:
                path = save_text(program.source, typed)
            except AsiReproError as error:
                self.view.app.report(error)
                return
            self.app.notify(safe_line(str(path)), title="Saved", timeout=4, markup=False)

    @property
    def _file_name(self) -> str:
        name = "" if self.code is None else self.code.program.name
        return f"{self.index}-{re.sub('[^A-Za-z0-9_-]+', '_', name)[:60]}.py"

    def action_edit(self) -> None:
        if self.code is not None:
            open_text(self.app, self.code.program.source, self._file_name, ("VISUAL", "EDITOR"), "vi")

    def action_page(self) -> None:
        if self.code is not None:
            # Escaped, unlike the editor's copy: a pager may pass control sequences on.
            open_text(self.app, safe_block(self.code.program.source), self._file_name, ("PAGER",), "less")

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
        self.pattern = None
        self._show_line(hit)
        self.line_list.set_head(line(f"{self.sought!r}: {which}"))

    def action_copy(self) -> None:
        if self.code is not None:
            self.app.copy_to_clipboard(self.code.program.source)
            # By OSC 52, which works over SSH too; no terminal says whether it obeyed.
            said = "if your terminal allows it (OSC 52); if not, w saves them"
            self.app.notify(said, title=f"{counted(self.code.program.lines, 'line')} copied", timeout=5)


def code_styles(theme: ThemeStyles) -> dict[str, Style]:
    """The styles of `highlight` in the app's theme."""
    return {
        "name": theme.primary + Style(bold=True),
        "string": theme.good,
        "number": theme.accent,
        "keyword": theme.accent + Style(bold=True),
        "comment": Style(dim=True, italic=True),
    }
