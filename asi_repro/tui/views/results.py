"""Our own trainings: each table of results with its models against DeltaNet, and their loss curves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from rich.style import Style
from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget

from asi_repro.errors import AsiReproError, DataError, MissingInput
from asi_repro.results.significance import Difference, Spread
from asi_repro.results.table import RESULTS_FOLDER, SWEEPS_FOLDER, ModelRow, Results, read_results
from asi_repro.tui.messages import OpenExperiment
from asi_repro.tui.theme import ThemeStyles, theme_styles
from asi_repro.tui.view import View
from asi_repro.tui.widgets.drawing import Figure, Series, clipped
from asi_repro.tui.widgets.line_layout import prose
from asi_repro.tui.widgets.line_list import Line, LineList
from asi_repro.tui.widgets.plot import Plot
from asi_repro.tui.widgets.text import cell, safe_line

_NAME = 28
_SURE = 0.05


@dataclass(frozen=True)
class _Column:
    title: str
    width: int
    value: Callable[[ModelRow], float | None]
    pattern: str
    descending: bool = False


def _mean(spread: Spread | None, factor: float = 1.0) -> float | None:
    return None if spread is None else spread.mean * factor


def _against(row: ModelRow) -> Difference | None:
    return row.against.get("score")


def _difference(row: ModelRow) -> float | None:
    found = _against(row)
    return None if found is None else found.estimate * 100


def _p_value(row: ModelRow) -> float | None:
    found = _against(row)
    return None if found is None else found.holm_p_value


_COLUMNS = (
    _Column("valid. loss", 12, lambda row: _mean(row.validation_loss), "{:.4f}"),
    _Column("loss", 9, lambda row: _mean(row.loss), "{:.4f}"),
    _Column("score", 8, lambda row: _mean(row.score, 100), "{:.2f}", True),
    _Column("− DeltaNet [95%]", 24, _difference, "{:+.2f}", True),
    _Column("p (Holm)", 10, _p_value, "{:.3g}"),
    _Column("seeds", 6, lambda row: float(row.seeds), "{:.0f}", True),
)


class ResultsView(View):
    """The table above, the curves below; a model that the cursor is on is drawn over the others."""

    TITLE = "Results"
    DEFAULT_CSS = """
    ResultsView > #results-about { height: auto; max-height: 5; background: $surface; padding: 0 1; }
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
        self._folders = result_folders(self.source.project.artifacts)
        if not self._folders:
            raise MissingInput(
                "nothing was trained and evaluated here yet",
                hint="`asi-repro sweep` trains and evaluates, `asi-repro results` compares",
            )
        if not hasattr(self, "_place"):
            self._place, self._order, self._descending = 0, 0, False
            self._cursor: int | None = None
        self._place = min(self._place, len(self._folders) - 1)
        self._found = read_results(self._folders[self._place])

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
        theme, found = theme_styles(self.app), self._found
        column = _COLUMNS[self._order]
        about = self.query_one("#results-about", LineList)
        where = self._folders[self._place]
        name = f"{where.parent.name}/{where.name}, table {self._place + 1} of {len(self._folders)}: "
        about.show(prose(name + found.summary.about, max(self.app.size.width - 4, 20)))
        about.styles.height = min(len(about.lines), 5)
        known = [row for row in found.models if column.value(row) is not None]
        known.sort(key=lambda row: column.value(row) or 0.0, reverse=self._descending)
        rows = known + [row for row in found.models if column.value(row) is None]
        arrow = "↓" if self._descending else "↑"
        head = Text(f"  {'model':<{_NAME}}", end="")
        for one in _COLUMNS:
            head.append(f"{one.title + arrow if one is column else one.title:>{one.width}}")
        self.query_one("#results-models", LineList).show([_model_line(row, theme) for row in rows], head)
        self._plot()

    def _plot(self) -> None:
        theme, line = theme_styles(self.app), self.query_one("#results-models", LineList).line
        chosen = None if line is None else line.key
        series = curves(self._found, chosen, theme)
        steps = sorted({step for one in series for step, _ in one.points})
        at = None if self._cursor is None or not steps else steps[min(self._cursor, len(steps) - 1)]
        title = "training loss by step" if at is None else f"training loss at step {at:g}"
        plot = self.query_one(Plot)
        plot.show(Figure(title, series, y=clipped(series)))
        plot.at(at)
        self._steps = steps

    @on(LineList.Highlighted, "#results-models")
    def _moved(self, event: LineList.Highlighted) -> None:
        event.stop()
        self._plot()

    @on(LineList.Selected, "#results-models")
    def _open(self, event: LineList.Selected) -> None:
        event.stop()
        row = next(row for row in self._found.models if row.name == event.line.key)
        if row.index is None or row.index not in self.source.archive.experiments:
            self.app.notify("a baseline is no experiment of the run", timeout=3)
        else:
            self.post_message(OpenExperiment(row.index, "training"))

    def action_table(self, way: int) -> None:
        self._place = (self._place + way) % len(self._folders)
        self._found = read_results(self._folders[self._place])
        self._draw()

    def action_sort(self) -> None:
        self._order = (self._order + 1) % len(_COLUMNS)
        self._descending = _COLUMNS[self._order].descending
        self._draw()

    def action_reverse(self) -> None:
        self._descending = not self._descending
        self._draw()

    def action_read(self, way: int) -> None:
        last = max(len(self._steps) - 1, 0)
        start = last if way < 0 else 0
        self._cursor = start if self._cursor is None else min(max(self._cursor + way, 0), last)
        self._plot()

    # Kept between sessions

    def table(self) -> list[dict[str, Any]]:
        """The models as rows."""
        return [
            {"name": row.name, "title": row.title, **{c.title: c.value(row) for c in _COLUMNS}}
            for row in self._found.models
        ]

    def state(self) -> dict[str, Any]:
        return {"table": self._place, "order": self._order, "descending": self._descending}

    def restore(self, state: dict[str, Any]) -> None:
        if state.get("order") in range(len(_COLUMNS)):
            self._order = state["order"]
        self._descending = state.get("descending") is True
        if state.get("table") in range(len(self._folders)):
            self._place = state["table"]
            self._found = read_results(self._folders[self._place])
        self._draw()

    def reload(self) -> None:
        self.prepare()
        self._draw()


def result_folders(artifacts: Path) -> list[Path]:
    """The folders with a whole table: what was made last, and the recorded sweeps."""
    sweeps = artifacts / SWEEPS_FOLDER
    below = sorted(sweeps.iterdir()) if sweeps.is_dir() else []
    found = []
    for folder in (artifacts / RESULTS_FOLDER, *below):
        try:
            read_results(folder)
        except (AsiReproError, DataError):
            continue
        found.append(folder)
    return found


def _model_line(row: ModelRow, theme: ThemeStyles) -> Line:
    title = cell(safe_line(row.title, 60), _NAME)
    shown = Text(end="").append("◇ " if row.baseline else "  ", style=theme.accent)
    shown.append(title, style=theme.primary if row.baseline else theme.strong)
    for column in _COLUMNS:
        value = column.value(row)
        text = "–" if value is None else column.pattern.format(value)
        found = _against(row)
        style: Style | str = ""
        if column.value is _difference and found is not None and found.low is not None:
            text += f" [{found.low * 100:+.1f}, {(found.high or 0.0) * 100:+.1f}]"
            if found.holm_p_value is not None and found.holm_p_value < _SURE:
                style = theme.good if found.estimate > 0 else theme.bad
        shown.append(f"{text:>{column.width}}", style=style)
    return Line(shown, row.name)


def curves(found: Results, chosen: object, theme: ThemeStyles) -> list[Series]:
    """A line for each training, the chosen model's last; the reference and it have names."""
    points: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for point in found.curves:
        points.setdefault((point.name, point.seed), []).append((float(point.step), point.loss))
    titles = {row.name: safe_line(row.title, 18) for row in found.models}
    reference = found.summary.against

    def rank(key: tuple[str, int]) -> tuple[bool, bool, tuple[str, int]]:
        return (key[0] == chosen, key[0] == reference, key)

    series, named = [], set()
    for name, seed in sorted(points, key=rank):
        style = theme.accent if name == chosen else theme.primary if name == reference else theme.muted
        label = titles.get(name, safe_line(name, 18)) if name in (chosen, reference) else ""
        series.append(Series("", "" if name in named else label, points[name, seed], style, number="{:.4f}"))
        named.add(name)
    return series
