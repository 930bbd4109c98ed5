"""Lines drawn in Braille dots, each with a letter as well as a colour."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from rich.style import Style
from rich.text import Text
from textual.widget import Widget

# Dots of a Braille cell by (column, row).
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_BLANK = 0x2800
_PLAIN = Style()
Points = Sequence[tuple[float, float]]
Scale = Callable[[float], float]


@dataclass(frozen=True)
class Series:
    """One line.

    Attributes:
        letter: at its end, and in the legend.
        label: made safe already.
        points: (x, y) in order of x.
        style: of its dots.
    """

    letter: str
    label: str
    points: Points
    style: Style


def ticks(low: float, high: float, count: int) -> list[float]:
    """About `count` round numbers from `low` to `high`."""
    span = high - low
    if span <= 0 or count < 1:
        return [low]
    raw = span / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw)
    first = math.ceil(low / step)
    return [round(n * step, 10) for n in range(first, math.floor(high / step) + 1)]


class Canvas:
    """Cells of dots; in a cell that two lines cross the later one gives the colour."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.dots = [[0] * width for _ in range(height)]
        self.styles: list[list[Style | None]] = [[None] * width for _ in range(height)]
        self.letters: dict[tuple[int, int], str] = {}

    def dot(self, x: int, y: int, style: Style) -> None:
        """Set the dot at (x, y) in dots from the lower left."""
        column, row = x // 2, self.height - 1 - y // 4
        if 0 <= column < self.width and 0 <= row < self.height:
            self.dots[row][column] |= _DOTS[x % 2][3 - y % 4]
            self.styles[row][column] = style

    def line(self, a: tuple[int, int], b: tuple[int, int], style: Style) -> None:
        """A straight line of dots."""
        steps = max(abs(b[0] - a[0]), abs(b[1] - a[1]), 1)
        for step in range(steps + 1):
            x = a[0] + (b[0] - a[0]) * step / steps
            y = a[1] + (b[1] - a[1]) * step / steps
            self.dot(round(x), round(y), style)

    def row(self, number: int) -> Text:
        """One line of the canvas."""
        text = Text(no_wrap=True, end="")
        cells = zip(self._glyphs(number), self.styles[number], strict=True)
        # Neighbours of one style together: a span a cell takes longer to paint than the rest of the tab.
        for style, run in groupby(cells, key=lambda cell: cell[1]):
            text.append("".join(glyph for glyph, _ in run), style=style or _PLAIN)
        return text

    def _glyphs(self, number: int) -> Iterator[str]:
        for column, dots in enumerate(self.dots[number]):
            letter = self.letters.get((column, number))
            yield letter or (chr(_BLANK + dots) if dots else " ")


def draw(series: Sequence[Series], width: int, height: int, axis: Style) -> list[Text]:
    """The lines with axes, in `height` lines of `width` cells; y grows upwards."""
    points = [point for one in series for point in one.points]
    left = 8
    if width < left + 8 or height < 4 or not points:
        return [Text("no room for the plot" if points else "nothing to plot", style=axis)]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    low_x, high_x, low_y, high_y = min(xs), max(xs), min(ys), max(ys)
    span_x, span_y = (high_x - low_x) or 1.0, (high_y - low_y) or 1.0
    canvas = Canvas(width - left, height - 2)
    across, up = canvas.width * 2 - 3, canvas.height * 4 - 1
    for one in series:
        _draw_one(canvas, one, lambda x: (x - low_x) / span_x * across, lambda y: (y - low_y) / span_y * up)
    labels = {
        canvas.height - 1 - round((y - low_y) / span_y * up) // 4: f"{y:g}"
        for y in ticks(low_y, high_y, max(canvas.height // 3, 1))
    }
    lines = []
    for number in range(canvas.height):
        text = Text(f"{labels.get(number, ''):>{left - 2}} ", style=axis, no_wrap=True, end="")
        text.append("┤" if number in labels else "│", style=axis)
        lines.append(text.append_text(canvas.row(number)))
    lines.append(Text(" " * (left - 1) + "└" + "─" * canvas.width, style=axis, no_wrap=True))
    lines.append(_x_axis(low_x, high_x, span_x, canvas.width, left, axis))
    return lines


def _draw_one(canvas: Canvas, one: Series, to_x: Scale, to_y: Scale) -> None:
    placed = [(round(to_x(x)), round(to_y(y))) for x, y in one.points]
    for a, b in pairwise(placed):
        canvas.line(a, b, one.style)
    x, y = placed[-1]
    column, row = min(x // 2 + 1, canvas.width - 1), canvas.height - 1 - y // 4
    while (column, row) in canvas.letters and column > 1:
        column -= 2  # beside the other, as both end at this height
    canvas.letters[column, row] = one.letter
    canvas.styles[row][column] = one.style + Style(bold=True)


def _x_axis(low: float, high: float, span: float, width: int, left: int, style: Style) -> Text:
    cells = [" "] * (width + left)
    free = 0
    for tick in ticks(low, high, max(width // 12, 1)):
        label = f"{tick:g}"
        place = left + round((tick - low) / span * (width - 2)) - len(label) // 2
        place = min(max(place, free), len(cells) - len(label))
        if place >= free:
            cells[place : place + len(label)] = label
            free = place + len(label) + 1
    return Text("".join(cells), style=style, no_wrap=True)


class Plot(Widget):
    """Lines that fit themselves to the room."""

    DEFAULT_CSS = "Plot { height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self.series: Sequence[Series] = ()

    def show(self, series: Sequence[Series]) -> None:
        """Draw other lines."""
        self.series = series
        self.refresh()

    def render(self) -> Text:
        lines = draw(self.series, self.size.width, self.size.height, Style(dim=True))
        return Text("\n", end="").join(lines)
