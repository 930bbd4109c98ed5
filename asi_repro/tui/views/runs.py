"""The runs at hand, and a live one as it goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.widget import Widget
from textual.widgets import Static

from asi_repro.discover.run.listing import RunRow, list_runs
from asi_repro.discover.run.monitor import ExperimentResult, RunMonitor, RunStatus, UnfinishedWork
from asi_repro.errors import AsiReproError
from asi_repro.project import RELEASE, run_folders
from asi_repro.tui.messages import OpenExperiment, OpenRun
from asi_repro.tui.source import RunPaths, release_paths, run_paths
from asi_repro.tui.theme import ThemeStyles, theme_styles
from asi_repro.tui.view import View
from asi_repro.tui.widgets.drawing import Figure, Series
from asi_repro.tui.widgets.line_layout import heading
from asi_repro.tui.widgets.line_list import Line, LineList
from asi_repro.tui.widgets.plot import Plot
from asi_repro.tui.widgets.text import safe_line

WIDE = 140
_EVERY = 1.5  # seconds between two looks at a live run
_LIST_EVERY = 4  # looks between two readings of the list, which runs git for every run
_RECENT = 200
_NAME = 52


class RunsView(View):
    """The list on top or at the left, the run under the cursor beside it."""

    TITLE = "Runs"
    DEFAULT_CSS = """
    RunsView > #runs-panes { layout: vertical; height: 1fr; }
    RunsView #runs-list { height: 1fr; min-height: 4; padding: 0 1; }
    RunsView #runs-run { height: 3fr; border-top: solid $primary 50%; }
    RunsView #runs-head { height: 2; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    RunsView #runs-detail { height: 1fr; padding: 0 1; }
    RunsView #runs-plot { height: 12; border-top: solid $primary 50%; display: none; }
    RunsView.-wide > #runs-panes { layout: horizontal; }
    RunsView.-wide #runs-list { width: 56; height: 1fr; }
    RunsView.-wide #runs-run { width: 1fr; height: 1fr; border-top: none; border-left: solid $primary 50%; }
    RunsView.-high.-live #runs-plot { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "follow", "Follow", tooltip="Follow the live run, or hold still"),
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
        self._wanted: str | None = None

    def compose(self) -> ComposeResult:
        with Container(id="runs-panes"):
            yield LineList(id="runs-list", empty="looking for runs …")
            with Vertical(id="runs-run"):
                yield Static(id="runs-head")
                yield LineList(id="runs-detail")
                yield Plot(id="runs-plot")

    def on_mount(self) -> None:
        self.watch(self.app, "theme", self._draw_all, init=False)
        self.set_interval(_EVERY, self._tick)
        self._read()

    def first_focus(self) -> Widget | None:
        return self.query_one("#runs-list", LineList)

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= WIDE, "-wide")
        self.set_class(event.size.height >= 40, "-high")

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
        lines = [_run_line(row, row.name == self.source.paths.name, theme) for row in self._rows]
        self.query_one("#runs-list", LineList).show(lines, head)

    def _draw_run(self) -> None:
        row, status, theme = self._row(), self._status, theme_styles(self.app)
        pane, head = self.query_one("#runs-detail", LineList), self.query_one("#runs-head", Static)
        self.set_class(status is not None and bool(status.results), "-live")
        if row is None:
            head.update("", layout=False)
            pane.show([])
            return
        same, self._shown = self._shown == row.name, row.name
        if status is None:
            head.update(Text(safe_line(row.name), style=theme.strong), layout=False)
            pane.show(_plain_lines(row, theme), keep=same)
            return
        live = row.kind == "live"
        head.update(_headline(row, status, live and self._follow, theme), layout=False)
        pane.show(_status_lines(status, theme), keep=same)
        self.query_one(Plot).show(_figure(status, theme))

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

    def action_refresh(self) -> None:
        self._read()

    # Kept between sessions

    def open(self, arguments: dict[str, Any]) -> None:
        name = arguments.get("name")
        if isinstance(name, str) and not self.query_one("#runs-list", LineList).go(name):
            self._wanted = name

    def state(self) -> dict[str, Any]:
        row = self._row()
        return {"name": row.name if row else self._wanted}

    def restore(self, state: dict[str, Any]) -> None:
        self.open(state)

    def reload(self) -> None:
        self._monitors.clear()
        self._read()


def _run_line(row: RunRow, current: bool, theme: ThemeStyles) -> Line:
    shown = Text(end="").append("► " if current else "  ", style=theme.accent)
    shown.append(f"{safe_line(row.name, 20):<20} ", style=theme.strong)
    shown.append(f"{row.kind:<9}", style=theme.bad if row.kind == "damaged" else theme.muted)
    shown.append(f"{safe_line(row.arm or '–', 10):<10}{row.experiments:>6,}")
    shown.append(f"{'–' if row.failed is None else row.failed:>4}", style=theme.muted)
    return Line(shown, row.name)


def _plain_lines(row: RunRow, theme: ThemeStyles) -> list[Line]:
    facts = [
        ("kind", row.kind), ("experiments", f"{row.experiments:,}"),
        ("gallery", "–" if row.verified is None else f"{row.verified:,}"),
        ("archive", row.archive or "none yet"),
    ]  # fmt: skip
    if row.note:
        facts.append(("note", row.note))
    return [
        Line(Text(end="").append(f"{name:<13}", style=theme.muted).append(safe_line(value)), rest=False)
        for name, value in facts
    ]


def _headline(row: RunRow, status: RunStatus, following: bool, theme: ThemeStyles) -> Text:
    shown = Text(end="").append(f"{safe_line(row.name, 40)} ", style=theme.strong)
    if row.kind == "live":
        at_work = status.workers
        if at_work:
            shown.append(f"● {at_work} at work ", style=theme.good)
        else:
            shown.append("○ nobody at work ", style=theme.muted)
        shown.append(
            "following" if following else "held: f follows", style=theme.accent if following else theme.warn
        )
    shown.append(f"\n{len(status.committed):,} done", style=theme.good)
    failed = len(status.results) - len(status.committed)
    shown.append(f"  {failed:,} failed  {status.rejected:,} proposals turned down")
    shown.append(f"  {sum(r.beats_baseline for r in status.results):,} beat the baseline")
    if status.best is not None:
        best = status.best
        shown.append(f"  best {best.fitness:.4f} ({best.index})", style=theme.accent)
    return shown


def _status_lines(status: RunStatus, theme: ThemeStyles) -> list[Line]:
    lines = heading("At work", theme.primary + theme.strong)[1:]
    if not status.unfinished:
        lines.append(Line(Text("  nothing is unfinished", style=theme.muted), rest=False))
    lines += [_doing_line(one, theme) for one in status.unfinished]
    if status.tokens is not None:
        lines += heading("Budget", theme.primary + theme.strong)
        tokens, usd = status.limits
        lines.append(Line(_budget("tokens", status.tokens, tokens, "{:,.0f}", theme), rest=False))
        lines.append(Line(_budget("US dollars", status.usd or 0.0, usd, "{:,.2f}", theme), rest=False))
    if status.verified:
        lines += heading("Second stage", theme.primary + theme.strong)
        over = ", ".join(map(str, status.verified))
        lines.append(Line(Text(f"  over for {over}"), rest=False))
    recent = list(reversed(status.results[-_RECENT:]))
    count = len(status.results)
    said = (
        f"Results, the last first ({count:,})"
        if count <= _RECENT
        else f"The last {_RECENT} results of {count:,}"
    )
    lines += heading(said, theme.primary + theme.strong)
    head = f"  {'index':>6} {'parent':>6}  {'fitness':>8} {'loss':>8} {'bench.':>7} {'took':>8}  name"
    lines.append(Line(Text(head, style=theme.muted), rest=False))
    return [*lines, *(_result_line(one, status, theme) for one in recent)]


def _doing_line(one: UnfinishedWork, theme: ThemeStyles) -> Line:
    at_work = one.worker is not None
    shown = Text(end="").append("  ● " if at_work else "  ○ ", style=theme.good if at_work else theme.muted)
    shown.append(f"{safe_line(one.name, 20):>7} ", style=theme.strong)
    shown.append(f"{safe_line(one.step, 24):<16}", style=theme.accent if at_work else theme.muted)
    since = f"{_span(one.seconds)} in it, {_span(one.spent)} before" if at_work else "waits for a worker"
    shown.append(f" {since}  ", style=theme.muted)
    shown.append(f"after {len(one.done)} steps" if one.done else "just begun", style=theme.muted)
    if at_work:
        shown.append(f"  process {one.worker}", style=theme.muted)
    return Line(shown, f"doing {one.name}")


def _result_line(one: ExperimentResult, status: RunStatus, theme: ThemeStyles) -> Line:
    parent = "–" if one.parent is None else str(one.parent)
    took = "–" if one.seconds is None else _took(one.seconds)
    glyph, style = (
        ("✗", theme.bad) if one.failed else ("▲", theme.good) if one.beats_baseline else (" ", theme.muted)
    )
    shown = Text(end="").append(f"{glyph} ", style=style).append(f"{one.index:>6} {parent:>6}  ")
    if one.failed:
        shown.append(f"{'failed':>8} {'–':>8} {'–':>7} {took:>8}  ", style=theme.bad)
        shown.append(f"{safe_line(one.name, _NAME)} {safe_line(one.why, 160)}", style=theme.muted)
    else:
        best = status.best is not None and status.best.index == one.index
        shown.append(f"{one.fitness:8.4f} ", style=theme.accent + theme.strong if best else theme.strong)
        shown.append(f"{one.train_loss:8.4f} {one.benchmark:7.4f} {took:>8}  {safe_line(one.name, 200)}")
    return Line(shown, one.index)


def _budget(name: str, spent: float, limit: float | None, pattern: str, theme: ThemeStyles) -> Text:
    shown = Text(end="").append(f"  {name:<11}{pattern.format(spent)}")
    if limit is None:
        return shown.append(" of no limit", style=theme.muted)
    share = spent / limit if limit else 1.0
    filled = min(int(share * 20), 20)
    style = theme.bad if share >= 0.9 else theme.warn if share >= 0.7 else theme.good
    shown.append(f" of {pattern.format(limit)} ").append("█" * filled + "░" * (20 - filled), style=style)
    return shown.append(f" {share:.0%}", style=style)


def _took(seconds: float) -> str:
    """In the unit that makes a short number; below ten seconds it is overhead."""
    for size, unit in ((3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else "<10 s"


def _span(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    return f"{minutes} min {seconds % 60:.0f} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _figure(status: RunStatus, theme: ThemeStyles) -> Figure:
    """The best fitness so far, by the number of results."""
    points: list[tuple[float, float]] = []
    for number, one in enumerate(status.results, 1):
        if one.fitness is not None and (not points or one.fitness > points[-1][1]):
            points.append((float(number), one.fitness))
    return Figure("best fitness so far, by result", [Series("", "", points, theme.primary, "steps")])
