"""A whole run in one picture: scores over time with the records, or depth over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message

from asi_repro.archive.node_model import Objective
from asi_repro.archive.reader import Archive, Experiment
from asi_repro.tui.theme import ThemeStyles, theme_styles
from asi_repro.tui.widgets.canvas import Axis
from asi_repro.tui.widgets.depth_heatmap import DepthHeatmap
from asi_repro.tui.widgets.drawing import Figure, Series
from asi_repro.tui.widgets.plot import Plot
from asi_repro.tui.widgets.score import ScoreScale

KINDS = ("scores", "map", "none")


class RunPicture(Container):
    """Scores by index, or the map of depths; the experiment under the cursor is marked in both."""

    DEFAULT_CSS = """
    RunPicture { display: none; height: 15; border-top: solid $primary 50%; }
    RunPicture.-low { height: 9; }
    """

    @dataclass
    class Picked(Message):
        """An experiment was clicked."""

        index: int

    def __init__(self) -> None:
        super().__init__(id="picture")
        self.kind = KINDS[-1]
        self._run: list[Experiment] = []
        self._places: dict[int, int] = {}
        self._archive: Archive | None = None
        self._shown: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        yield Plot(id="picture-scores")
        yield DepthHeatmap(id="picture-map")

    def on_mount(self) -> None:
        self.query_one(DepthHeatmap).can_focus = False

    def show(self, kind: str, archive: Archive, scale: ScoreScale, index: int | None) -> None:
        """Show a picture of the run with the place of an experiment."""
        self.kind, self.display = kind, kind != KINDS[-1]
        plot, depths = self.query_one(Plot), self.query_one(DepthHeatmap)
        plot.display, depths.display = kind == "scores", kind == "map"
        if not self.display:
            return
        shown = (kind, archive, scale)
        if shown != self._shown:
            self._shown, self._archive = shown, archive
            self._run = list(archive.experiments.values())
            self._places = {e.index: place for place, e in enumerate(self._run)}
            if kind == "map":
                depths.show(self._run, scale)
            else:
                plot.show(score_figure(self._run, scale, theme_styles(self.app)))
        self.at(index)

    def at(self, index: int | None) -> None:
        """Mark an experiment."""
        if index is None or self._archive is None or index not in self._places:
            return
        if self.kind == "map":
            above = self._archive.lineage.ancestors(index)
            self.query_one(DepthHeatmap).at(self._places[index], [self._places[i] for i in above], whole=True)
        else:
            self.query_one(Plot).at(float(index))

    @on(Plot.Picked)
    def _picked(self, event: Plot.Picked) -> None:
        event.stop()
        known = [e for e in self._run if e.score is not None]
        if not known:
            return
        wide = max(known[-1].index - known[0].index, 1)
        scores = [e.score for e in known if e.score is not None]
        high = (max(scores) - min(scores)) or 1.0

        def distance(e: Experiment) -> float:
            return ((e.index - event.x) / wide) ** 2 + (((e.score or 0.0) - event.y) / high) ** 2

        self.post_message(self.Picked(min(known, key=distance).index))

    def on_click(self, event: events.Click) -> None:
        if self.kind == "map":
            found = self.query_one(DepthHeatmap).best_at(event.x, event.y - 1)
            if found is not None:
                self.post_message(self.Picked(found.index))


def records(run: Sequence[Experiment], objective: Objective) -> list[tuple[float, float]]:
    """(index, score) of each experiment that was better than all before it, in index order."""
    found: list[tuple[float, float]] = []
    best = float("-inf")
    for e in run:
        if e.score is not None and objective.gain(e.score) > best:
            best = objective.gain(e.score)
            found.append((float(e.index), e.score))
    return found


def score_figure(run: Sequence[Experiment], scale: ScoreScale, theme: ThemeStyles) -> Figure:
    """Every score by index in its colour, and the records as steps."""
    known = [(float(e.index), e.score) for e in run if e.score is not None]
    dots = Series("", "", known, theme.muted, "dots", [scale.style(score) for _, score in known])
    best = Series("", "record", records(run, scale.objective), theme.accent, "steps", number="{:.4f}")
    x = Axis.around(index for index, _ in known)
    return Figure("score by index, and the record at the cursor:", [dots, best], x, unit="index")
