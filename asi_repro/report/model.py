"""What a report is made of: sections of paragraphs, tables and figures, all as plain text and bytes.

The pages escape every string here, so nothing in a block is markup.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from asi_repro.text import terminal_safe

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MplFigure

Cell: TypeAlias = str | int | float | bool | None


def plain(text: str) -> str:
    """A name from outside as one line of visible characters."""
    return terminal_safe(text, keep="")


@dataclass(frozen=True)
class Heading:
    """A heading within a section, and its anchor."""

    id: str
    text: str


@dataclass(frozen=True)
class Paragraph:
    """Plain text; `tone` 'note' sets it apart."""

    text: str
    tone: str = "body"


@dataclass(frozen=True)
class Table:
    """A table of plain text.

    Attributes:
        badges: the column whose cells are verdicts, shown as coloured labels; None for none.
        numeric: columns set flush right.
        link: the column whose cells are the row's name, by which the page can be entered.
        evidence: whether that cell is a claim's id, and leads to its evidence.
        details: for each row a longer text, folded on the page; () for none.
        strong: cells that stand out, as (row, column).
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    badges: int | None = None
    numeric: tuple[int, ...] = ()
    link: int | None = None
    evidence: bool = False
    details: tuple[str, ...] = ()
    strong: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class PlotData:
    """The numbers behind a figure, written as `plots/NAME.csv`.

    `.dvc/plots/NAME.json` is the Vega-Lite template that shows it under `dvc plots show`.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def records(self) -> list[dict[str, Cell]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True)
class Drawing:
    """A figure before it is drawn.

    Attributes:
        id: name of its files and its anchor on the page.
        alt: what a person who cannot see it needs to know.
        source: the data it came from.
        draw: draws onto an empty matplotlib figure.
        size: width and height in inches; `dpi` is the PNG's dots an inch.
        tooltips: for each group of marks (its gid), one text a mark, in drawing order.
    """

    id: str
    title: str
    alt: str
    caption: str
    source: str
    draw: Callable[[MplFigure], None]
    size: tuple[float, float] = (9.0, 4.8)
    dpi: int = 150
    data: tuple[PlotData, ...] = ()
    tooltips: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def code(self) -> str:
        """The module that draws it."""
        return self.draw.__module__


Block: TypeAlias = Heading | Paragraph | Table | Drawing


@dataclass(frozen=True)
class Section:
    """A heading, its anchor and what stands below it.

    Attributes:
        absent: where there are no blocks, what to say instead.
    """

    id: str
    title: str
    blocks: tuple[Block, ...]
    absent: str | None = None


@dataclass(frozen=True)
class Picture:
    """A drawn figure.

    Attributes:
        svg: stands alone.
        inline: the same for an HTML page, its colours as CSS variables.
    """

    drawing: Drawing
    svg: str
    inline: str
    png: bytes
