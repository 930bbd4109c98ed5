"""The lineage as lines: only the rows on the screen are ever made, so its length costs nothing."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import partial
from typing import ClassVar, overload

from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType

from asi_repro.tui.lineage_columns import COLUMNS, NAME, ORDERS, Column
from asi_repro.tui.lineage_rows import Outline, best_child, neighbour
from asi_repro.tui.theme import theme_styles
from asi_repro.tui.widgets.line_list import LazyLines, Line, LineList
from asi_repro.tui.widgets.score import ScoreScale
from asi_repro.tui.widgets.text import safe_line

_MAX_NAME = 160
_NOTHING = "nothing matches this filter: change it, or escape clears it"
# Cells of a row's mark and index, and those that names keep beside columns that were and were not chosen.
_LEAD, _NAMES = 8, (16, 44)
_MUTED = Style(dim=True)


class _Rows(LazyLines):
    """The outline's rows as lines."""

    def __init__(self, tree: LineageTree) -> None:
        self._tree = tree

    def __len__(self) -> int:
        return len(self._tree.outline.rows)

    @overload
    def __getitem__(self, place: int) -> Line: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Line]: ...
    def __getitem__(self, place: int | slice) -> Line | Sequence[Line]:
        if isinstance(place, slice):
            return [self[n] for n in range(*place.indices(len(self)))]
        return Line(Text(), self._tree.outline.rows[place], paint=partial(self._tree.row_text, place))

    def place(self, key: Hashable) -> int | None:
        return self._tree.outline.place(key) if isinstance(key, int) else None


class LineageTree(LineList):
    """The tree, with a cursor; a line's key is the experiment's index."""

    TITLE = "Lineage: the tree"
    DEFAULT_CSS = """
    LineageTree { height: 1fr; overflow-x: hidden; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Open", tooltip="Open the experiment"),
        Binding("space", "flip", "Fold", tooltip="Show or hide the children"),
        Binding("right,l", "unfold", "Unfold", show=False, tooltip="Show the children, or go to the first"),
        Binding("left,h", "fold", "Fold", show=False, tooltip="Hide the children, or go to the parent"),
        Binding("p", "parent", "Parent", show=False, tooltip="Go to the parent"),
        Binding("b", "best_child", "Best child", show=False, tooltip="Go to the best child"),
        Binding("n", "sibling(1)", "Next sibling", show=False),
        Binding("N", "sibling(-1)", "Previous sibling", show=False),
        Binding("full_stop", "match(1)", "Next match", show=False, key_display="."),
        Binding("comma", "match(-1)", "Previous match", show=False, key_display=","),
    ]

    def __init__(self, outline: Outline, scale: ScoreScale, bookmarks: list[int]) -> None:
        super().__init__(id="tree", empty=_NOTHING)
        self.outline = outline
        self.scale = scale
        self.bookmarks = bookmarks
        self.marked: list[int] = []
        self.chosen: tuple[str, ...] | None = None
        self._centring = False

    def on_mount(self) -> None:
        self.refresh_rows()

    @property
    def current(self) -> int | None:
        """The index of the experiment under the cursor."""
        rows = self.outline.rows
        return rows[self.cursor] if 0 <= self.cursor < len(rows) else None

    @property
    def above(self) -> int:
        """How many lines of the screen are above the cursor's."""
        return self.cursor - self.scroll_offset.y

    def refresh_rows(self, keep: int | None = None, above: int | None = None) -> None:
        """Show the outline as it is now, the cursor on `keep` or near it.

        Args:
            above: how many lines of the screen are to be above the cursor's, if there are; as many as now
                where None.
        """
        above = self.above if above is None else above
        self._laid_out(0 if keep is None else self.outline.nearest(keep) or 0)
        if keep is not None and self.size.height:
            self.scroll_to(y=max(self.cursor - above, 0), animate=False, force=True, immediate=True)
        if self.cursor >= 0:
            self._reveal(self.cursor)

    def _laid_out(self, place: int) -> None:
        """The rows as they are now, the cursor on `place`."""
        self._replace(_Rows(self), self._head())
        self._still = True
        self.cursor = min(place, len(self.outline.rows) - 1)
        self._still = False

    def again(self) -> None:
        """Paint the rows again, as marks, columns or colours have changed."""
        self._strips.clear()
        self.set_head(self._head())

    # Columns

    @property
    def columns(self) -> list[Column]:
        """Those that there is room for."""
        wanted = [c for c in COLUMNS if self.chosen is None or c.name in self.chosen]
        room = (self.size.width or 80) - _LEAD - _NAMES[self.chosen is None]
        shown: list[Column] = []
        for column in wanted:
            room -= column.width + 1
            if shown and room < 0:
                break
            shown.append(column)
        return shown

    def _head(self) -> Text:
        order = ORDERS[self.outline.order]
        arrow = "↓" if self.outline.descending else "↑"
        shown = Text(f" {'index' + arrow * (order.name == 'index'):>6} ", no_wrap=True, end="")
        for column in self.columns:
            title = f"{column.title}{arrow}" if column is order else column.title
            shown.append(f"{title:>{column.width}} "[-column.width - 1 :])
        return shown.append(f" name{arrow}" if order is NAME else " name")

    # Lines

    def _painted(self, line: Line, on: bool) -> Text:
        text = super()._painted(line, on)
        # Colours of scores are chosen for the background; on the cursor's all is in the text's, and the bar
        # still tells the step.
        return Text(text.plain, no_wrap=True, end="") if on else text

    def row_text(self, place: int) -> Text:
        """A row with its colours."""
        row, theme = self.outline.row(place), theme_styles(self.app)
        e = row.experiment
        mark = "◉" if e.index in self.marked else "⚑" if e.index in self.bookmarks else " "
        shown = Text(no_wrap=True, end="").append(mark, style=theme.accent + theme.strong)
        shown.append(f"{e.index:>6} ", style=_MUTED)
        for column in self.columns:
            value = self.outline.values.of(column.name).get(e.index)
            style = _MUTED
            if column.name in ("score", "best") and isinstance(value, float) and row.matches:
                style = self.scale.style(value)
            text = column.text(value)
            if column.name == "score":
                text = self.scale.bar(e.score) + text[1:]
            elif row.matches and column.name == "change" and isinstance(value, float):
                style = theme.good if value > 0 else theme.bad
            elif row.matches and column.name == "verdict" and value:
                style = theme.bad
            shown.append(f"{text} ", style=style)
        fold = "  " if row.open is None else "▾ " if row.open else "▸ "
        shown.append(row.guides + fold, style=_MUTED)
        if e.in_gallery or e.has_program:
            shown.append("★ " if e.in_gallery else "◆ ", style=theme.accent + theme.strong)
        shown.append(safe_line(e.label, _MAX_NAME), style="" if row.matches else _MUTED)
        if e.children:
            shown.append(f" ({e.children})", style=_MUTED)
        return shown

    # Moving

    def go_to(self, index: int, *, centre: bool = False) -> bool:
        """Put the cursor on an experiment, unfolding what hides it; False where the filter hides it."""
        count = len(self.outline.rows)
        if not self.outline.reveal(index):
            return False
        if len(self.outline.rows) != count:
            self._laid_out(self.cursor)
        self._centring = centre
        self._still = centre
        self.cursor = self.outline.place(index) or 0
        self._still = False
        if centre:
            self._centre()
        else:
            self.show_around(self.cursor, head=1)
        return True

    def _centre(self) -> None:
        """The cursor in the middle, or lower, as far as its ancestors can be seen above it."""
        height = self.size.height - 1
        if self.current is None or height < 1:
            return
        top = self.cursor - height // 2
        for index in self.outline.lineage.ancestors(self.current):
            place = self.outline.place(index)
            if place is not None and self.cursor - place < height - 2:
                top = min(top, place)
        self.scroll_to(y=max(top, 0), animate=False, force=True, immediate=True)
        self._centring = False

    def on_resize(self) -> None:
        self.again()
        if self._centring:  # it was asked for before there was any room
            self._centre()
        elif self.cursor >= 0:
            self._reveal(self.cursor)

    def action_flip(self) -> None:
        if self.current is not None:
            self._set_open(self.current not in self.outline.opened)

    def action_unfold(self) -> None:
        index = self.current
        if index is None or self._set_open(True):
            return
        if not self.outline.flat and self.outline.has_children(index):
            self.action_move(1)

    def action_fold(self) -> None:
        if self.current is not None and not self._set_open(False):
            self.action_parent()

    def _set_open(self, opened: bool) -> bool:
        index = self.current
        if index is None or not self.outline.set_open(index, opened):
            return False
        self._laid_out(self.cursor)
        return True

    def action_parent(self) -> None:
        if self.current is not None and (parent := self.outline.lineage.parent(self.current)) is not None:
            self.go_to(parent)

    def action_best_child(self) -> None:
        lineage, experiments = self.outline.lineage, self.outline.experiments
        if self.current is None:
            return
        best = best_child(lineage, experiments, self.current, self.scale.objective)
        if best is not None:
            self.go_to(best)

    def action_sibling(self, step: int) -> None:
        if (index := self.current) is None:
            return
        parent = self.outline.lineage.parent(index)
        siblings = self.outline.lineage.roots if parent is None else self.outline.children(parent)
        if (there := neighbour(siblings, index, step)) is not None:
            self.go_to(there)

    def action_match(self, step: int) -> None:
        place = self.cursor + step
        while 0 <= place < len(self.outline.rows):
            if self.outline.row(place).matches:
                self.cursor = place
                self.show_around(place, head=1)
                return
            place += step

    def on_click(self, event: events.Click) -> None:
        place = event.y + self.scroll_offset.y - 1
        if event.y < 1 or place >= len(self.outline.rows):
            return
        if event.chain > 1:
            self.action_choose()
        elif place == self.cursor:
            self.action_flip()
        self.cursor = place
