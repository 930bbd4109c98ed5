"""Numbers over a run, drawn in cells: bars of an eighth's height, and dots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_LABEL = 8


@dataclass(frozen=True)
class Track:
    """One number over the positions of a run.

    Attributes:
        title: what it is.
        values: by position; None where there is none.
        style: its colour.
        low, high: of its axis; reversed (low above high) puts small numbers on top.
        dots: whether to draw dots on a logarithmic axis, one a value, instead of bars of the last value.
        lines: values at which to draw a rule, with its label; dots only.
        number: how a value is written.
        share: of the height, against the other tracks.
    """

    title: str
    values: Sequence[float | None]
    style: Style
    low: float
    high: float
    dots: bool = False
    lines: tuple[float, ...] = ()
    number: str = "{:,.0f}"
    share: int = 1


class Tracks(Widget):
    """Tracks below one another, each drawn up to the same position."""

    DEFAULT_CSS = """
    Tracks { height: 1fr; background: $background; padding: 0 1; }
    Tracks > .tracks--title { color: $text-muted; }
    Tracks > .tracks--rule { color: $success; }
    """
    COMPONENT_CLASSES = {"tracks--title", "tracks--rule"}  # noqa: RUF012

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._tracks: Sequence[Track] = ()
        self._position = 0
        self._key: tuple[int, int, int] | None = None
        self._rows: list[tuple[Track, int, int]] = []
        self._grids: list[dict[int, list[tuple[int, int]]]] = []

    def show(self, tracks: Sequence[Track]) -> None:
        """Draw other tracks."""
        self._tracks = tracks
        self._key = None
        self.refresh()

    def at(self, position: int) -> None:
        """Draw up to that position."""
        self._position = position
        self.refresh()

    def _lay_out(self) -> None:
        """Which track and which of its rows each line shows; the first is its title."""
        key = (self.size.width, self.size.height, len(self._tracks))
        if key == self._key:
            return
        self._key = key
        self._rows, self._grids = [], []
        left, shares = self.size.height, sum(track.share for track in self._tracks)
        for track in self._tracks:
            height = max(left * track.share // max(shares, 1), 1)
            self._rows += [(track, row, height - 1) for row in range(height)]
            self._grids.append(_grid(track, height - 1, self._columns) if track.dots else {})
            left, shares = left - height, shares - track.share

    @property
    def _columns(self) -> int:
        return max(self.size.width - _LABEL, 1)

    def render_line(self, y: int) -> Strip:
        base, width = self.rich_style, self.size.width
        self._lay_out()
        if y >= len(self._rows):
            return Strip.blank(width, base)
        track, row, height = self._rows[y]
        muted = base + self.get_component_rich_style("tracks--title", partial=True)
        if row == 0:
            value = track.values[self._position] if self._position < len(track.values) else None
            said = "–" if value is None else track.number.format(value)
            segments = [Segment(f"{track.title} ", muted), Segment(said, base + track.style)]
            return Strip(segments).adjust_cell_length(width, base)
        top = track.number.format(track.high if row == 1 else track.low) if row in (1, height) else ""
        segments = [Segment(f"{top[: _LABEL - 1]:>{_LABEL - 1}} ", muted)]
        if track.dots:
            segments += self._dots(track, row - 1, height, base)
        else:
            segments += self._bars(track, row - 1, height, base)
        return Strip(segments).simplify().adjust_cell_length(width, base)

    def _bars(self, track: Track, row: int, height: int, base: Style) -> list[Segment]:
        count, columns = len(track.values), self._columns
        style = base + track.style
        text = []
        for column in range(columns):
            last = min((column + 1) * count // columns, self._position + 1) - 1
            value = track.values[last] if column * count // columns <= self._position and last >= 0 else None
            if value is None:
                text.append(" ")
                continue
            part = (value - track.low) / ((track.high - track.low) or 1.0)
            eighths = round(max(part, 0.0) * height * 8) - (height - 1 - row) * 8
            text.append(_EIGHTHS[min(max(eighths, 0), 8)])
        return [Segment("".join(text), style)]

    def _dots(self, track: Track, row: int, height: int, base: Style) -> list[Segment]:
        grid = self._grids[self._tracks.index(track)]
        count, columns = len(track.values), self._columns
        until = self._position * columns // max(count, 1)
        rules = {_log_row(track, value, height) for value in track.lines}
        rule = base + self.get_component_rich_style("tracks--rule", partial=True)
        found = {column: first for column, first in grid.get(row, []) if first <= self._position}
        blank = "─" if row in rules else " "
        return [
            Segment("•", base + track.style)
            if column in found
            else Segment(blank if column <= until else " ", rule)
            for column in range(columns)
        ]


def _log_row(track: Track, value: float, height: int) -> int:
    low, high = (math.log(max(v, 1.0)) for v in (track.low, track.high))
    part = (math.log(max(value, 1.0)) - high) / ((low - high) or 1.0)
    return min(max(round(part * (height - 1)), 0), max(height - 1, 0))


def _grid(track: Track, height: int, columns: int) -> dict[int, list[tuple[int, int]]]:
    """By row: each column with a dot, and the first position that made it."""
    seen: dict[tuple[int, int], int] = {}
    for position, value in enumerate(track.values):
        if value is not None and height > 0:
            cell = (_log_row(track, value, height), position * columns // len(track.values))
            seen.setdefault(cell, position)
    rows: dict[int, list[tuple[int, int]]] = {}
    for (row, column), first in seen.items():
        rows.setdefault(row, []).append((column, first))
    return rows
