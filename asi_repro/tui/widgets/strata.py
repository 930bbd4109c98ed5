"""A run as a map of when and how deep: one column a stretch of the run, one row a depth of the tree."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from asi_repro.archive.store import Experiment
from asi_repro.tui.widgets.score import ScoreScale

_SHADES = "·░▒▓█"
_LABEL = 4  # cells of the depth's number at the left


class Strata(Widget, can_focus=True):
    """The tree as far as it has grown.

    Each cell is shaded by how many experiments of that depth fell into that stretch, in the colour of the
    best score among them; a star where one is in the gallery. The experiment last added is a disc, its
    ancestors are diamonds.
    """

    DEFAULT_CSS = """
    Strata { height: 1fr; background: $background; padding: 0 1; }
    Strata > .strata--axis { color: $text-muted; }
    Strata > .strata--path { color: $accent; text-style: bold; }
    Strata > .strata--now { color: $accent; text-style: bold reverse; }
    Strata > .strata--star { text-style: bold; }
    """
    COMPONENT_CLASSES = {"strata--axis", "strata--path", "strata--now", "strata--star"}  # noqa: RUF012

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._run: Sequence[Experiment] = ()
        self._scale = ScoreScale([])
        self._position = 0
        self._path: tuple[int, ...] = ()
        self._deepest = 0
        self._bins: dict[tuple[int, int], list[int]] = {}
        self._filled = (0, 0)

    def show(self, run: Sequence[Experiment], scale: ScoreScale) -> None:
        """Map another run.

        Args:
            run: experiments in index order.
        """
        self._run, self._scale = run, scale
        self._deepest = max((e.depth for e in run), default=0)
        self._filled = (0, 0)
        self.refresh()

    def at(self, position: int, path: Sequence[int]) -> None:
        """Show the tree as it was after the experiment at `position`.

        Args:
            path: positions of its ancestors.
        """
        self._position, self._path = position, tuple(path)
        self.refresh()

    @property
    def _columns(self) -> int:
        return max(self.size.width - _LABEL, 1)

    @property
    def _rows(self) -> int:
        return max(min(self.size.height - 1, self._deepest + 1), 1)

    def _cell(self, position: int) -> tuple[int, int]:
        column = position * self._columns // max(len(self._run), 1)
        depth = self._run[position].depth
        row = depth if self._rows > self._deepest else depth * self._rows // (self._deepest + 1)
        return row, column

    def _fill(self) -> None:
        size = (self._columns, self._rows)
        if self._filled != size:
            self._filled = size
            self._bins = {}
            for position in range(len(self._run)):
                self._bins.setdefault(self._cell(position), []).append(position)
            self._most = max(map(len, self._bins.values()), default=1)

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        width = self.size.width
        if not self._run:
            return Strip.blank(width, base)
        self._fill()
        axis = base + self.get_component_rich_style("strata--axis", partial=True)
        if y == self._rows:
            return self._axis(axis).adjust_cell_length(width, base)
        if y > self._rows:
            return Strip.blank(width, base)
        depth = y if self._rows > self._deepest else -(-y * (self._deepest + 1) // self._rows)
        segments = [Segment(f"{depth:>{_LABEL - 1}} ", axis)]
        path = {self._cell(position) for position in self._path}
        now = self._cell(self._position)
        for column in range(self._columns):
            segments.append(self._mark((y, column), path, now, base))
        return Strip(segments, _LABEL + self._columns).simplify().adjust_cell_length(width, base)

    def _mark(
        self, cell: tuple[int, int], path: set[tuple[int, int]], now: tuple[int, int], base: Style
    ) -> Segment:
        if cell == now:
            return Segment("●", base + self.get_component_rich_style("strata--now", partial=True))
        if cell in path:
            return Segment("◆", base + self.get_component_rich_style("strata--path", partial=True))
        there = self._bins.get(cell)
        if there is None or there[0] > self._position:
            return Segment(" ", base)
        shown = [self._run[p] for p in there if p <= self._position]
        best = max((e.score for e in shown if e.score is not None), default=None)
        style = base + self._scale.style(best)
        if any(e.in_gallery for e in shown):
            return Segment("★", style + self.get_component_rich_style("strata--star", partial=True))
        # By the square root of the count, so that one and two are told apart beside a crowd.
        step = (len(shown) / self._most) ** 0.5 * (len(_SHADES) - 1)
        return Segment(_SHADES[min(int(step + 0.5), len(_SHADES) - 1)], style)

    def _axis(self, style: Style) -> Strip:
        """Indices below the map, as many as there is room for."""
        count = max(self._columns // 12, 1)
        line = [" "] * self._columns
        for n in range(count):
            column = n * self._columns // count
            position = -(-column * len(self._run) // self._columns)
            if position < len(self._run):
                label = f"└{self._run[position].index:,}"
                for place, letter in enumerate(label[: self._columns - column]):
                    line[column + place] = letter
        return Strip([Segment("dep " + "".join(line), style)], _LABEL + self._columns)
