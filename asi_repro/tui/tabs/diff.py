"""What changed from a released ancestor, or from any other program: side by side where there is room."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from asi_repro.archive.program_diff import ProgramDiff, diff_programs
from asi_repro.tui.dialogs import Ask
from asi_repro.tui.diff_rows import DiffRow, diff_rows
from asi_repro.tui.highlight import Highlighted
from asi_repro.tui.tabs.program import code_styles
from asi_repro.tui.tabs.tab import Tab
from asi_repro.tui.theme import ThemeStyles, theme_styles
from asi_repro.tui.widgets.line_list import Line, LineList, next_place
from asi_repro.tui.widgets.text import safe_line

_SIDE_BY_SIDE = 120
_SIGNS = {"same": " ", "changed": "~", "removed": "-", "added": "+"}


@dataclass(frozen=True)
class Compared:
    """A diff ready to show."""

    found: ProgramDiff
    pairs: list[DiffRow]
    before: Highlighted
    after: Highlighted


class DiffTab(Tab):
    """The diff, with the hunks as stops of the cursor."""

    TITLE = "Diff"
    FLUID = True
    other: int | None = None
    wide: bool | None = None
    _compared: Compared | None = None
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "other", "Other", tooltip="Compare with another experiment"),
        Binding("w", "layout", "Layout", tooltip="Side by side, or one below the other"),
        Binding("n", "hunk(1)", "Next change"),
        Binding("N", "hunk(-1)", "Previous change", show=False),
    ]

    def compose(self) -> ComposeResult:
        yield LineList(id="diff-lines", empty="the programs are equal")

    def show_experiment(self, index: int, *, again: bool = False) -> None:
        if index != self.index:
            self.other = None
        super().show_experiment(index, again=again)

    def read(self, index: int) -> Compared:
        found = diff_programs(self.source.archive, index, self.other)
        styles = code_styles(theme_styles(self.app))
        before, after = (Highlighted(p.source, styles) for p in (found.old, found.new))
        return Compared(found, diff_rows(before.plain, after.plain), before, after)

    def fill(self, data: Compared) -> None:
        self._compared = data
        self._lay_out(keep=False)

    @property
    def _is_wide(self) -> bool:
        return self.app.size.width >= _SIDE_BY_SIDE if self.wide is None else self.wide

    def _lay_out(self, *, keep: bool = True) -> None:
        data = self._compared
        if data is None:
            return
        theme = theme_styles(self.app)
        wide = self._is_wide
        draw = self._beside if wide else self._below
        lines = draw(data, theme) if data.found.added or data.found.removed else []
        self.query_one(LineList).show(lines, head=head_line(data.found), keep=keep)

    def _below(self, data: Compared, theme: ThemeStyles) -> list[Line]:
        lines: list[Line] = []
        for pair in data.pairs:
            if pair.kind == "skipped":
                lines.append(Line(_skipped(pair, theme), rest=False))
                continue
            if pair.left is not None and pair.kind != "same":
                lines.append(_line(data.before, pair.left, "-", theme.bad))
            if pair.right is not None:
                sign, style = (" ", theme.muted) if pair.kind == "same" else ("+", theme.good)
                lines.append(_line(data.after, pair.right, sign, style))
        return _removed_first(lines)

    def _beside(self, data: Compared, theme: ThemeStyles) -> list[Line]:
        half = (self.room - 3) // 2
        lines: list[Line] = []
        for number, pair in enumerate(data.pairs):
            if pair.kind == "skipped":
                lines.append(Line(_skipped(pair, theme), rest=False))
                continue
            paint = partial(_both, data, pair, half, theme)
            text = Text(" " * (2 * half + 3))
            lines.append(Line(text, key=(_SIGNS[pair.kind], number), paint=paint))
        return lines

    @work
    async def action_other(self) -> None:
        asked = Ask("Compare with", "index or name; empty: nearest released ancestor")
        typed = await self.app.push_screen_wait(asked)
        if typed is None:
            return
        other = await self.view.app.find_experiment(typed) if typed else None
        if typed and other is None:
            return
        self.other = other
        if self.index is not None:
            super().show_experiment(self.index, again=True)

    def action_layout(self) -> None:
        self.wide = not self._is_wide
        self._lay_out()

    def action_hunk(self, step: int) -> None:
        line_list = self.query_one(LineList)
        changed = [n for n, line in enumerate(line_list.lines) if _is_change(line)]
        starts = [n for n in changed if n == 0 or not _is_change(line_list.lines[n - 1])]
        if starts and self._compared is not None:
            place, which = next_place(starts, line_list.cursor, step)
            line_list.go_to_line(place)
            line_list.set_head(head_line(self._compared.found, f"  change {which}"))


def _is_change(line: Line) -> bool:
    return isinstance(line.key, tuple) and line.key[0] in ("-", "+", "~")


def head_line(found: ProgramDiff, change: str = "") -> Text:
    """What is compared, and how much of it changed."""
    old, new = found.old, found.new
    steps = "another branch" if found.steps is None else f"{found.steps} step{'s' * (found.steps != 1)} up"
    return Text(
        f"{old.index} {safe_line(old.display_name or old.name, 60)} ({steps}) → {new.index}"
        f"  +{found.added} -{found.removed}  {found.similarity:.0%} shared{change}",
        no_wrap=True,
        overflow="ellipsis",
    )


def _skipped(pair: DiffRow, theme: ThemeStyles) -> Text:
    return Text(f"  ⋯ {pair.left} unchanged lines", style=theme.muted, no_wrap=True)


def _line(lines: Highlighted, number: int, sign: str, style: Style) -> Line:
    text = Text(_margin(sign, number) + lines.plain[number])
    return Line(text, key=(sign, number), paint=partial(_side, lines, number, sign, style))


def _margin(sign: str, number: int) -> str:
    return f"{sign} {number + 1:>4} "


def _side(lines: Highlighted, number: int, sign: str, style: Style) -> Text:
    text = Text(no_wrap=True, end="").append(_margin(sign, number), style=style)
    return text.append_text(lines.line(number))


def _both(data: Compared, pair: DiffRow, half: int, theme: ThemeStyles) -> Text:
    changed = pair.kind != "same"
    gone, come = (("-", theme.bad), ("+", theme.good)) if changed else ((" ", theme.muted),) * 2
    text = Text(no_wrap=True, end="").append_text(_half(data.before, pair.left, *gone, half))
    text.append(" │ ", style=theme.muted)
    return text.append_text(_half(data.after, pair.right, *come, half))


def _half(lines: Highlighted, number: int | None, sign: str, style: Style, width: int) -> Text:
    text = Text(" " * width) if number is None else _side(lines, number, sign, style)
    text.truncate(width, overflow="ellipsis", pad=True)
    return text


def _removed_first(lines: list[Line]) -> list[Line]:
    """Within a changed piece the removed lines before the added ones, as diffs have it."""
    found: list[Line] = []
    piece: list[Line] = []
    for line in [*lines, Line(Text(), rest=False)]:
        if _is_change(line):
            piece.append(line)
            continue
        found += sorted(piece, key=lambda one: one.text.plain[:1] == "+")
        piece = []
        found.append(line)
    return found[:-1]
