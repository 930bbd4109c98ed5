"""The run again: step by step or played, with the parent's place in the pool at each step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from asi_repro.archive.reader import Experiment
from asi_repro.replay.policy import Policy, policy_of
from asi_repro.replay.steps import Ruling, Step, replay
from asi_repro.replay.summary import phase_name
from asi_repro.tui.deep_link import Link
from asi_repro.tui.messages import OpenExperiment, ShowInLineage
from asi_repro.tui.theme import ThemeStyles, theme_styles
from asi_repro.tui.view import View
from asi_repro.tui.widgets.canvas import Axis
from asi_repro.tui.widgets.depth_heatmap import DepthHeatmap
from asi_repro.tui.widgets.drawing import Figure, Series
from asi_repro.tui.widgets.line_list import Line, LineList
from asi_repro.tui.widgets.plot import Plot
from asi_repro.tui.widgets.score import ScoreScale
from asi_repro.tui.widgets.text import safe_line

_POOL_BESIDE = 150  # cells from which on the pool stands beside the map and the charts
SPEEDS = (1, 2, 5, 10, 20, 50, 100, 200)  # steps a second
_FRAMES = 12  # a second
_LATEST = 3
_COUNTS = 100  # cells from which on a share stands with its counts
_PLOT_HEIGHT = 6
_PLOTS = ("ranks", "gallery", "best")
_GLYPHS = {
    Ruling.ROOT: "○", Ruling.TOP: "✓", Ruling.POOL: "~", Ruling.OUTSIDE: "✗", Ruling.NOT_YET: "…",
    Ruling.NO_SCORE: "?",
}  # fmt: skip


class ReplayView(View):
    """Status, a map of the tree, the pool, and numbers over the run."""

    TITLE = "Replay"
    DEFAULT_CSS = """
    ReplayView > #replay-status {
        height: 3; background: $panel; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis;
    }
    ReplayView > #replay-panes {
        layout: grid; grid-size: 2 2; grid-columns: 1fr 1fr; grid-rows: 5fr 4fr; height: 1fr;
    }
    ReplayView #replay-map { column-span: 2; height: 100%; }
    ReplayView #replay-pool { height: 100%; border-top: solid $primary 50%; padding: 0 1; }
    ReplayView #replay-charts { height: 100%; border-top: solid $primary 50%; }
    ReplayView.-high > #replay-panes { grid-rows: 14 1fr; }
    ReplayView.-wide > #replay-panes { grid-columns: 1fr 54; grid-rows: 14 1fr; }
    ReplayView.-wide #replay-map { column-span: 1; }
    ReplayView.-wide #replay-pool { row-span: 2; border-top: none; border-left: solid $primary 50%; }
    ReplayView.-low #replay-charts { display: none; }
    ReplayView.-low #replay-pool { column-span: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "play", "Play", tooltip="Play or pause"),
        Binding("left", "step(-1)", "Back", show=False, tooltip="One step back"),
        Binding("right", "step(1)", "Step", key_display="←→", tooltip="One step on"),
        Binding("left_square_bracket", "speed(-1)", "Slower", show=False, key_display="["),
        Binding("right_square_bracket", "speed(1)", "Speed", key_display="[ ]", tooltip="Faster"),
        Binding("pageup", "refresh_step(-1)", "Refresh before", show=False),
        Binding(
            "pagedown",
            "refresh_step(1)",
            "Pool",
            key_display="PgDn",
            tooltip="The next refresh of the pool",
        ),
        Binding("home", "edge(0)", "First step", show=False),
        Binding("end", "edge(-1)", "Last step", show=False),
        Binding("n", "outlier(1)", "Next ~✗", tooltip="Next parent that the policy would not have drawn"),
        Binding("p", "outlier(-1)", "Last ~✗", show=False, tooltip="The one before"),
        Binding("s", "star(1)", "Next ★", show=False, tooltip="Next architecture of the gallery"),
        Binding("S", "star(-1)", "Last ★", show=False, tooltip="The one before"),
        Binding("r", "record(1)", "Next record", tooltip="Next best score so far"),
        Binding("R", "record(-1)", "Last record", show=False, tooltip="The best score before this"),
        Binding("t", "late", "Late", tooltip="Let results enter the pool a refresh later, up to three"),
        Binding("enter", "open_step", "Open", show=False, tooltip="Open this step's experiment"),
        Binding("o", "open_parent", "Parent", show=False, tooltip="Open its recorded parent"),
        Binding("l", "lineage", "Lineage", show=False, tooltip="Show it in the lineage"),
    ]

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._steps: list[Step] = []
        self._policy: Policy | None = None
        self._late = 0
        self._place, self._moved = 0, False
        self._wanted: int | None = None
        self._speed = 3
        self._timer: Timer | None = None
        self._pool_shown: object = None
        self._obeyed: list[tuple[int, int]] = []

    def compose(self) -> ComposeResult:
        yield Static("working out the pool at every step …", id="replay-status")
        with Container(id="replay-panes"):
            yield DepthHeatmap(id="replay-map")
            yield LineList(id="replay-pool", empty="the pool is empty")
            with Vertical(id="replay-charts"):
                for name in _PLOTS:
                    yield Plot(id=f"replay-{name}")

    def prepare(self) -> None:
        if self.source.imported is not None:
            policy_of(self.source.imported)  # says that it states none
        self._run: list[Experiment] = list(self.source.archive.experiments.values())
        self._places = {e.index: place for place, e in enumerate(self._run)}

    def on_mount(self) -> None:
        self.watch(self.app, "theme", self._paint, init=False)
        self._read()

    def first_focus(self) -> Widget | None:
        return self.query_one(DepthHeatmap)

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= _POOL_BESIDE, "-wide")
        self.set_class(event.size.height < 14, "-low")
        self.set_class(event.size.height >= 32, "-high")
        self.call_after_refresh(self._fit_plots)

    def _fit_plots(self) -> None:
        """As many plots as have room for lines, numbers and a title."""
        room = self.query_one("#replay-charts").size.height // _PLOT_HEIGHT
        for number, plot in enumerate(self.query(Plot)):
            plot.display = number < max(room, 1)

    def _read(self) -> None:
        run, late, place = self._run, self._late, self.source.paths

        def work() -> tuple[Policy, list[Step]]:
            policy = replace(policy_of(place.live), late=late)
            return policy, replay(run, policy)

        self.load(work, self._got)

    def _got(self, found: tuple[Policy, list[Step]]) -> None:
        self._policy, self._steps = found
        if self._wanted is not None and self._wanted in self._places:
            self._place = self._places[self._wanted]
        elif not self._moved:
            self._place = len(self._steps) - 1  # all of it, before one goes back
        self._wanted = None
        self._obeyed = _obeyed(self._steps)
        self._place = min(self._place, max(len(self._steps) - 1, 0))
        self._paint()

    # What is shown

    def _paint(self) -> None:
        """Everything, after the steps or the theme changed."""
        if not self._steps:
            return
        scale = ScoreScale((e.score for e in self._run), dark=self.app.current_theme.dark)
        self.query_one(DepthHeatmap).show(self._run, scale)
        figures = _figures(self._steps, self._policy, theme_styles(self.app))  # type: ignore[arg-type]
        for plot, figure in zip(self.query(Plot), figures, strict=True):
            plot.show(figure)
        self._pool_shown = None
        self._draw()

    def _draw(self) -> None:
        """This step."""
        if not self._steps:
            return
        step = self._steps[self._place]
        lineage = self.source.archive.lineage
        path = [self._places[i] for i in lineage.ancestors(step.experiment.index) if i in self._places]
        self.query_one(DepthHeatmap).at(self._place, path)
        for plot in self.query(Plot):
            plot.until(self._place)
        self._draw_status(step)
        shown = (step.pool, step.experiment.parent)
        if shown != self._pool_shown:
            self._pool_shown = shown
            self._draw_pool(step)

    def _draw_status(self, step: Step) -> None:
        theme, e, policy = theme_styles(self.app), step.experiment, self._policy
        assert policy is not None
        last = self._run[-1].index if policy.by_index else len(self._steps) - 1
        wide = self.app.size.width >= _COUNTS
        playing = f"{'►' if self._timer else '■'} {SPEEDS[self._speed]}/s"
        shown = Text(end="")
        shown.append(f"{playing:<6} ", style=theme.accent + theme.strong)
        shown.append(f"step {step.position:,} of {len(self._steps) - 1:,}  ", style=theme.strong)
        shown.append(f"{phase_name(step, policy, last)}  ", style=theme.muted)
        shown.append(f"★ {step.gallery}", style=theme.accent)
        if step.best_score is not None:
            shown.append(f"  best {step.best_score:.4f} ({step.best_index})")
        top, drawn = self._obeyed[self._place]
        if drawn:
            counts = f"{top:,} of {drawn:,} ({top / drawn:.0%})" if wide else f"{top / drawn:.0%}"
            shown.append(f"  top {policy.top}: {counts}")
        if self._late:
            shown.append(f"  {self._late} refresh{'es' * (self._late > 1)} late", style=theme.warn)
        shown.append(f"\n{e.index} {safe_line(e.label, 48)}", style=theme.strong)
        shown.append(" ★" if e.in_gallery else "", style=theme.accent)
        shown.append(f"  {_score(e.score)}")
        if e.parent is not None:
            change = "" if None in (e.score, step.parent_score) else f"{e.score - step.parent_score:+.4f} "  # type: ignore[operator]
            parent = self.source.archive.experiments[e.parent]
            shown.append(
                f"  {change}from {e.parent} {safe_line(parent.label, 48)} {_score(step.parent_score)}"
            )
        shown.append(f"\n{_GLYPHS[step.ruling]} ", style=_ruling_style(step.ruling, theme) + theme.strong)
        best = "" if step.best_rank is None else f" ({step.best_rank} at best)"
        rank = "" if step.rank is None else f"rank {step.rank}{best} of {step.pool.seen:,}, "
        shown.append(f"parent: {rank}{step.ruling.meaning}", style=_ruling_style(step.ruling, theme))
        self.query_one("#replay-status", Static).update(shown, layout=False)

    def _draw_pool(self, step: Step) -> None:
        theme, pool, policy = theme_styles(self.app), step.pool, self._policy
        assert policy is not None
        allowed, entered, lines = set(pool.allowed), set(pool.entered), []
        experiments = self.source.archive.experiments
        for place, (index, score) in enumerate(pool.members, 1):
            style = theme.good if index in allowed else theme.muted
            chosen = index == step.experiment.parent
            lead = "►" if chosen else "+" if index in entered else " "
            shown = Text(end="").append(f"{lead}{place:>3} ", style=theme.accent if lead != " " else style)
            shown.append(f"{index:>6} {score:7.4f} ", style=theme.accent + theme.strong if chosen else style)
            shown.append(safe_line(experiments[index].label, 60), style=theme.strong if chosen else style)
            lines.append(Line(shown, index))
        head = Text(
            f"pool {len(pool.members)} of {policy.pool} +{len(pool.entered)} −{len(pool.left)}, "
            f"top {policy.top} green",
            end="",
        )
        line_list = self.query_one(LineList)
        line_list.show(lines, head)
        if not line_list.has_focus:
            line_list.go(step.experiment.parent)

    # Moving

    def _to(self, place: int) -> None:
        self._moved = True
        self._place = min(max(place, 0), max(len(self._steps) - 1, 0))
        self._draw()

    def _seek(self, way: int, wanted: Callable[[Step], bool], missing: str) -> None:
        place = self._place + way
        while 0 <= place < len(self._steps):
            if wanted(self._steps[place]):
                self._to(place)
                return
            place += way
        self.app.notify(missing, timeout=3)

    def action_step(self, way: int) -> None:
        self._to(self._place + way)

    def action_edge(self, place: int) -> None:
        self._to(place if place >= 0 else len(self._steps) - 1)

    def action_refresh_step(self, way: int) -> None:
        self._seek(way, lambda step: step.refreshed, "no more refreshes in that direction")

    def action_outlier(self, way: int) -> None:
        fine = (Ruling.TOP, Ruling.ROOT)
        self._seek(way, lambda step: step.ruling not in fine, "no more such parents in that direction")

    def action_star(self, way: int) -> None:
        self._seek(way, lambda step: step.experiment.in_gallery, "no more of the gallery in that direction")

    def action_record(self, way: int) -> None:
        self._seek(
            way, lambda step: step.best_index == step.experiment.index, "no more records in that direction"
        )

    def action_late(self) -> None:
        self._late = (self._late + 1) % (_LATEST + 1)
        self._read()

    def action_speed(self, way: int) -> None:
        self._speed = min(max(self._speed + way, 0), len(SPEEDS) - 1)
        if self._timer is not None:
            self._stop()
            self.action_play()
        self._draw()

    def action_play(self) -> None:
        if self._timer is not None:
            self._stop()
        elif self._steps:
            if self._place == len(self._steps) - 1:
                self._place = 0
            self._timer = self.set_interval(1 / min(SPEEDS[self._speed], _FRAMES), self._tick)
        self._draw()

    def _tick(self) -> None:
        if not self.display:  # another view is shown
            self._stop()
            return
        self._place = min(self._place + max(round(SPEEDS[self._speed] / _FRAMES), 1), len(self._steps) - 1)
        if self._place == len(self._steps) - 1:
            self._stop()
        self._draw()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    @on(LineList.Selected)
    def _chose(self, event: LineList.Selected) -> None:
        event.stop()
        if isinstance(event.line.key, int):
            self.post_message(OpenExperiment(event.line.key))

    def action_open_step(self) -> None:
        if self._steps:
            self.post_message(OpenExperiment(self._steps[self._place].experiment.index))

    def action_open_parent(self) -> None:
        parent = self._steps[self._place].experiment.parent if self._steps else None
        if parent is None:
            self.app.notify("the first program has no parent", timeout=3)
        else:
            self.post_message(OpenExperiment(parent))

    def action_lineage(self) -> None:
        if self._steps:
            self.post_message(ShowInLineage(self._steps[self._place].experiment.index))

    # Kept between sessions

    def open(self, arguments: dict[str, Any]) -> None:
        index = arguments.get("index")
        if isinstance(index, int) and index in self._places:
            self._wanted = index
            if self._steps:
                self._to(self._places[index])

    def link(self) -> Link:
        return Link("replay", self.state()["index"])

    def state(self) -> dict[str, Any]:
        index = self._steps[self._place].experiment.index if self._steps else self._wanted
        return {"index": index, "late": self._late, "speed": self._speed}

    def restore(self, state: dict[str, Any]) -> None:
        if state.get("speed") in range(len(SPEEDS)):
            self._speed = state["speed"]
        if state.get("late") in range(1, _LATEST + 1):
            self._late = state["late"]
            self._read()
        self.open(state)

    def reload(self) -> None:
        self._wanted = self.state()["index"]
        self.prepare()
        self._read()


def _score(value: float | None) -> str:
    return "no score" if value is None else f"{value:.4f}"


def _ruling_style(ruling: Ruling, theme: ThemeStyles) -> Any:
    return {Ruling.TOP: theme.good, Ruling.POOL: theme.warn, Ruling.ROOT: theme.muted}.get(ruling, theme.bad)


def _obeyed(steps: list[Step]) -> list[tuple[int, int]]:
    """At each step, how many parents after the cold start came from the top, and how many were drawn."""
    found, top, drawn = [], 0, 0
    for step in steps:
        if not step.cold and step.ruling is not Ruling.ROOT:
            drawn += 1
            top += step.ruling is Ruling.TOP
        found.append((top, drawn))
    return found


def _figures(steps: list[Step], policy: Policy, theme: ThemeStyles) -> tuple[Figure, ...]:
    """The numbers over the run's positions, one figure for each of `_PLOTS`."""
    x = Axis(0.0, max(len(steps) - 1.0, 1.0))
    ranks = [(float(n), step.rank) for n, step in enumerate(steps) if step.rank is not None]
    best = [(float(n), step.best_score) for n, step in enumerate(steps) if step.best_score is not None]
    gallery = [(float(n), float(step.gallery)) for n, step in enumerate(steps)]
    deepest = max((rank for _, rank in ranks), default=1)
    limits = (float(policy.top), float(policy.pool))
    return (
        Figure(
            f"parent's rank, ruled at {policy.top} and {policy.pool}",
            [Series("", "", ranks, theme.warn, "dots")],
            x, Axis(float(max(deepest, policy.pool)), 1.0, log=True), "step", limits,
        ),
        Figure(
            "gallery so far", [Series("", "", gallery, theme.accent, "steps", number="{:,.0f}")], x,
            unit="step",
        ),
        Figure(
            "best score so far", [Series("", "", best, theme.primary, "steps", number="{:.4f}")], x,
            unit="step", number="{:.2f}",
        ),
    )  # fmt: skip
