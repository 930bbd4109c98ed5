"""Our own trainings and probes: each table of models, sorted by any number, with its picture."""

from __future__ import annotations

from collections.abc import Sequence, Set
from textwrap import shorten
from typing import Any, ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget

from asi_repro.errors import MissingInput, NotFound
from asi_repro.tui.deep_link import Link
from asi_repro.tui.messages import OpenExperiment
from asi_repro.tui.model_table import Column, Look, ModelTable, Picture
from asi_repro.tui.result_tables import result_tables
from asi_repro.tui.theme import ThemeStyles, theme_styles
from asi_repro.tui.view import View
from asi_repro.tui.widgets.drawing import Figure
from asi_repro.tui.widgets.line_layout import prose
from asi_repro.tui.widgets.line_list import Line, LineList
from asi_repro.tui.widgets.plot import Plot
from asi_repro.tui.widgets.text import cell, safe_line

_NAME, _LEAST = 28, 14  # cells of a model's name, and where there is little room
_LOW, _HIGH = 18, 30


class ResultsView(View):
    """The table above, the curves below; a model that the cursor is on is drawn over the others."""

    TITLE = "Results"
    DEFAULT_CSS = """
    ResultsView > #results-about { height: auto; background: $surface; padding: 0 1; }
    ResultsView > #results-models { height: 1fr; padding: 0 1; }
    ResultsView > Plot { height: 1fr; border-top: solid $primary 50%; }
    ResultsView.-high > Plot { height: 2fr; }
    ResultsView.-low > Plot { display: none; }
    ResultsView.-reading > Plot, ResultsView.-reading > #results-models { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right_square_bracket", "table(1)", "Table", key_display="[ ]", tooltip="Next table"),
        Binding("left_square_bracket", "table(-1)", "Table before", show=False, key_display="["),
        Binding("s", "sort", "Sort", tooltip="Sort by the next column"),
        Binding("S", "reverse", "Reverse", show=False, tooltip="Sort the other way round"),
        Binding("i", "about", "Meaning", tooltip="All that is said of the table, or a little of it"),
        Binding("a", "picture", "Axis", tooltip="Draw it another way: other axes, curves or costs"),
        Binding("x", "keep", "Keep", show=False, tooltip="Keep the model's curve drawn in colour, or not"),
        Binding("full_stop", "read(1)", "Read off", key_display=", .", tooltip="Read the curves off"),
        Binding("comma", "read(-1)", "Read left", show=False, key_display=",", tooltip="Further left"),
    ]

    def prepare(self) -> None:
        if self.source.project is None:
            raise MissingInput("results are kept in a project, and this is none", hint="run it in a clone")
        self._tables = result_tables(self.source.project, self.source.archive)
        if not self._tables:
            raise MissingInput(
                "nothing was trained and evaluated here yet",
                hint="`asi-repro sweep` trains and evaluates, `asi-repro results` compares",
            )
        if not hasattr(self, "_place"):
            self._place, self._order, self._reversed = 0, 0, False
            self._cursor: int | None = None
            self._drawn, self._kept = 0, set[object]()
        self._place = min(self._place, len(self._tables) - 1)

    @property
    def _table(self) -> ModelTable:
        return self._tables[self._place]

    def compose(self) -> ComposeResult:
        yield LineList(fixed=True, id="results-about")
        yield LineList(id="results-models")
        yield Plot()

    def on_mount(self) -> None:
        self.query_one("#results-about").can_focus = False
        self.watch(self.app, "theme", self._draw, init=False)

    def first_focus(self) -> Widget | None:
        return self.query_one("#results-models", LineList)

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.height < _LOW, "-low")
        self.set_class(event.size.height >= _HIGH, "-high")
        self._draw()

    # What is shown

    def _draw(self) -> None:
        table, width = self._table, self.app.size.width - 2
        self._draw_about(table, width - 2)
        by = self._by
        values = [(None if by is None else by.value(row), row) for row in table.rows]
        known = [(value, row) for value, row in values if value is not None]
        descending = by is not None and by.descending != self._reversed
        known.sort(key=lambda one: one[0], reverse=descending)
        rows = [row for _, row in known] + [row for value, row in values if value is None]
        columns = _fitting(table.columns, by, width - 3 - _LEAST)
        name = min(width - 3 - sum(column.width for column in columns), _NAME)
        head = _head(table, columns, name, by, "↓" if descending else "↑")
        theme = theme_styles(self.app)
        lines = [_model_line(row, columns, name, theme, self._kept) for row in rows]
        models = self.query_one("#results-models", LineList)
        models.set_empty("working out …" if table.pending else "no model was trained")
        models.show(lines, head)
        self._plot()
        if table.pending:
            self._work_out(table)

    def _draw_about(self, table: ModelTable, width: int) -> None:
        """What the table is and says; a part of it, until one asks for all."""
        about, high = self.query_one("#results-about", LineList), self.app.size.height
        where = f"{table.folder.parent.name}/{table.folder.name}, table {self._place + 1} of "
        first, *more = table.about
        said = [f"{where}{len(self._tables)}: {first}", *more]
        lines = [line for one in said for line in prose(one, max(width, 20))]
        reading, room = self.has_class("-reading"), max(high // 8, 2)
        if len(lines) > room and not reading:
            rest = " … i reads on"
            last = Text(shorten(lines[room - 1].text.plain, max(width - len(rest), 1), placeholder=""))
            lines = [*lines[: room - 1], Line(last.append(rest, style=theme_styles(self.app).accent))]
        about.show(lines)
        about.styles.height = "1fr" if reading else min(len(lines), room)

    def _work_out(self, table: ModelTable) -> None:
        project = self.source.project

        def work_out() -> None:
            from asi_repro.config.params import load_params  # pydantic is what the start is spared

            if project is not None:
                params = load_params(project.root)
                table.work_out(seed=params.seed, resamples=params.claims.resamples)

        self.load(work_out, lambda _: self._worked_out(), group="load-sweep")

    def _worked_out(self) -> None:
        if not self._table.pending:
            self._draw()

    @property
    def _by(self) -> Column | None:
        """The column that the models are sorted by."""
        columns = self._table.columns
        return columns[min(self._order, len(columns) - 1)] if columns else None

    def _plot(self) -> None:
        table, line, by = self._table, self.query_one("#results-models", LineList).line, self._by
        picture, steps = self._picture, table.steps
        if not picture.curves or self._cursor is None or not steps:
            at = None
        else:
            at = steps[min(self._cursor, len(steps) - 1)]
        plot, theme = self.query_one(Plot), theme_styles(self.app)
        chosen = None if line is None else line.key
        look = None if by is None else Look(picture, chosen, self._kept, by, at)
        plot.show(Figure() if look is None else table.figure(look, theme))
        plot.at(at)

    @property
    def _picture(self) -> Picture:
        return self._table.pictures[self._drawn % len(self._table.pictures)]

    @on(LineList.Highlighted, "#results-models")
    def _moved(self, event: LineList.Highlighted) -> None:
        event.stop()
        self._plot()

    @on(LineList.Selected, "#results-models")
    def _open(self, event: LineList.Selected) -> None:
        event.stop()
        e = self._table.experiment(str(event.line.key))
        if e is None:
            self.app.notify(f"this model is no experiment of {self.source.paths.name}", timeout=3)
        else:
            self.post_message(OpenExperiment(e.index, "training"))

    def action_table(self, way: int) -> None:
        self._place = (self._place + way) % len(self._tables)
        self._order, self._reversed, self._cursor, self._drawn = 0, False, None, 0
        self._draw()
        self.refresh_bindings()

    def action_sort(self) -> None:
        self._order = (self._order + 1) % max(len(self._table.columns), 1)
        self._reversed = False
        self._draw()

    def action_about(self) -> None:
        about, models = self.query_one("#results-about"), self.query_one("#results-models")
        self.toggle_class("-reading")
        about.can_focus = self.has_class("-reading")
        self.screen.set_focus(about if about.can_focus else models)
        self._draw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "picture":
            return len(self._table.pictures) > 1
        return action != "read" or (self._picture.curves and len(self._table.steps) > 0)

    def action_reverse(self) -> None:
        self._reversed = not self._reversed
        self._draw()

    def action_picture(self) -> None:
        self._drawn = (self._drawn + 1) % len(self._table.pictures)
        self._plot()
        self.refresh_bindings()

    def action_keep(self) -> None:
        line = self.query_one("#results-models", LineList).line
        self._kept ^= set() if line is None else {line.key}
        self._draw()

    def action_read(self, way: int) -> None:
        last = max(len(self._table.steps) - 1, 0)
        start = last if way < 0 else 0
        self._cursor = start if self._cursor is None else min(max(self._cursor + way, 0), last)
        self._plot()

    # Kept between sessions

    def open(self, arguments: dict[str, Any]) -> None:
        if (part := arguments.get("part")) is None:
            return
        names = [table.name for table in self._tables]
        place = next((n for n, name in enumerate(names) if f"{part}/".startswith(f"{name}/")), None)
        if place is None:
            raise NotFound(f"there is no table {part!r}", hint=f"the tables are {', '.join(names)}")
        if place != self._place:
            self.action_table(place - self._place)
        if model := part.removeprefix(names[place])[1:]:
            self.query_one("#results-models", LineList).go(model)

    def link(self) -> Link:
        models = self.query_one("#results-models", LineList)
        model = "" if models.place is None or models.line is None else f"/{models.line.key}"
        return Link("results", part=f"{self._table.name}{model}")

    def table(self) -> list[dict[str, Any]]:
        """The models as rows."""
        return [
            {"name": row.name, "title": row.title}
            | {c.name or c.title: c.value(row) for c in self._table.columns}
            for row in self._table.rows
        ]

    def state(self) -> dict[str, Any]:
        return {"table": self._place, "order": self._order, "reversed": self._reversed}

    def restore(self, state: dict[str, Any]) -> None:
        if state.get("table") in range(len(self._tables)):
            self._place = state["table"]
        if isinstance(state.get("order"), int) and state["order"] >= 0:
            self._order = state["order"]
        self._reversed = state.get("reversed") is True
        self._draw()

    def reload(self) -> None:
        self.prepare()
        self._draw()


def _fitting(columns: Sequence[Column], by: Column | None, room: int) -> list[Column]:
    """The first columns that there is room for, and the one that the models are sorted by."""
    room -= by.width if by is not None else 0
    found = []
    for column in columns:
        if column is not by:
            room -= column.width
        if column is by or room >= 0:
            found.append(column)
    return found


def _head(table: ModelTable, columns: Sequence[Column], name: int, by: Column | None, arrow: str) -> Text:
    """The columns' titles, a word a line where they are long, and what stands below them."""
    titles = [f"{column.title}{arrow * (column is by)}" for column in columns]
    words = [
        title.split() if len(title) > c.width else [title] for title, c in zip(titles, columns, strict=True)
    ]
    high = max(map(len, words), default=1)
    lines = [["model" if number == high - 1 else ""] for number in range(high)]
    for number, line in enumerate(lines):
        line += [one[number - high + len(one)] if number >= high - len(one) else "" for one in words]
    for number, named in enumerate(table.below):
        lines.append([named, *(column.below[number] for column in columns)])
    widths = [column.width for column in columns]
    return Text("\n", end="").join(
        Text(
            f"  {cell(first, name)}"
            + "".join(f"{text:>{wide}}" for text, wide in zip(rest, widths, strict=True)),
            end="",
        )
        for first, *rest in lines
    )


def _model_line(
    row: Any, columns: Sequence[Column], name: int, theme: ThemeStyles, kept: Set[object]
) -> Line:
    title, mark = cell(safe_line(row.title, 60), name), "◇ " if row.baseline else "  "
    shown = Text(end="").append("◉ " if row.name in kept else mark, style=theme.accent)
    shown.append(title, style=theme.primary if row.baseline else theme.strong)
    for column in columns:
        value = column.value(row)
        more = column.more(row)
        text = (more or "–") if value is None else column.pattern.format(value) + more
        shown.append(f"{text:>{column.width}}", style=column.style(row, theme))
    return Line(shown, row.name)
