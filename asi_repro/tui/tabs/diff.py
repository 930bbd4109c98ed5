"""What changed from a released ancestor, or from any other program: side by side where there is room."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from asi_repro.archive.program_diff import ProgramDiff, diff_programs
from asi_repro.errors import NotFound
from asi_repro.tui.deep_link import Link
from asi_repro.tui.dialogs import Ask
from asi_repro.tui.diff_rows import DiffRow, changed_parts, code_first, diff_rows, prose_lines
from asi_repro.tui.highlight import Highlighted
from asi_repro.tui.tabs.program import code_styles
from asi_repro.tui.tabs.tab import Tab
from asi_repro.tui.theme import ThemeStyles, theme_styles
from asi_repro.tui.widgets.line_list import Line, LineList, next_place
from asi_repro.tui.widgets.text import safe_line

_SIDE_BY_SIDE = 120
_SIGNS = {"same": " ", "changed": "~", "removed": "-", "added": "+"}
_MARGIN = 7  # cells of the sign and the number


@dataclass(frozen=True)
class Compared:
    """A diff ready to show.

    Attributes:
        code: rows of the pieces in which code changed.
        prose: rows of those in which only docstrings and comments did.
        step: which step of the way to the root it is, and of how many.
    """

    found: ProgramDiff
    code: list[DiffRow]
    prose: list[DiffRow]
    before: Highlighted
    after: Highlighted
    step: tuple[int, int]


class DiffTab(Tab):
    """The diff, with the hunks as stops of the cursor."""

    TITLE = "Diff"
    FLUID = True
    wide: bool | None = None
    step = 0
    _compared: Compared | None = None
    _unfolded: frozenset[int] = frozenset()
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "other", "Other", tooltip="Compare with another experiment"),
        Binding("w", "layout", "Layout", tooltip="Side by side, or one below the other"),
        Binding("n", "hunk(1)", "Next change"),
        Binding("N", "hunk(-1)", "Previous change", show=False),
        Binding(
            "greater_than_sign", "ancestry(1)", "Step up", key_display="< >",
            tooltip="The step before it on the way from the root",
        ),
        Binding(
            "less_than_sign", "ancestry(-1)", "Step down", show=False, key_display="<",
            tooltip="The step after it on the way from the root",
        ),
        Binding("space", "unfold", "Unfold", show=False, tooltip="Show the unchanged lines, or hide them"),
    ]  # fmt: skip

    def compose(self) -> ComposeResult:
        yield LineList(id="diff-lines", empty="the programs are equal")

    def show_experiment(self, index: int, *, again: bool = False) -> None:
        if index != self.index:
            self.others, self.step = (), 0
        super().show_experiment(index, again=again)

    def read(self, index: int) -> Compared:
        archive = self.source.archive
        way = [index]
        while (above := archive.nearest_program_ancestor(way[-1])) is not None:
            way.append(above)
        step = min(self.step, max(len(way) - 2, 0))
        found = diff_programs(archive, way[step], next(iter(self.others), None) if step == 0 else None)
        styles = code_styles(theme_styles(self.app))
        before, after = (Highlighted(p.source, styles) for p in (found.old, found.new))
        rows = diff_rows(before.plain, after.plain)
        code, prose = code_first(rows, prose_lines(found.old.source), prose_lines(found.new.source))
        return Compared(found, code, prose, before, after, (step + 1, max(len(way) - 1, 1)))

    def fill(self, data: Compared) -> None:
        self._compared, self._unfolded = data, frozenset()
        self._lay_out(keep=False)

    @property
    def _is_wide(self) -> bool:
        return self.app.size.width >= _SIDE_BY_SIDE if self.wide is None else self.wide

    def _lay_out(self, *, keep: bool = True) -> None:
        data = self._compared
        if data is None:
            return
        sheet = _Sheet(data, theme_styles(self.app), (self.room - 3) // 2 if self._is_wide else None)
        lines: list[Line] = []
        if data.found.added or data.found.removed:
            lines = sheet.rows(data.code, self._unfolded)
            if data.prose:
                title = Text("Docstrings and comments", style="bold underline", end="")
                lines += [Line(title, rest=False), *sheet.rows(data.prose, self._unfolded)]
        self.query_one(LineList).show(lines, head=head_line(data), keep=keep)

    def on_line_list_selected(self, message: LineList.Selected) -> None:
        message.stop()
        self.action_unfold()

    def action_unfold(self) -> None:
        """Show what is folded under the cursor, or hide it again."""
        line = self.query_one(LineList).line
        key = line.key if line is not None else None
        if isinstance(key, tuple) and key[0] == "fold":
            self._unfolded ^= {key[1]}
            self._lay_out()

    async def action_ancestry(self, way: int) -> None:
        data = self._compared
        if data is None or self.index is None:
            return
        step = self.step + way
        if not 0 <= step < data.step[1]:
            self.app.notify("that is the last step" if way > 0 else "that is the newest step", timeout=3)
            return
        self.step = step
        super().show_experiment(self.index, again=True)

    @work
    async def action_other(self) -> None:
        asked = Ask("Compare with", "index or name; empty: nearest ancestor with a program")
        typed = await self.app.push_screen_wait(asked)
        if typed is None:
            return
        other = await self.view.app.find_experiment(typed) if typed else None
        if typed and other is None:
            return
        if other is not None and not self.source.archive.experiments[other].has_program:
            raise NotFound(f"the program of {other} was not {self.source.archive.withheld}")
        self.step = 0
        self.compare(() if other is None else (other,))

    def part(self) -> str | None:
        """The line's number in the newer program, or after a minus in the older one."""
        line = self.query_one(LineList).line
        if line is None or self.query_one(LineList).place is None:
            return None
        old, new = _numbers(line)
        return str(new + 1) if new is not None else None if old is None else f"-{old + 1}"

    def go_to_part(self, part: str) -> bool:
        if self._compared is None or not part.removeprefix("-").isdecimal():
            return False
        old, number = part.startswith("-"), int(part.removeprefix("-")) - 1
        for row in [*self._compared.code, *self._compared.prose]:
            if row.kind == "skipped" and any(number == (r.left if old else r.right) for r in row.lines()):
                self._unfolded |= {row.left or 0}
        self._lay_out()
        pane = self.query_one(LineList)
        found = (n for n, line in enumerate(pane.lines) if _numbers(line)[not old] == number)
        place = next(found, None)
        if place is not None:
            pane.go_to_line(place)
        return place is not None

    def link(self) -> Link:
        """A step further up is the newest step of the experiment there."""
        found = None if self._compared is None or self.step == 0 else self._compared.found
        return super().link() if found is None else replace(super().link(), experiment=found.new.index)

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
            line_list.set_head(head_line(self._compared, f"  change {which}"))


def _numbers(line: Line) -> tuple[int | None, int | None]:
    """Where a line is in the older and the newer program; a folded piece has the place of its first line."""
    key = line.key
    if not isinstance(key, tuple):
        return None, None
    if len(key) == 3:
        return key[1], key[2]
    return (key[1], None) if key[0] in ("-", "fold") else (None, key[1])


def _is_change(line: Line) -> bool:
    return isinstance(line.key, tuple) and line.key[0] in ("-", "+", "~")


def head_line(data: Compared, change: str = "") -> Text:
    """What is compared, and how much of it changed."""
    old, new, found = data.found.old, data.found.new, data.found
    steps = "another branch" if found.steps is None else f"{found.steps} step{'s' * (found.steps != 1)} up"
    which = f"  step {data.step[0]} of {data.step[1]}" if data.step[1] > 1 else ""
    return Text(
        f"{old.index} {safe_line(old.display_name or old.name, 60)} ({steps}) → {new.index}"
        f"  +{found.added} -{found.removed}  {found.similarity:.0%} shared{which}{change}",
        no_wrap=True,
        overflow="ellipsis",
    )


class _Sheet:
    """Lays rows out: side by side with `half` cells each, or one below the other where it is None."""

    def __init__(self, data: Compared, theme: ThemeStyles, half: int | None) -> None:
        self.data, self.theme, self.half = data, theme, half
        self._parts: dict[DiffRow, tuple[list[tuple[int, int]], list[tuple[int, int]]]] = {}

    def rows(self, rows: list[DiffRow], unfolded: frozenset[int]) -> list[Line]:
        lines: list[Line] = []
        for row in rows:
            if row.kind == "skipped":
                if not row.count:
                    continue
                opened = row.left in unfolded
                said = f"  {'▾' if opened else '▸'} {row.count} unchanged lines"
                text = Text(said, style=self.theme.muted, no_wrap=True, end="")
                lines.append(Line(text, key=("fold", row.left)))
                for one in row.lines() if opened else ():
                    lines += self._row(one)
            else:
                lines += self._row(row)
        return lines if self.half else _removed_first(lines)

    def _row(self, row: DiffRow) -> list[Line]:
        if self.half:
            text = Text(" " * (2 * self.half + 3))
            key = (_SIGNS[row.kind], row.left, row.right)
            return [Line(text, key=key, paint=partial(self._both, row, self.half))]
        if row.kind == "same":
            return [self._line(row, " ")]
        signs = [sign for sign, at in (("-", row.left), ("+", row.right)) if at is not None]
        return [self._line(row, sign) for sign in signs]

    def _line(self, row: DiffRow, sign: str) -> Line:
        number = (row.left if sign == "-" else row.right) or 0
        lines = self.data.before if sign == "-" else self.data.after
        text = Text(" " * _MARGIN + lines.plain[number])
        return Line(text, key=(sign, number), paint=partial(self._side, row, sign))

    def _both(self, row: DiffRow, half: int) -> Text:
        same = row.kind == "same"
        text = Text(no_wrap=True, end="")
        for sign, number in (("-", row.left), ("+", row.right)):
            if number is None:
                text.append(" " * half)
            else:
                text.append_text(self._side(row, " " if same else sign, left=sign == "-", width=half))
            if sign == "-":
                text.append(" │ ", style=self.theme.muted)
        return text

    def _side(self, row: DiffRow, sign: str, *, left: bool | None = None, width: int = 0) -> Text:
        """One side of a row, tinted, what changed within the line tinted more."""
        before = sign == "-" if left is None else left
        number, lines = (row.left, self.data.before) if before else (row.right, self.data.after)
        theme = self.theme
        plain, tint, part = {
            "-": (theme.bad, theme.removed, theme.removed_part),
            "+": (theme.good, theme.added, theme.added_part),
            " ": (theme.muted, Style(), Style()),
        }[sign]
        text = Text(no_wrap=True, end="").append(f"{sign} {(number or 0) + 1:>4} ", style=plain)
        text.append_text(lines.line(number or 0))
        if width:
            text.truncate(width, overflow="ellipsis", pad=True)
        text.stylize(tint)
        if row.kind == "changed":
            for start, end in self._changed(row)[not before]:
                text.stylize(part, _MARGIN + start, _MARGIN + end)
        return text

    def _changed(self, row: DiffRow) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        if row not in self._parts:
            before, after = self.data.before.plain, self.data.after.plain
            self._parts[row] = changed_parts(before[row.left or 0], after[row.right or 0])
        return self._parts[row]


def _removed_first(lines: list[Line]) -> list[Line]:
    """Within a changed piece the removed lines before the added ones, as diffs have it."""
    found: list[Line] = []
    piece: list[Line] = []
    for line in [*lines, Line(Text(), rest=False)]:
        if _is_change(line):
            piece.append(line)
            continue
        found += sorted(piece, key=lambda one: isinstance(one.key, tuple) and one.key[0] == "+")
        piece = []
        found.append(line)
    return found[:-1]
