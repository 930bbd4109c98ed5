"""The loss curve beside its parent's, the paper's baselines, and what was measured here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from asi_repro.archive.reader import Archive
from asi_repro.claims.paper_tables import PaperTables
from asi_repro.errors import AsiReproError, MissingInput
from asi_repro.results.layout import slug_of
from asi_repro.tui.dialogs import Ask
from asi_repro.tui.run_data import Source
from asi_repro.tui.tabs.tab import Tab
from asi_repro.tui.theme import theme_styles
from asi_repro.tui.widgets.canvas import Axis
from asi_repro.tui.widgets.drawing import Figure, Series, clipped
from asi_repro.tui.widgets.plot import Plot
from asi_repro.tui.widgets.text import safe_line

Points = list[tuple[float, float]]
_SEEDS = 10
_OVERLAYS = 6
_AXES = ("without the first fall", "logarithmic", "all of it")


@dataclass(frozen=True)
class Curve:
    """One curve with where it is from.

    Attributes:
        short: the label where there is little room.
    """

    letter: str
    label: str
    points: Points
    kind: str
    short: str = ""

    @property
    def about_it(self) -> bool:
        """Whether it is of the experiment or of an ancestor."""
        return self.kind in ("this", "parent") or self.letter < "m"


class TrainingTab(Tab):
    """Curves and their final losses."""

    TITLE = "Training"
    DEFAULT_CSS = "TrainingTab > Static { height: auto; padding: 0 1; max-height: 50%; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("z", "zoom", "Zoom", tooltip="The second half of the training, or all of it"),
        Binding("a", "axis", "Axis", tooltip="Loss without its first fall, logarithmic, or all of it"),
        Binding("right", "read(1)", "Read off", key_display="←→", tooltip="Read the curves off"),
        Binding("left", "read(-1)", "Read left", show=False, tooltip="Read the curves off, further left"),
        Binding("o", "overlay", "Overlay", tooltip="Draw the curve of another experiment over these"),
        Binding("x", "clear", "Clear", show=False, tooltip="Take the overlays away, and the cursor"),
    ]
    can_focus = True
    curves: Sequence[Curve] = ()
    zoomed = False
    axis = _AXES[0]
    cursor: int | None = None

    def compose(self) -> ComposeResult:
        yield Plot()
        yield Static(markup=False)

    def read(self, index: int) -> list[Curve]:
        found = [*run_curves(self.source.archive, index), *our_curves(self.source, index)]
        # DeltaNet trained here is there to compare with: alone it would pass for this experiment's.
        if not any(curve.about_it for curve in found):
            if self.source.imported is not None:
                raise MissingInput("an imported run has no training curves")
            raise MissingInput(
                f"no training curve was released for experiment {index}",
                hint=f"`asi-repro train {index}` makes one of our own"
                if self.source.archive.experiments[index].has_program
                else None,
            )
        letters = iter("BCDEFGHIJKL")
        used = {curve.letter for curve in found}
        for other in self.others:
            letter = next(letter for letter in letters if letter not in used)
            points = curve_points(self.source.archive, other)
            label = f"overlay: {other} {safe_line(self.source.archive.experiments[other].label, 60)}"
            found.append(Curve(letter, label, points, "overlay", str(other)))
        return found

    def fill(self, data: list[Curve]) -> None:
        self.curves = data
        self._draw()

    def first_focus(self) -> TrainingTab:
        return self

    def action_zoom(self) -> None:
        self.zoomed = not self.zoomed
        self._draw()

    def action_axis(self) -> None:
        self.axis = _AXES[(_AXES.index(self.axis) + 1) % len(_AXES)]
        self._draw()

    def action_read(self, way: int) -> None:
        steps = self._steps
        if steps:
            start = len(steps) - 1 if way < 0 else 0
            self.cursor = start if self.cursor is None else min(max(self.cursor + way, 0), len(steps) - 1)
            self._read_off()

    @property
    def _steps(self) -> list[float]:
        """Steps at which the longest curve has a value."""
        longest: Points = max((self._part(curve) for curve in self.curves), key=len, default=[])
        return [step for step, _ in longest]

    @property
    def _at(self) -> float | None:
        """The step that the cursor is at."""
        steps = self._steps
        return None if self.cursor is None or not steps else steps[min(self.cursor, len(steps) - 1)]

    def _read_off(self) -> None:
        at, plot = self._at, self.query_one(Plot)
        title = "loss, nats per token" if at is None else f"at step {at:g}"
        plot.retitle(f"{title} · {self.axis}" if self.axis != _AXES[2] else title)
        plot.at(at)

    @work
    async def action_overlay(self) -> None:
        typed = await self.app.push_screen_wait(Ask("Draw the curve of", "index or name"))
        other = await self.view.app.find_experiment(typed) if typed else None
        if other is None:
            return
        if not curve_points(self.source.archive, other):
            self.app.notify(f"no training curve was released for experiment {other}", timeout=4)
        elif other not in self.others and other != self.index and len(self.others) < _OVERLAYS:
            self.compare((*self.others, other))

    def action_clear(self) -> None:
        self.cursor = None
        self.compare(())

    def part(self) -> str | None:
        at = self._at
        return None if at is None else f"{at:g}"

    def go_to_part(self, part: str) -> bool:
        steps = [f"{step:g}" for step in self._steps]
        if part not in steps:
            return False
        self.cursor = steps.index(part)
        self._read_off()
        return True

    def _part(self, curve: Curve) -> Points:
        end = max((c.points[-1][0] for c in self.curves if c.points), default=0)
        return from_step(curve.points, end / 2 if self.zoomed else 0)

    def _draw(self) -> None:
        theme = theme_styles(self.app)
        styles = {
            "this": theme.accent,
            "parent": theme.primary,
            "paper": Style(dim=True),
            "ours": theme.good,
            "overlay": theme.warn,
        }
        end = max((c.points[-1][0] for c in self.curves if c.points), default=0)
        start = end / 2 if self.zoomed else 0
        parts = [(c, self._part(c)) for c in self.curves[::-1]]
        series = [Series(c.letter, c.short, p, styles[c.kind]) for c, p in parts if p]
        values = [loss for one in series for _, loss in one.points]
        y = clipped(series) if self.axis == _AXES[0] else Axis.around(values, log=self.axis == _AXES[1])
        self.query_one(Plot).show(Figure("loss", series, y=y, unit="step"))
        self._read_off()
        legend = Text("training loss in nats per token by step; at its end", style="bold")
        if self.index is not None and not any(curve.kind == "this" for curve in self.curves):
            legend.append(f"\n    no curve was released of {self.index}", style="not bold")
        for curve in self.curves:
            legend.append(f"\n{curve.letter} ━ ", style=styles[curve.kind])
            step, loss = curve.points[-1]
            legend.append(f"{curve.label}: {loss:.4f}", style="not bold")
            if step < start:
                legend.append(f", at step {step:g}: not in this part", style="not bold dim")
        self.query_one(Static).update(legend)


def from_step(points: Points, start: float) -> Points:
    """The curve from a step on; it begins there, on the straight line between the points around."""
    kept = [point for point in points if point[0] >= start]
    before = [point for point in points if point[0] < start]
    if kept and before and kept[0][0] > start:
        (x0, y0), (x1, y1) = before[-1], kept[0]
        kept.insert(0, (start, y0 + (y1 - y0) * (start - x0) / (x1 - x0)))
    return kept


def run_curves(archive: Archive, index: int) -> list[Curve]:
    """The run's curves of the experiment and its nearest ancestor that has one; the paper's baselines."""
    curves: list[Curve] = []
    for letter, kind, at in (("A", "this", index), ("B", "parent", _ancestor_with_curve(archive, index))):
        if at is None:
            continue
        points = curve_points(archive, at)
        if points:
            e = archive.experiments[at]
            which = "this" if kind == "this" else "nearest ancestor with a curve"
            short = f"{'this' if kind == 'this' else 'ancestor'} {at}"
            curves.append(Curve(letter, f"{which}: {at} {safe_line(e.label, 60)}", points, kind, short))
    if not curves:
        return []
    return curves + _paper_lines(archive, index, curves[0].points)


def curve_points(archive: Archive, index: int) -> Points:
    """(step, loss) where the loss is known."""
    return [(r["step"], r["loss"]) for r in archive.rows("curves", index) if r["loss"] is not None]


def _ancestor_with_curve(archive: Archive, index: int) -> int | None:
    known = set(archive.table("curves", ["index"])["index"].to_pylist())
    return next((i for i in archive.lineage.ancestors(index) if i in known), None)


def _paper_lines(archive: Archive, index: int, points: Points) -> list[Curve]:
    """The baselines' final losses as level lines: the paper prints no curves of them."""
    if not archive.experiments[index].in_gallery or not is_published(archive):
        return []
    first, last = points[0][0], points[-1][0]
    rows = PaperTables().table2_baselines
    return [
        Curve(
            letter,
            f"{name}, final loss at 340M in the paper's Table 2",
            [(first, row.values["train_loss_340m"]), (last, row.values["train_loss_340m"])],
            "paper",
            f"{name}, paper",
        )
        for letter, (name, row) in zip("PQRS", rows.items(), strict=False)
    ]


def is_published(archive: Archive) -> bool:
    """Whether the run is the paper's: its sources say where they were published, those of our runs do not."""
    return any(archive.table("sources", ["url"])["url"].to_pylist())


def our_curves(source: Source, index: int) -> list[Curve]:
    """What was trained here: this architecture and DeltaNet, every seed that is there."""
    if source.project is None or not (source.project.artifacts / "trained").is_dir():
        return []
    workspace = source.workspace()
    if workspace is None or source.paths.live is not None:
        return []
    from asi_repro.results.training import read_curve

    e = source.archive.experiments[index]
    curves: list[Curve] = []
    models = (("abcdefghij", slug_of(index, e.name), "this"), ("mnopqrstuv", "delta_net", "DeltaNet"))
    for letters, slug, what in models:
        for seed in range(_SEEDS):
            folder = workspace.trained(slug, seed)
            if not folder.is_dir():
                continue
            try:
                points = [(float(p.step), p.loss) for p in read_curve(folder) if p.loss is not None]
            except AsiReproError:
                continue
            if points:
                label = f"{what}, trained here: scale {workspace.scale}, seed {seed}"
                curves.append(Curve(letters[seed], label, points, "ours", f"{what}, seed {seed}"))
    return curves
