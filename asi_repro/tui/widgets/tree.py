"""The lineage as lines: only the rows on the screen are ever made, so its length costs nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from asi_repro.tui.outline import Outline, Row, best_child, neighbour
from asi_repro.tui.widgets.fast_scroll import FastScrollView, fit_strip
from asi_repro.tui.widgets.score import ScoreScale
from asi_repro.tui.widgets.text import safe_line

_MAX_NAME = 160
_NOTHING = " nothing matches this filter: change it, or escape clears it"


class LineageTree(FastScrollView, can_focus=True):
    """The tree, with a cursor."""

    TITLE = "Lineage: the tree"
    DEFAULT_CSS = """
    LineageTree { height: 1fr; overflow-x: hidden; }
    LineageTree > .tree--cursor { background: $panel; text-style: bold; }
    LineageTree:focus > .tree--cursor { background: $row-cursor; text-style: bold; }
    LineageTree > .tree--name { color: $foreground; }
    LineageTree > .tree--gallery { color: $accent; text-style: bold; }
    LineageTree > .tree--mark { color: $accent; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "tree--cursor", "tree--name", "tree--gallery", "tree--mark",
    }  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "edge(0)", "First", show=False),
        Binding("end", "edge(-1)", "Last", show=False),
        Binding("enter", "choose", "Open", tooltip="Open the experiment"),
        Binding("space", "flip", "Fold", tooltip="Show or hide the children"),
        Binding("right,l", "unfold", "Unfold", show=False, tooltip="Show the children, or go to the first"),
        Binding("left,h", "fold", "Fold", show=False, tooltip="Hide the children, or go to the parent"),
        Binding("p", "parent", "Parent", show=False, tooltip="Go to the parent"),
        Binding("b", "best_child", "Best child", show=False, tooltip="Go to the best child"),
        Binding("n", "sibling(1)", "Next sibling", show=False),
        Binding("N", "sibling(-1)", "Previous sibling", show=False),
    ]

    cursor: reactive[int] = reactive(0, repaint=False, init=False)

    @dataclass
    class Highlighted(Message):
        """The cursor is on another experiment, or on none."""

        index: int | None

    @dataclass
    class Selected(Message):
        """An experiment was chosen."""

        index: int

    def __init__(self, outline: Outline, scale: ScoreScale, bookmarks: list[int]) -> None:
        super().__init__(id="tree")
        self.outline = outline
        self.scale = scale
        self.bookmarks = bookmarks
        self.marked: list[int] = []
        self._centring = False
        self._styles: dict[str, Style] = {}

    def on_mount(self) -> None:
        self.refresh_rows()

    @property
    def current(self) -> int | None:
        """The index of the experiment under the cursor."""
        rows = self.outline.rows
        return rows[self.cursor] if 0 <= self.cursor < len(rows) else None

    def refresh_rows(self, keep: int | None = None) -> None:
        """Show the outline as it is now, the cursor on `keep` or near it."""
        place = 0 if keep is None else self.outline.nearest(keep)
        self._measure()
        # Not by its watcher, which would tell of the cursor a second time.
        self.set_reactive(LineageTree.cursor, min(place or 0, max(len(self.outline.rows) - 1, 0)))
        self._see_cursor()
        self.refresh()
        self.post_message(self.Highlighted(self.current))

    def _measure(self) -> None:
        self.set_virtual_size(Size(self.size.width, len(self.outline.rows)))

    def go_to(self, index: int, *, centre: bool = False) -> bool:
        """Put the cursor on an experiment, unfolding what hides it; False where the filter hides it."""
        count = len(self.outline.rows)
        if not self.outline.reveal(index):
            return False
        if len(self.outline.rows) != count:
            self._measure()
            self.refresh()
        place = self.outline.place(index)
        self.cursor = place or 0
        self._centring = centre
        if centre:
            self._centre()
        else:
            self.show_around(self.cursor)
        return True

    def _centre(self) -> None:
        """The cursor in the middle, or lower, as far as its ancestors can be seen above it."""
        height = self.size.height
        if self.current is None or not height:
            return
        top = self.cursor - height // 2
        for index in self.outline.lineage.ancestors(self.current):
            place = self.outline.place(index)
            if place is not None and self.cursor - place < height - 2:
                top = min(top, place)
        self.scroll_to(y=max(top, 0), animate=False, immediate=True)
        self._centring = False

    def watch_cursor(self, old: int, new: int) -> None:
        self.refresh_line(old)
        self.refresh_line(new)
        self._see_cursor()
        self.post_message(self.Highlighted(self.current))

    def _see_cursor(self) -> None:
        if self.size.height:
            self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False, immediate=True)

    def on_focus(self) -> None:
        self._styles = {}
        self.refresh()

    on_blur = on_focus

    def on_resize(self) -> None:
        self._measure()
        if self._centring:  # it was asked for before there was any room
            self._centre()
        else:
            self._see_cursor()

    # Lines

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles = {}

    def _style(self, name: str) -> Style:
        if name not in self._styles:
            if name == "base":
                self._styles[name] = self.rich_style
            elif name in ("tree--guide", "tree--context"):
                # A half transparent colour would need what is behind it; dim is right on every background.
                self._styles[name] = Style(dim=True)
            else:
                self._styles[name] = self.get_component_rich_style(name, partial=name != "tree--cursor")
        return self._styles[name]

    def render_line(self, y: int) -> Strip:
        place = y + self.scroll_offset.y
        width = self.size.width
        if place >= len(self.outline.rows):
            if place == 0:
                return (
                    Strip([Segment(_NOTHING, self.rich_style)])
                    .extend_cell_length(width, self.rich_style)
                    .crop(0, width)
                )
            return Strip.blank(width, self.rich_style)
        segments = self._segments(self.outline.row(place))
        base = self._style("base")
        if place == self.cursor:
            base += self._style("tree--cursor")
            # Colours of scores are chosen for the background; on the cursor's all is in the text's, and the
            # bar still tells the step.
            segments = [Segment(s.text, Style(bgcolor=base.bgcolor)) for s in segments]
        return fit_strip(Strip(segments).apply_style(base), 0, width, base)

    def _segments(self, row: Row) -> list[Segment]:
        e = row.experiment
        part = self._style
        guide = part("tree--guide")
        mark = "◉" if e.index in self.marked else "⚑" if e.index in self.bookmarks else " "
        score = "     -" if e.score is None else f"{e.score:6.3f}"
        tone = self.scale.style(e.score) if row.matches else part("tree--context")
        fold = "  " if row.open is None else "▾ " if row.open else "▸ "
        name_class = "tree--name" if row.matches else "tree--context"
        segments = [
            Segment(mark, part("tree--mark")),
            Segment(f"{e.index:>6} ", guide),
            Segment(f"{self.scale.bar(e.score)}{score} ", tone),
            Segment(row.guides, guide),
            Segment(fold, guide),
        ]
        if e.in_gallery:
            segments.append(Segment("★ ", part("tree--gallery")))
        elif e.has_program:
            segments.append(Segment("◆ ", part("tree--gallery")))
        segments.append(Segment(safe_line(e.label, _MAX_NAME), part(name_class)))
        if e.children:
            segments.append(Segment(f" ({e.children})", guide))
        return segments

    # Moving

    def action_move(self, step: int) -> None:
        self._go_to_row(self.cursor + step)

    def action_page(self, step: int) -> None:
        self._go_to_row(self.cursor + step * max(self.size.height - 1, 1))

    def action_edge(self, row: int) -> None:
        self._go_to_row(row if row == 0 else len(self.outline.rows) - 1)

    def _go_to_row(self, row: int) -> None:
        self.cursor = min(max(row, 0), max(len(self.outline.rows) - 1, 0))

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
        self._measure()
        self._see_cursor()
        self.refresh()
        return True

    def action_parent(self) -> None:
        if self.current is not None and (parent := self.outline.lineage.parent(self.current)) is not None:
            self.go_to(parent)

    def action_best_child(self) -> None:
        lineage, experiments = self.outline.lineage, self.outline.experiments
        if self.current is not None and (best := best_child(lineage, experiments, self.current)) is not None:
            self.go_to(best)

    def action_sibling(self, step: int) -> None:
        if (index := self.current) is None:
            return
        parent = self.outline.lineage.parent(index)
        siblings = self.outline.lineage.roots if parent is None else self.outline.children(parent)
        if (there := neighbour(siblings, index, step)) is not None:
            self.go_to(there)

    def action_choose(self) -> None:
        if self.current is not None:
            self.post_message(self.Selected(self.current))

    def on_click(self, event: events.Click) -> None:
        place = event.y + self.scroll_offset.y
        if place >= len(self.outline.rows):
            return
        chosen = event.chain > 1
        if place == self.cursor and not chosen:
            self.action_flip()
        self._go_to_row(place)
        if chosen:
            self.action_choose()
