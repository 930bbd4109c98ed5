"""The runs at hand, and a live one as it goes on."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Static

from asi_repro.archive.node_model import MAXIMIZE, MINIMIZE
from asi_repro.archive.reader import Archive
from asi_repro.discover.run.listing import RunRow, list_runs
from asi_repro.discover.run.monitor import RunMonitor, RunStatus
from asi_repro.errors import AsiReproError
from asi_repro.project import RELEASE, run_folders
from asi_repro.tui.deep_link import Link
from asi_repro.tui.messages import OpenExperiment, OpenRun
from asi_repro.tui.run_data import RunPaths, release_paths, run_paths
from asi_repro.tui.run_lines import best_so_far, headline, plain_lines, run_line, status_lines
from asi_repro.tui.theme import theme_styles
from asi_repro.tui.view import View
from asi_repro.tui.widgets.drawing import Figure, Series, clipped
from asi_repro.tui.widgets.line_list import LineList
from asi_repro.tui.widgets.plot import Plot
from asi_repro.tui.widgets.text import safe_line

WIDE = 140
_EVERY = 1.5  # seconds between two looks at a live run
Points = list[tuple[float, float]]
_LIST_EVERY = 4  # looks between two readings of the list, which runs git for every run


class RunsView(View):
    """The list on top or at the left, the run under the cursor beside it."""

    TITLE = "Runs"
    DEFAULT_CSS = """
    RunsView > #runs-panes { layout: vertical; height: 1fr; }
    RunsView #runs-list { height: 1fr; min-height: 4; padding: 0 1; }
    RunsView #runs-run { height: 3fr; border-top: solid $primary 50%; }
    RunsView #runs-head { height: 2; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    RunsView #runs-detail { height: 1fr; padding: 0 1; }
    RunsView #runs-plots { height: 10; border-top: solid $primary 50%; display: none; }
    RunsView #runs-plots > Plot { width: 1fr; }
    RunsView #runs-loss { display: none; }
    RunsView.-training #runs-loss { display: block; }
    RunsView.-wide > #runs-panes { layout: horizontal; }
    RunsView.-wide #runs-list { width: 56; height: 1fr; }
    RunsView.-wide #runs-run { width: 1fr; height: 1fr; border-top: none; border-left: solid $primary 50%; }
    RunsView.-live #runs-plots { display: block; }
    RunsView.-low #runs-plots { height: 7; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "follow", "Follow", tooltip="Follow the live run, or hold still"),
        Binding("x", "overlay", "Over others", tooltip="Draw the run over the others, or not any more"),
        Binding("c", "compare", "Compare", tooltip="Compare the run with those drawn over each other"),
        Binding("r", "refresh", "Look again", tooltip="Look at the run now"),
    ]

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._rows: list[RunRow] = []
        self._monitors: dict[str, RunMonitor] = {}
        self._status: RunStatus | None = None
        self._shown: str | None = None
        self._follow = True
        self._looking = False
        self._ticks = 0
        self._overlaid: dict[str, Points] = {}
        self._best: dict[str, Points] = {}  # of runs that are no longer going on
        self._wanted: str | None = None

    def compose(self) -> ComposeResult:
        with Container(id="runs-panes"):
            yield LineList(id="runs-list", empty="looking for runs …")
            with Vertical(id="runs-run"):
                yield Static(id="runs-head")
                yield LineList(id="runs-detail")
                with Horizontal(id="runs-plots"):
                    yield Plot(id="runs-plot")
                    yield Plot(id="runs-loss")

    def on_mount(self) -> None:
        self.watch(self.app, "theme", self._draw_all, init=False)
        self.set_interval(_EVERY, self._tick)
        self._read()

    def first_focus(self) -> Widget | None:
        return self.query_one("#runs-list", LineList)

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= WIDE, "-wide")
        self.set_class(event.size.height < 30, "-low")

    # Reading

    def _read(self) -> None:
        source = self.source

        def work() -> list[RunRow]:
            if source.project is not None and (found := list_runs(source.project)):
                return found
            archive = source.archive
            return [
                RunRow(
                    source.paths.name, "archive", None, len(archive.experiments), None, None,
                    len(archive.gallery), str(archive.folder),
                )
            ]  # fmt: skip

        self.load(work, self._got, failed=self._none)

    def _none(self, error: AsiReproError) -> None:
        self._rows = []
        said = (
            f"there are no runs yet: {error.hint or error.what}; `asi-repro discover` makes one of your own"
        )
        self.query_one("#runs-list", LineList).set_empty(safe_line(said))
        self._draw_list()

    def _got(self, rows: list[RunRow]) -> None:
        self._rows = rows
        self._draw_list()
        if self._wanted is not None:
            self.query_one("#runs-list", LineList).go(self._wanted)
            self._wanted = None
        self._look()

    def _folder(self, name: str) -> Path | None:
        if name == RELEASE or self.source.project is None:
            return None
        return run_folders(self.source.project).get(name)

    def _look(self) -> None:
        """Look at the run under the cursor, in a thread."""
        row = self._row()
        folder = self._folder(row.name) if row else None
        if row is None or folder is None or row.kind == "damaged" or not (folder / "run.git").is_dir():
            self._status = None
            self._draw_run()
            if row is not None and row.kind != "damaged" and row.name not in self._best:
                self.load(
                    partial(self._best_of, row), self._got_best, failed=lambda _: None, group="load-best"
                )
            return
        if self._looking:
            return
        monitor = self._monitors.setdefault(row.name, RunMonitor(folder))
        name = row.name
        self._looking = True

        def got(found: RunStatus) -> None:
            self._looking = False
            here = self._row()
            if here is not None and here.name == name:
                self._status = found
                self._count(here, found)
                self._draw_run()
            else:
                self._look()

        def failed(error: AsiReproError) -> None:
            self._looking = False
            self._follow = False
            self._draw_run()
            self.app.report(error)

        self.load(monitor.status, got, failed=failed, group="load-follow")

    def _count(self, row: RunRow, found: RunStatus) -> None:
        """The list's numbers as the run has them now."""
        done, failed = len(found.committed), len(found.results) - len(found.committed)
        if (row.experiments, row.failed) != (done, failed):
            now = replace(row, experiments=done, failed=failed)
            self._rows = [now if one is row else one for one in self._rows]
            self._draw_list()

    def _tick(self) -> None:
        if not self._follow or not self.is_on_screen:
            return
        row = self._row()
        if row is not None and row.kind == "live":
            self._look()
        self._ticks += 1
        if self._ticks % _LIST_EVERY == 0 and any(one.kind == "live" for one in self._rows):
            self._read()  # the other live runs

    # What is shown

    def _row(self) -> RunRow | None:
        line = self.query_one("#runs-list", LineList).line
        return next((row for row in self._rows if line is not None and row.name == line.key), None)

    def _draw_all(self) -> None:
        self._draw_list()
        self._draw_run()

    def _draw_list(self) -> None:
        theme = theme_styles(self.app)
        head = Text(f"  {'run':<20} {'kind':<9}{'arm':<10}{'done':>6}{'✗':>4}", end="")
        lines = [
            run_line(row, row.name == self.source.paths.name, row.name in self._overlaid, theme)
            for row in self._rows
        ]
        self.query_one("#runs-list", LineList).show(lines, head)

    def _draw_run(self) -> None:
        row, status, theme = self._row(), self._status, theme_styles(self.app)
        pane, head = self.query_one("#runs-detail", LineList), self.query_one("#runs-head", Static)
        if row is None:
            head.update("", layout=False)
            pane.show([])
            return
        same, self._shown = self._shown == row.name, row.name
        self._draw_plot()
        if status is None:
            head.update(Text(safe_line(row.name), style=theme.strong), layout=False)
            pane.show(plain_lines(row, theme), keep=same)
            return
        live = row.kind == "live"
        head.update(headline(row, status, live and self._follow, theme), layout=False)
        pane.show(status_lines(status, theme), keep=same)
        self._draw_plot()

    def _draw_plot(self) -> None:
        """The best fitness of this run so far, and of those laid over each other."""
        theme, row, status = theme_styles(self.app), self._row(), self._status
        lines = dict(self._overlaid)
        if row is not None and status is None and row.name in self._best:
            lines[row.name] = self._best[row.name]
        if row is not None and status is not None:
            lines[row.name] = best_so_far([one.fitness for one in status.results])
        styles = (theme.primary, theme.accent, theme.good, theme.warn, theme.bad)
        series = [
            Series("", safe_line(name, 18), points, styles[n % len(styles)], "steps", number="{:.4f}")
            for n, (name, points) in enumerate(lines.items())
        ]
        training = [
            Series("", safe_line(one.name, 18), one.training.losses, styles[n % len(styles)], number="{:.4f}")
            for n, one in enumerate(status.unfinished if status is not None else ())
            if one.training is not None
        ]
        self.set_class(bool(series or training), "-live")
        self.set_class(bool(training), "-training")
        self.query_one("#runs-plot", Plot).show(Figure("best so far", series, unit="results"))
        y = clipped(training) if training else None
        self.query_one("#runs-loss", Plot).show(Figure("loss of what trains now", training, y=y, unit="step"))

    # Moving

    @on(LineList.Highlighted, "#runs-list")
    def _moved(self, event: LineList.Highlighted) -> None:
        event.stop()
        if event.line.key != self._shown:
            self._status = None
            self._look()

    @on(LineList.Selected, "#runs-list")
    def _open_run(self, event: LineList.Selected) -> None:
        event.stop()
        row = self._row()
        place = self._place_of(row) if row else None
        if row is None or place is None:
            return
        if row.archive is None:
            self.app.notify(
                "its archive is made when `asi-repro discover` ends; until then it can be followed here",
                title=f"{safe_line(row.name)} cannot be browsed yet", timeout=6, markup=False,
            )  # fmt: skip
        else:
            self.post_message(OpenRun(place))

    def _place_of(self, row: RunRow) -> RunPaths | None:
        project = self.source.project
        if project is None:
            return None
        folder = self._folder(row.name)
        return release_paths(project) if folder is None else run_paths(project, folder)

    @on(LineList.Selected, "#runs-detail")
    def _open_experiment(self, event: LineList.Selected) -> None:
        event.stop()
        index, row = event.line.key, self._row()
        if not isinstance(index, int) or row is None:
            return
        if row.name == self.source.paths.name and index in self.source.archive.experiments:
            self.post_message(OpenExperiment(index))
        else:
            self.app.notify("enter on the run in the list opens it", title="Another run is open", timeout=4)

    def action_follow(self) -> None:
        self._follow = not self._follow
        self._draw_run()
        if self._follow:
            self._look()

    def action_overlay(self) -> None:
        row = self._row()
        if row is None or row.kind == "damaged":
            return
        if self._overlaid.pop(row.name, None) is not None:
            self._draw_run()
            return

        def got(found: tuple[str, Points]) -> None:
            name, self._overlaid[name] = found
            self._draw_run()
            self._draw_list()

        self.load(partial(self._best_of, row), got, group="load-overlay")

    def _best_of(self, row: RunRow) -> tuple[str, Points]:
        """The best so far by the number of results; in a thread."""
        place, folder = self._place_of(row), self._folder(row.name)
        if folder is not None and (folder / "run.git").is_dir():
            return row.name, best_so_far([one.fitness for one in RunMonitor(folder).status().results])
        here = place is None or place == self.source.paths
        archive = self.source.archive if here or place is None else Archive(place.archive)
        way = {MAXIMIZE: 1.0, MINIMIZE: -1.0}.get(archive.objective.direction)
        scores = [e.score for e in archive.experiments.values()]
        gains = [None if way is None or score is None else way * score for score in scores]
        return row.name, [(at, gain * (way or 1.0)) for at, gain in best_so_far(gains)]

    def _got_best(self, found: tuple[str, Points]) -> None:
        self._best[found[0]] = found[1]
        self._draw_plot()

    def action_compare(self) -> None:
        row, project = self._row(), self.source.project
        if row is None or project is None:
            return
        from asi_repro.tui.run_comparison import Compared, RunsComparedScreen, compare_runs

        names = list(dict.fromkeys([*self._overlaid, row.name]))

        def got(found: Compared) -> None:
            self.app.push_screen(RunsComparedScreen(found))

        self.load(lambda: compare_runs(project, names), got, group="load-compare")

    def action_refresh(self) -> None:
        self._read()

    # Kept between sessions

    def open(self, arguments: dict[str, Any]) -> None:
        name = arguments.get("part")
        if isinstance(name, str) and not self.query_one("#runs-list", LineList).go(name):
            self._wanted = name

    def link(self) -> Link:
        return Link("runs", part=self.state()["part"])

    def state(self) -> dict[str, Any]:
        row = self._row()
        return {"part": row.name if row else self._wanted}

    def restore(self, state: dict[str, Any]) -> None:
        self.open(state)

    def reload(self) -> None:
        self._monitors.clear()
        self._best.clear()
        self._read()
