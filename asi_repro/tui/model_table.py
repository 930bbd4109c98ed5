"""A table of models that were trained here, as the results view shows it, and its picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from rich.style import Style

from asi_repro.archive.reader import Archive, Experiment
from asi_repro.results.layout import REFERENCE, slug_of
from asi_repro.tui.theme import ThemeStyles
from asi_repro.tui.widgets.canvas import Axis
from asi_repro.tui.widgets.drawing import Figure, Series, clipped
from asi_repro.tui.widgets.text import safe_line

_LABEL = 18


@dataclass(frozen=True)
class Column:
    """A column of numbers.

    Attributes:
        title: above it; of several words, one a line.
        value: what it is sorted by.
        pattern: how the value is written.
        descending: whether the highest stands first when one sorts by it.
        more: written after the value.
        style: of the cell.
        below: what stands below the title, for each name of `ModelTable.below`.
        name: of what it is about, where the title is not enough.
    """

    title: str
    width: int
    value: Callable[[Any], float | None]
    pattern: str
    descending: bool = False
    more: Callable[[Any], str] = lambda row: ""
    style: Callable[[Any, ThemeStyles], Style | str] = lambda row, theme: ""
    below: Sequence[str] = ()
    name: str = ""


@dataclass(frozen=True)
class Picture:
    """One way to draw a table: what is drawn, whether curves by step or tokens, and on which axis."""

    title: str
    curves: bool = True
    log: bool = False


LOSSES = (Picture("without its first fall"), Picture("logarithmic", log=True))


@dataclass(frozen=True)
class Look:
    """What one looks at.

    Attributes:
        picture: of those of the table.
        chosen: name of the model that the cursor is on.
        kept: names of the models that stay drawn in colour.
        by: the column that the models are sorted by.
        at: the step that is read off.
    """

    picture: Picture
    chosen: object
    kept: Set[object]
    by: Column
    at: float | None


class ModelTable:
    """Models that were trained here.

    Attributes:
        OF: what its rows are made from.
        columns: of its rows.
        rows: one a model, with its `name`, `title` and whether it is a `baseline`.
        below: names of what stands below the columns' titles.
        steps: at which curves can be read off.
        pictures: ways to draw it.
        pending: whether `work_out` has something to do.
    """

    OF: ClassVar[str]
    columns: Sequence[Column] = ()
    rows: Sequence[Any] = ()
    below: Sequence[str] = ()
    steps: Sequence[float] = ()
    pictures: Sequence[Picture] = LOSSES
    pending = False

    def __init__(self, folder: Path, archive: Archive) -> None:
        self.folder, self.archive = folder, archive

    def experiment(self, name: str) -> Experiment | None:
        """What a model was made from, where it is of the run that is browsed: each run counts from 1."""
        digits = name.partition("-")[0]
        e = self.archive.experiments.get(int(digits)) if digits.isdecimal() else None
        return e if e is not None and slug_of(e.index, e.name) == name else None

    @property
    def name(self) -> str:
        """Unlike that of any other table: its folder's and what it is of."""
        return f"{self.folder.name}/{self.OF}"

    @property
    def about(self) -> list[str]:
        """What it is and what it says, a paragraph each."""
        raise NotImplementedError

    def work_out(self, *, seed: int, resamples: int) -> None:
        """Work out what takes seconds; in a thread."""

    def figure(self, look: Look, theme: ThemeStyles) -> Figure:
        """The picture below the table."""
        raise NotImplementedError


Lines = dict[tuple[str, int], list[tuple[float, float]]]


def loss_figure(
    points: Lines, rows: Sequence[Any], look: Look, theme: ThemeStyles, reference: str = REFERENCE
) -> Figure:
    """Losses by step; the arguments are those of `curves`."""
    series = curves(points, rows, look, theme, reference)
    at = "" if look.at is None else f" at step {look.at:g}"
    values = [loss for line in points.values() for _, loss in line]
    y = Axis.around(values, log=True) if look.picture.log else clipped(series)
    title = f"training loss{at}, nats per token · {look.picture.title}"
    return Figure(title, series, y=y, unit="step")


def curves(
    points: Lines, rows: Sequence[Any], look: Look, theme: ThemeStyles, reference: str = REFERENCE
) -> list[Series]:
    """A line for each model and seed; the chosen model, those kept and the reference have names.

    Args:
        points: (x, y) by model and seed.
        rows: of the table, for their titles.
    """
    titles = {row.name: safe_line(row.title, _LABEL) for row in rows}
    styles = {reference: theme.primary, **dict.fromkeys(look.kept, theme.warn), look.chosen: theme.accent}
    order = list(styles)

    def rank(key: tuple[str, int]) -> tuple[int, tuple[str, int]]:
        return (order.index(key[0]) if key[0] in styles else -1, key)

    series, named = [], set()
    for name, seed in sorted(points, key=rank):
        label = titles.get(name, safe_line(name, _LABEL)) if name in styles and name not in named else ""
        style = styles.get(name, theme.muted)
        series.append(Series("", label, points[name, seed], style, number="{:.4f}"))
        named.add(name)
    return series
