"""A run as a map of when and how deep: one column a stretch of the run, one row a depth of the tree."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from textual.strip import Strip

from asi_repro.archive.reader import Experiment
from asi_repro.tui.widgets.cached_styles import CachedStyles, cells_to_strip
from asi_repro.tui.widgets.score import ScoreScale

_SHADES = "·░▒▓█"
_LABEL = 8  # as in the charts below
_LEGEND = "● this step  ◆ its ancestors  ★ gallery  ░▒▓█ how many; the colour is the best score of theirs"


class DepthHeatmap(CachedStyles, can_focus=True):
    """The tree as far as it has grown.

    Each cell is shaded by how many experiments of that depth fell into that stretch, in the colour of the
    best score among them; a star where one is in the gallery. The experiment last added is a disc, its
    ancestors are diamonds.
    """

    DEFAULT_CSS = """
    DepthHeatmap { height: 1fr; background: $background; padding: 0 1; }
    DepthHeatmap > .heatmap--axis { color: $text-muted; }
    DepthHeatmap > .heatmap--path { color: $accent; text-style: bold; }
    DepthHeatmap > .heatmap--now { color: $accent; text-style: bold reverse; }
    DepthHeatmap > .heatmap--star { text-style: bold; }
    """
    COMPONENT_CLASSES = {"heatmap--axis", "heatmap--path", "heatmap--now", "heatmap--star"}  # noqa: RUF012

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._run: Sequence[Experiment] = ()
        self._scale = ScoreScale([])
        self._position = self._here = 0
        self._path: tuple[int, ...] = ()
        self._deepest = 0
        self._bins: dict[tuple[int, int], list[int]] = {}
        self._final: dict[tuple[int, int], tuple[str, Style]] = {}
        self._most = 1
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

    def at(self, position: int, path: Sequence[int], *, whole: bool = False) -> None:
        """Show the tree as it was after the experiment at `position`.

        Args:
            path: positions of its ancestors.
            whole: whether to show all that came later too.
        """
        self._here, self._path = position, tuple(path)
        self._position = len(self._run) - 1 if whole else position
        self.refresh()

    def best_at(self, x: int, y: int) -> Experiment | None:
        """The best of those in the cell at (x, y) of the widget."""
        there = self._bins.get((y, x - 1 - _LABEL), [])
        gain = self._scale.objective.gain
        return max((self._run[p] for p in there), key=lambda e: gain(e.score), default=None)

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

    def forget_styles(self) -> None:
        super().forget_styles()
        self._filled = (0, 0)

    def _fill(self) -> None:
        """Which experiments fall into which cell, and what each cell shows in the end."""
        size = (self._columns, self._rows)
        if self._filled == size:
            return
        self._filled = size
        self._bins = {}
        for position in range(len(self._run)):
            self._bins.setdefault(self._cell(position), []).append(position)
        self._most = max(map(len, self._bins.values()), default=1)
        self._final = {cell: self._mark(there) for cell, there in self._bins.items()}

    def _mark(self, positions: Sequence[int]) -> tuple[str, Style]:
        base = self.style_of()
        shown = [self._run[p] for p in positions]
        scores = [e.score for e in shown if e.score is not None]
        best = max(scores, key=self._scale.objective.gain, default=None)
        style = base + self._scale.style(best)
        if any(e.in_gallery for e in shown):
            return "★", style + self.get_component_rich_style("heatmap--star", partial=True)
        # By the square root of the count, so that one and two are told apart beside a crowd.
        step = (len(shown) / self._most) ** 0.5 * (len(_SHADES) - 1)
        return _SHADES[min(int(step + 0.5), len(_SHADES) - 1)], style

    def render_line(self, y: int) -> Strip:
        base, width = self.style_of(), self.size.width
        if not self._run:
            return Strip.blank(width, base)
        self._fill()
        axis = self.style_of("heatmap--axis")
        if y == self._rows:
            return cells_to_strip([(letter, axis) for letter in self._axis()], width, base)
        if y == self._rows + 1:
            return cells_to_strip([(letter, axis) for letter in f"{'':<{_LABEL}}{_LEGEND}"], width, base)
        if y > self._rows:
            return Strip.blank(width, base)
        first, last = (-(-row * (self._deepest + 1) // self._rows) for row in (y, y + 1))
        depths = f"{first}" if last <= first + 1 else f"{first}–{last - 1}"
        cells = [(letter, axis) for letter in f"{depths:>{_LABEL - 1}} "]
        now_row, now_column = self._cell(self._here)
        for column in range(self._columns):
            there = self._bins.get((y, column))
            if there is None or there[0] > self._position:
                cells.append((" ", base))
            elif there[-1] <= self._position:
                cells.append(self._final[y, column])
            else:  # the stretch that is going on
                cells.append(self._mark([p for p in there if p <= self._position]))
        for row, column in map(self._cell, self._path):
            if row == y:
                cells[_LABEL + column] = ("◆", self.style_of("heatmap--path"))
        if now_row == y:
            cells[_LABEL + now_column] = ("●", self.style_of("heatmap--now"))
        return cells_to_strip(cells, width, base)

    def _axis(self) -> str:
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
        return f"{'depth':<{_LABEL}}" + "".join(line)
