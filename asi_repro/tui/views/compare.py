"""Two to four experiments side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.style import Style
from rich.text import Text
from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from asi_repro.archive.experiment_comparison import MOST, SideBySide, best_places, side_by_side
from asi_repro.archive.node_model import AS_RECORDED, MINIMIZE, Objective
from asi_repro.errors import MissingInput
from asi_repro.text import short_value
from asi_repro.tui.deep_link import Link
from asi_repro.tui.dialogs import Ask
from asi_repro.tui.messages import OpenExperiment, ShowInLineage
from asi_repro.tui.tabs.benchmarks import difference, in_points, interval_text, task_title, values_of
from asi_repro.tui.theme import ThemeStyles, theme_styles, verdict_mark
from asi_repro.tui.view import View
from asi_repro.tui.widgets.drawing import Drawing, Figure, Look, Series, as_text, clipped
from asi_repro.tui.widgets.empty import Empty
from asi_repro.tui.widgets.line_layout import heading
from asi_repro.tui.widgets.line_list import Line, LineList
from asi_repro.tui.widgets.text import cell, safe_line
from asi_repro.verify.catalogue import CHECKS
from asi_repro.verify.certificate import Certificate
from asi_repro.verify.markdown import number

LETTERS = "ABCD"
_LABEL = 21
_WIDEST = 44  # cells of a column: further apart, values are no longer read as one row
_APART, _DRAWN = 20, 58  # cells of a column of differences, and of one with intervals that are drawn
_PLOT_ROWS = 12
# Section by section: the tab of the experiment's view that shows more of it.
_TABS = {"facts": None, "lineage": None, "benchmarks": "benchmarks", "training": "training",
         "certificates": "certificate"}  # fmt: skip
Cells = Sequence[tuple[str, Style]]


@dataclass(frozen=True)
class _Read:
    sides: SideBySide
    certificates: tuple[Certificate | None, ...]
    objective: Objective
    withheld: str  # what a program that is not there was not
    gallery: bool  # whether the run has one


class Columns(LineList):
    """Lines whose columns can be chosen."""

    TITLE = "Columns"

    class Sideways(Message):
        """Choose the column to the left (-1) or right (1)."""

        def __init__(self, way: int) -> None:
            super().__init__()
            self.way = way

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "sideways(-1)", "Column before", show=False),
        Binding("right", "sideways(1)", "Column", key_display="←→", tooltip="Choose the next experiment"),
    ]

    def action_sideways(self, way: int) -> None:
        self.post_message(self.Sideways(way))


class CompareView(View):
    """The table."""

    TITLE = "Compare"
    DEFAULT_CSS = """
    CompareView > Columns { padding: 0 1; }
    CompareView > Columns.-nothing { height: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add", "Add", tooltip=f"Add an experiment, up to {MOST}"),
        Binding("x", "remove", "Remove", tooltip="Take the chosen experiment out"),
        Binding("d", "differences", "Differences", tooltip="Only rows that differ, or all"),
        Binding("b", "from_bookmarks", "Bookmarks", show=False, tooltip="Compare the first bookmarks"),
        Binding("l", "lineage", "Lineage", show=False, tooltip="Show the chosen experiment in the lineage"),
    ]

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._indices: list[int] = []
        self._read_: _Read | None = None
        self._column = 0
        self._only_differing = False

    def prepare(self) -> None:
        _ = self.source.archive

    def compose(self) -> ComposeResult:
        yield Columns()
        yield Empty(
            "Nothing to compare yet",
            "Two to four experiments stand side by side here: facts, kin, benchmarks, curves, certificates.",
            "a adds one by index or name, b takes the bookmarks; in the lineage, x marks and c compares",
        )

    def on_mount(self) -> None:
        self.watch(self.app, "theme", self._draw, init=False)

    @property
    def _table(self) -> Columns:
        return self.query_one(Columns)

    def first_focus(self) -> Widget | None:
        return self._table

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._draw)

    # Reading

    def _compare(self, indices: Iterable[int]) -> None:
        known = self.source.archive.experiments
        wanted = [index for index in dict.fromkeys(indices) if index in known]
        if len(wanted) > MOST:
            self.app.notify(f"the first {MOST} are shown", title=f"{len(wanted)} are too many", timeout=4)
        self._indices = wanted[:MOST]
        self._column = min(self._column, max(len(self._indices) - 1, 0))
        source, chosen = self.source, list(self._indices)

        def work_() -> _Read:
            sides = side_by_side(source.archive, chosen)
            found = tuple(_certificate(source.certificate, index) for index in chosen)
            archive = source.archive
            return _Read(sides, found, archive.objective, archive.withheld, bool(archive.gallery))

        self.load(work_, self._got)

    def _got(self, found: _Read) -> None:
        self._read_ = found
        self._draw()

    # Drawing

    def _draw(self) -> None:
        nothing = self._read_ is None or not self._read_.sides.details
        self.query_one(Empty).display = nothing
        first = self._table.has_class("-nothing")  # the table has the room of one line until it is laid out
        self._table.set_class(nothing, "-nothing")
        if self._read_ is None or nothing:
            self._table.show([])
            return
        width = max(self._table.scrollable_content_region.width, 40)
        head, lines = _Sheet(
            self._read_, width, theme_styles(self.app), self._column, self._only_differing
        ).laid_out()
        self._table.show(lines, head, keep=not first)

    @on(Columns.Sideways)
    def _sideways(self, event: Columns.Sideways) -> None:
        event.stop()
        if self._indices:
            self._column = (self._column + event.way) % len(self._indices)
            self._draw()

    @on(LineList.Selected)
    def _chosen(self, event: LineList.Selected) -> None:
        event.stop()
        key = event.line.key
        if self._indices and isinstance(key, tuple):
            self.post_message(OpenExperiment(self._indices[self._column], _TABS.get(key[0])))

    @work
    async def action_add(self) -> None:
        if len(self._indices) >= MOST:
            self.app.notify("x takes one out", title=f"{MOST} are compared already", timeout=4)
            return
        typed = await self.app.push_screen_wait(Ask("Add to the comparison", "index or name"))
        if typed and (index := await self.app.find_experiment(typed)) is not None:
            self._compare([*self._indices, index])

    def action_remove(self) -> None:
        if self._indices:
            del self._indices[self._column]
            self._compare(self._indices)

    def action_differences(self) -> None:
        self._only_differing = not self._only_differing
        self._draw()

    def action_from_bookmarks(self) -> None:
        if self.app.bookmarks:
            self._compare(self.app.bookmarks)
        else:
            self.app.notify("m bookmarks an experiment", title="No bookmarks yet", timeout=4)

    def action_lineage(self) -> None:
        if self._indices:
            self.post_message(ShowInLineage(self._indices[self._column]))

    # Kept between sessions

    def open(self, arguments: dict[str, Any]) -> None:
        indices = arguments.get("indices")
        if isinstance(indices, list):
            self._compare(index for index in indices if isinstance(index, int))

    def link(self) -> Link:
        first = self._indices[0] if self._indices else None
        return Link("compare", first, others=tuple(self._indices[1:]))

    def state(self) -> dict[str, Any]:
        return {"indices": self._indices, "differences": self._only_differing}

    def restore(self, state: dict[str, Any]) -> None:
        self._only_differing = state.get("differences") is True
        self.open(state)

    def reload(self) -> None:
        if self._indices:
            self._compare(self._indices)


def _certificate(read: Callable[[int], Certificate], index: int) -> Certificate | None:
    try:
        return read(index)
    except MissingInput:
        return None


def _apart(values: Sequence[float | None], pattern: str) -> list[str]:
    """How each but the first differs from the first."""
    first, *others = values
    return ["" if first is None or one is None else pattern.format(one - first) for one in others]


class _Sheet:
    """The lines of one comparison."""

    def __init__(
        self, read: _Read, width: int, theme: ThemeStyles, column: int, only_differing: bool
    ) -> None:
        self.read, self.theme, self.column, self.only = read, theme, column, only_differing
        count = len(read.sides.details)
        self.width = width
        self.wide = min(max((width - 1 - _LABEL) // count, 8), _WIDEST)
        apart = (width - 1 - _LABEL - count * self.wide) // max(count - 1, 1)
        self.apart = apart if count > 1 and apart >= _APART else 0
        self.styles = (theme.accent, theme.primary, theme.good, theme.warn)[:count]

    def laid_out(self) -> tuple[Text, list[Line]]:
        """The heading, and the sections below it."""
        lines = [*self._facts(), *self._lineage(), *self._benchmarks(), *self._training()]
        return self._head(), [*lines, *self._certificates()]

    def _head(self) -> Text:
        head = Text(" " * _LABEL, end="")
        for place, e in enumerate(self.read.sides.experiments):
            mark = "▼" if place == self.column else " "
            star = "★" if e.in_gallery else ""
            text = f"{mark}{LETTERS[place]} {e.index} {safe_line(e.label, 60)}{star}"
            head.append(cell(text, self.wide - 1) + " ", style=self.styles[place])
        for letter in LETTERS[1 : len(self.styles)] if self.apart else "":
            head.append(cell(f"{letter} − {LETTERS[0]}", self.apart - 1) + " ")
        return head

    def _row(self, key: tuple[str, str], label: str, cells: Cells, apart: Sequence[str] = ()) -> list[Line]:
        """A line of the table.

        Args:
            apart: how each but the first differs from it, where there is room for that.
        """
        if self.only and len({text for text, _ in cells}) <= 1:
            return []
        shown = Text(end="").append(cell(label, _LABEL - 1) + " ", style=self.theme.muted)
        for text, style in cells:
            shown.append(cell(text, self.wide - 1) + " ", style=style)
        for text in apart if self.apart else ():
            shown.append(cell(text, self.apart - 1) + " ")
        return [Line(shown, key)]

    def _section(self, title: str, rows: list[Line]) -> list[Line]:
        return [*heading(title, self.theme.primary + self.theme.strong), *rows] if rows else []

    def _numbers(
        self, values: Sequence[float | None], pattern: str, *, lower: bool = False
    ) -> list[tuple[str, Style]]:
        best = best_places(values, lower=lower)
        return [
            ("–", self.theme.muted)
            if value is None
            else (f"{pattern.format(value)}{' ▲' if place in best else ''}",
                  self.theme.good if place in best else Style())
            for place, value in enumerate(values)
        ]  # fmt: skip

    def _scores(self, values: Sequence[float | None], pattern: str) -> list[tuple[str, Style]]:
        """As `_numbers`, the best by the run's own score; none where nothing says which way is better."""
        objective = self.read.objective
        found = self._numbers(values, pattern, lower=objective.direction == MINIMIZE)
        if objective.directed:
            return found
        return [(text.removesuffix(" ▲"), self.theme.muted if text == "–" else Style()) for text, _ in found]

    def _facts(self) -> list[Line]:
        experiments, details = self.read.sides.experiments, self.read.sides.details
        plain = Style()
        programs = [one.program for one in details]
        withheld = f"not {self.read.withheld}"

        def row(name: str, values: Iterable[object]) -> list[Line]:
            cells = [("–" if v is None else safe_line(str(v), 80), plain) for v in values]
            return self._row(("facts", name), name, cells)

        def counts(name: str, values: Sequence[int | None]) -> list[Line]:
            if all(value is None for value in values):
                return []
            cells = [("–" if v is None else f"{v:,}", plain) for v in values]
            return self._row(("facts", name), name, cells, _apart(values, "{:+,}"))

        scores = [e.score for e in experiments]
        rows = [
            *row("name", (e.name for e in experiments)),
            *self._row(
                ("facts", "score"), "score", self._scores(scores, "{:.4f}"), _apart(scores, "{:+.4f}")
            ),
            *(
                row("gallery", ("yes" if e.in_gallery else "no" for e in experiments))
                if self.read.gallery
                else []
            ),
            *row("parent", (e.parent for e in experiments)),
            *counts("depth", [e.depth for e in experiments]),
            *counts("children", [e.children for e in experiments]),
            *counts("parameters", [p.parameters or None if p else None for p in programs]),
            *counts("lines of program", [p.lines if p else None for p in programs]),
            *row("program", (p.sha256[:12] if p else withheld for p in programs)),
        ]
        return self._section("Facts", rows)

    def _lineage(self) -> list[Line]:
        kin, experiments = self.read.sides.kinship, self.read.sides.experiments
        scores = {e.index: e.score for one in self.read.sides.details for e in one.path}
        names = {e.index: e.label for one in self.read.sides.details for e in one.path}
        shared = "none: they stand in different trees"
        if kin.ancestor is not None:
            shared = f"{kin.ancestor} {safe_line(names[kin.ancestor], 60)}"
        base = None if kin.ancestor is None else scores[kin.ancestor]
        changes = [None if base is None or e.score is None else e.score - base for e in experiments]
        line = Text(end="").append(f"{'common ancestor':<{_LABEL}}", style=self.theme.muted).append(shared)
        rows = [Line(line, ("lineage", "ancestor"))]
        steps = [(str(len(path)), Style()) for path in kin.paths]
        rows += self._row(("lineage", "steps"), "steps from it", steps)
        rows += self._row(("lineage", "change"), "score since it", self._scores(changes, "{:+.4f}"))
        for generation in range(max(map(len, kin.paths), default=0)):
            cells = []
            for path in kin.paths:
                index = path[generation] if generation < len(path) else None
                cells.append(
                    ("", Style()) if index is None else (f"↳ {index} {safe_line(names[index], 60)}", Style())
                )
            rows += self._row(("lineage", str(generation)), f"  step {generation + 1}", cells)
        return self._section("Lineage", rows)

    def _benchmarks(self) -> list[Line]:
        rows = []
        tasks = {row["column"]: row for one in self.read.sides.details for row in one.benchmarks}
        for one in self.read.sides.benchmarks:
            lower = one.metric == "perplexity"
            label = safe_line(task_title(tasks[one.column]), 40) + (" ↓" if lower else "")
            values = [in_points(v, one.metric) for v in one.values]
            cells = self._numbers(values, "{:.2f}", lower=lower)
            apart = self._intervals(one.column, _apart(values, "{:+6.2f}"))
            if one.metric == AS_RECORDED:
                cells = [(short_value(value), Style()) for value in values]
                apart = _apart(values, "{:+.6g}")
            rows += self._row(("benchmarks", one.column), label, cells, apart)
        if any(one.metric == AS_RECORDED for one in self.read.sides.benchmarks):
            return self._section("Metrics, as recorded", rows)
        title = "Benchmarks" + ", differences with 95% intervals over the items" * bool(self.apart)
        return self._section(title, rows)

    def _intervals(self, column: str, apart: Sequence[str]) -> list[str]:
        """Differences with their intervals, where items are known."""
        first, *others = (values_of(one.benchmarks) for one in self.read.sides.details)
        found = [difference(column, other, first) for other in others]
        drawn = self.apart >= _DRAWN
        return [
            interval_text(one, bar=drawn) if one else text and f"{text}, no interval"
            for one, text in zip(found, apart, strict=True)
        ]

    def _training(self) -> list[Line]:
        series, last = [], []
        for place, one in enumerate(self.read.sides.details):
            points = [(float(p["step"]), p["loss"]) for p in one.curve if p["loss"] is not None]
            last.append(points[-1][1] if points else None)
            if points:
                letter = LETTERS[place]
                series.append(Series(letter, "", points, self.styles[place]))
        if not series:
            return self._section("Training loss: none of them has a curve", [Line(Text(), rest=False)])
        cells = self._numbers(last, "{:.4f}", lower=True)
        rows = self._row(("training", "last"), "last loss", cells, _apart(last, "{:+.4f}"))
        look = Look(Style(), self.theme.muted, self.theme.muted)
        figure = Figure(series=series, y=clipped(series), unit="step")
        drawing = Drawing(figure, self.width - 2, _PLOT_ROWS, look)
        rows += [Line(text, rest=False) for text in as_text(drawing.rows)]
        return self._section("Training loss, nats per token", rows)

    def _certificates(self) -> list[Line]:
        rows: list[Line] = []
        for name in (row for check in CHECKS for row in check.rows):
            cells = []
            for certificate in self.read.certificates:
                if certificate is None:
                    cells.append(("–", self.theme.muted))
                    continue
                row = certificate.row(name)
                glyph, style = verdict_mark(row.verdict, self.theme)
                cells.append((f"{glyph} {number(row.value)}", style if row.comparison != "none" else Style()))
            rows += self._row(("certificates", name), name, cells)
        if not any(self.read.certificates):
            return self._section("Certificates: none of them has one", [Line(Text(), rest=False)])
        return self._section("Certificates", rows)
