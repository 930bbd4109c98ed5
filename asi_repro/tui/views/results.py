"""Our own trainings: each table of models, sorted by any number, with its picture."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget

from asi_repro.errors import MissingInput
from asi_repro.tui.messages import OpenExperiment
from asi_repro.tui.result_tables import Column, ResultTable, SweepTable, result_tables
from asi_repro.tui.theme import ThemeStyles, theme_styles
from asi_repro.tui.view import View
from asi_repro.tui.widgets.line_layout import prose
from asi_repro.tui.widgets.line_list import Line, LineList
from asi_repro.tui.widgets.plot import Plot
from asi_repro.tui.widgets.text import cell, safe_line

_NAME, _NARROW = 28, 20  # cells of a model's name, and where there is little room
_WIDE = 100


class ResultsView(View):
    """The table above, the curves below; a model that the cursor is on is drawn over the others."""

    TITLE = "Results"
    DEFAULT_CSS = """
    ResultsView > #results-about { height: auto; background: $surface; padding: 0 1; }
    ResultsView > #results-models { height: 1fr; padding: 0 1; }
    ResultsView > Plot { height: 2fr; border-top: solid $primary 50%; }
    ResultsView.-low > Plot { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right_square_bracket", "table(1)", "Table", key_display="[ ]", tooltip="Next table"),
        Binding("left_square_bracket", "table(-1)", "Table before", show=False, key_display="["),
        Binding("s", "sort", "Sort", tooltip="Sort by the next column"),
        Binding("S", "reverse", "Reverse", show=False, tooltip="Sort the other way round"),
        Binding("full_stop", "read(1)", "Read off", key_display=", .", tooltip="Read the curves off"),
        Binding("comma", "read(-1)", "Read left", show=False, key_display=",", tooltip="Further left"),
    ]

    def prepare(self) -> None:
        if self.source.project is None:
            raise MissingInput("results are kept in a project, and this is none", hint="run it in a clone")
        self._tables = result_tables(self.source.project.artifacts, self.source.archive)
        if not self._tables:
            raise MissingInput(
                "nothing was trained and evaluated here yet",
                hint="`asi-repro sweep` trains and evaluates, `asi-repro results` compares",
            )
        if not hasattr(self, "_place"):
            self._place, self._order, self._descending = 0, 0, False
            self._cursor: int | None = None
        self._place = min(self._place, len(self._tables) - 1)

    @property
    def _table(self) -> ResultTable:
        return self._tables[self._place]

    def compose(self) -> ComposeResult:
        yield LineList(fixed=True, id="results-about")
        yield LineList(id="results-models", empty="no model was trained")
        yield Plot()

    def on_mount(self) -> None:
        self.query_one("#results-about").can_focus = False
        self.watch(self.app, "theme", self._draw, init=False)

    def first_focus(self) -> Widget | None:
        return self.query_one("#results-models", LineList)

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.height < 18, "-low")
        self._draw()

    # What is shown

    def _draw(self) -> None:
        theme, table, width = theme_styles(self.app), self._table, self.app.size.width
        about = self.query_one("#results-about", LineList)
        where = (
            f"{table.folder.parent.name}/{table.folder.name}, table {self._place + 1} of {len(self._tables)}"
        )
        first, *more = table.about
        said = [f"{where}: {first}", *more]
        about.show([line for one in said for line in prose(one, max(width - 4, 20))])
        about.styles.height = min(len(about.lines), max(self.app.size.height // 4, 4))
        column = table.columns[self._order]
        known = [row for row in table.rows if column.value(row) is not None]
        known.sort(key=lambda row: column.value(row) or 0.0, reverse=self._descending)
        rows = known + [row for row in table.rows if column.value(row) is None]
        arrow, name = "↓" if self._descending else "↑", _NAME if width >= _WIDE else _NARROW
        head = Text(f"  {'model':<{name}}", end="")
        for one in table.columns:
            head.append(f"{one.title + arrow if one is column else one.title:>{one.width}}")
        lines = [_model_line(row, table.columns, name, theme) for row in rows]
        self.query_one("#results-models", LineList).show(lines, head)
        self._plot()
        if isinstance(table, SweepTable) and table.sweep is None:
            self._compare(table)

    def _compare(self, table: SweepTable) -> None:
        project = self.source.project

        def compare() -> None:
            from asi_repro.config.params import load_params  # pydantic is what the start is spared

            if project is not None:
                params = load_params(project.root)
                table.compare(seed=params.seed, resamples=params.claims.resamples)

        self.load(compare, lambda _: self._draw(), group="load-sweep")

    def _plot(self) -> None:
        table, line = self._table, self.query_one("#results-models", LineList).line
        steps, cursor = table.steps, self._cursor
        at = None if cursor is None or not steps else steps[min(cursor, len(steps) - 1)]
        plot = self.query_one(Plot)
        plot.show(table.figure(None if line is None else line.key, at, theme_styles(self.app)))
        plot.at(at)

    @on(LineList.Highlighted, "#results-models")
    def _moved(self, event: LineList.Highlighted) -> None:
        event.stop()
        self._plot()

    @on(LineList.Selected, "#results-models")
    def _open(self, event: LineList.Selected) -> None:
        event.stop()
        row = next(row for row in self._table.rows if row.name == event.line.key)
        if row.index is None or row.index not in self.source.archive.experiments:
            self.app.notify("a baseline is no experiment of the run", timeout=3)
        else:
            self.post_message(OpenExperiment(row.index, "training"))

    def action_table(self, way: int) -> None:
        self._place = (self._place + way) % len(self._tables)
        self._order, self._descending = 0, False
        self._draw()

    def action_sort(self) -> None:
        self._order = (self._order + 1) % len(self._table.columns)
        self._descending = self._table.columns[self._order].descending
        self._draw()

    def action_reverse(self) -> None:
        self._descending = not self._descending
        self._draw()

    def action_read(self, way: int) -> None:
        last = max(len(self._table.steps) - 1, 0)
        start = last if way < 0 else 0
        self._cursor = start if self._cursor is None else min(max(self._cursor + way, 0), last)
        self._plot()

    # Kept between sessions

    def table(self) -> list[dict[str, Any]]:
        """The models as rows."""
        return [
            {"name": row.name, "title": row.title, **{c.title: c.value(row) for c in self._table.columns}}
            for row in self._table.rows
        ]

    def state(self) -> dict[str, Any]:
        return {"table": self._place, "order": self._order, "descending": self._descending}

    def restore(self, state: dict[str, Any]) -> None:
        if state.get("table") in range(len(self._tables)):
            self._place = state["table"]
        if state.get("order") in range(len(self._table.columns)):
            self._order = state["order"]
        self._descending = state.get("descending") is True
        self._draw()

    def reload(self) -> None:
        self.prepare()
        self._draw()


def _model_line(row: Any, columns: tuple[Column, ...], name: int, theme: ThemeStyles) -> Line:
    title = cell(safe_line(row.title, 60), name)
    shown = Text(end="").append("◇ " if row.baseline else "  ", style=theme.accent)
    shown.append(title, style=theme.primary if row.baseline else theme.strong)
    for column in columns:
        value = column.value(row)
        text = "–" if value is None else column.pattern.format(value) + column.more(row)
        shown.append(f"{text:>{column.width}}", style=column.style(row, theme))
    return Line(shown, row.name)
