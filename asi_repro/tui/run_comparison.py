"""Runs over each other: best so far or discoveries over what was spent, beside the best of as many draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from asi_repro.config.params import load_params
from asi_repro.discover.run.comparison_page import panels, spread
from asi_repro.discover.run.outcomes import read_outcomes
from asi_repro.discover.run.run_comparison import (
    EXPERIMENTS,
    NO_DIRECTION,
    NOT_RECORDED,
    Comparison,
    Group,
    compare_groups,
)
from asi_repro.discover.run.spending import UNITS
from asi_repro.project import Project
from asi_repro.report.figures.progress import Band, Panel
from asi_repro.tui.theme import ThemeStyles, theme_styles
from asi_repro.tui.widgets.drawing import Figure, Series
from asi_repro.tui.widgets.line_layout import heading, prose, table
from asi_repro.tui.widgets.line_list import Line, LineList
from asi_repro.tui.widgets.plot import Plot
from asi_repro.tui.widgets.text import safe_line

_EVERY = (EXPERIMENTS, *UNITS)
_WHAT = ("best so far", "discoveries")
_DOTS = 120


@dataclass(frozen=True)
class Compared:
    """Some runs, each by itself and all as one group, as `asi-repro compare` has them."""

    apart: Comparison
    curves: Sequence[Panel]
    together: Comparison
    curves_together: Sequence[Panel]


def compare_runs(project: Project, names: Sequence[str]) -> Compared:
    """Read and compare; slow, for a thread.

    Raises:
        AsiReproError: where a run cannot be read, or has no experiments.
    """
    params = load_params(project.root)
    runs = tuple(read_outcomes(project, name) for name in names)
    apart, together = [Group(run.name, (run,)) for run in runs], [Group(f"all {len(runs)} runs", runs)]
    numbers = partial(compare_groups, seed=params.seed, resamples=params.claims.resamples)
    return Compared(numbers(apart), panels(apart), numbers(together), panels(together))


class RunsComparedScreen(ModalScreen[None]):
    """A figure of curves, and below it the numbers at an equal budget."""

    TITLE = "Runs compared"
    DEFAULT_CSS = """
    RunsComparedScreen { align: center middle; }
    RunsComparedScreen > Vertical {
        width: 98%; height: 96%; border: round $primary; background: $background;
    }
    RunsComparedScreen Plot { height: 3fr; min-height: 8; }
    RunsComparedScreen LineList { height: 2fr; min-height: 5; padding: 0 1; border-top: solid $primary 50%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Close", tooltip="Close the comparison"),
        Binding("b", "budget(1)", "Budget", tooltip="Over the next budget that is recorded"),
        Binding("B", "budget(-1)", "Budget before", show=False, tooltip="Over the budget before"),
        Binding("d", "what", "Discoveries", tooltip="Discoveries, or the best so far"),
        Binding("n", "chance", "Best of N", tooltip="With or without the best of as many draws"),
        Binding("o", "together", "One group", tooltip="The runs as one group, or each by itself"),
    ]

    def __init__(self, compared: Compared) -> None:
        super().__init__()
        self._compared = compared
        self._unit, self._what = EXPERIMENTS, _WHAT[0]
        self._chance, self._together = True, False

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self.TITLE
            box.border_subtitle = "b budget  d discoveries  n best of N  o one group  escape closes"
            yield Plot()
            yield LineList()

    def on_mount(self) -> None:
        self.watch(self.app, "theme", self._draw, init=False)
        self.call_after_refresh(self._draw)
        self.query_one(LineList).focus()

    @property
    def _panels(self) -> Sequence[Panel]:
        return self._compared.curves_together if self._together else self._compared.curves

    @property
    def _numbers(self) -> Comparison:
        return self._compared.together if self._together else self._compared.apart

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    # What the keys do

    def action_budget(self, way: int) -> None:
        units = [unit for unit in _EVERY if any(panel.unit == unit for panel in self._panels)]
        if units:
            place = units.index(self._unit) if self._unit in units else -way
            self._unit = units[(place + way) % len(units)]
        self._draw()

    def action_what(self) -> None:
        self._what = _WHAT[1 - _WHAT.index(self._what)]
        self._draw()

    def action_chance(self) -> None:
        self._chance = not self._chance
        self._draw()

    def action_together(self) -> None:
        self._together = not self._together
        self._draw()

    # What is shown

    def _draw(self) -> None:
        theme = theme_styles(self.app)
        panel = next((p for p in self._panels if (p.unit, p.what) == (self._unit, self._what)), None)
        series = [] if panel is None else _series(panel, theme, chance=self._chance)
        dotted = any(one.kind == "dots" for one in series)
        said = "; dotted: the best of as many draws, 5% to 95%" if dotted else ""
        self.query_one(Plot).show(Figure(f"{self._what}, over {self._unit}{said}", series, unit=self._unit))
        width = max(self.query_one(LineList).size.width - 2, 40)
        self.query_one(LineList).show(_lines(self._numbers, self._unit, width, theme), keep=False)


def _series(panel: Panel, theme: ThemeStyles, *, chance: bool) -> list[Series]:
    """The lines of a panel: means as steps, the ends of intervals dim, the best of as many draws dotted."""
    colours = (theme.primary, theme.accent, theme.good, theme.warn, theme.bad)
    owners = list(dict.fromkeys(_owner(band) for band in panel.bands))
    found: list[Series] = []
    for band in panel.bands:
        if not band.at or (band.chance and not chance):
            continue
        style = colours[owners.index(_owner(band)) % len(colours)]
        for edge in (band.low, band.high):
            if edge:
                found.append(_one(band, edge, "", style + theme.muted + Style(dim=True), dots=band.chance))
        label = safe_line(f"{_owner(band)}: best of N" if band.chance else band.label, 40)
        found.append(_one(band, band.mean, label, style, dots=band.chance))
    return found


def _owner(band: Band) -> str:
    return band.label.partition(": best of as many draws")[0]


def _one(band: Band, values: Sequence[float], label: str, style: Style, *, dots: bool) -> Series:
    points = list(zip(band.at, values, strict=True))
    if dots:
        return Series("", label, points[:: max(len(points) // _DOTS, 1)], style, "dots")
    # Steps by hand: those of a plot go on to its edge, as if a shorter run had stood still.
    corners = [point for (_, y), (x, after) in pairwise(points) for point in ((x, y), (x, after))]
    return Series("", label, [*points[:1], *corners], style)


def _lines(found: Comparison, unit: str, width: int, theme: ThemeStyles) -> list[Line]:
    budget = next(one for one in found.budgets if one.unit == unit)
    amount = NOT_RECORDED if budget.amount is None else f"{budget.amount:.6g} {unit}"
    lines = heading(f"After {amount}, which every run that records it spent", theme.strong)[1:]
    rows = [
        {
            "run": at.group,
            "best so far": spread(at.best, at.why),
            "discoveries": spread(at.discoveries, at.why),
        }
        for at in budget.groups
    ]
    lines += table(rows)
    lines += heading("Beside luck", theme.strong)
    rows = []
    for run in found.runs:
        best, order = run.best_of_n, run.improvements
        none = NO_DIRECTION if run.higher is None else "none"
        rows.append(
            {
                "run": run.name,
                "best": none if run.best is None else f"{run.best:.6g}",
                "best of N (95%)": ("–" if run.higher is None else "few scores")
                if best is None
                else f"{best.expected:.6g} ({best.high:.6g})",
                "p": "–" if best is None or best.p_value is None else f"{best.p_value:.2g}",
                "improved": "–" if order is None else str(order.observed),
                "luck (95%)": "–" if order is None else f"{order.expected:.1f} ({order.high:.0f})",
                "> noise": "–" if run.noise is None else str(run.noise.above),
            }
        )
    lines += table(rows)
    lost = [one for one in UNITS if next(b for b in found.budgets if b.unit == one).amount is None]
    said = [one.not_compared for one in found.differences if one.not_compared]
    said += [f"Not recorded by any of them: {', '.join(lost)}."] if lost else []
    said.append("`asi-repro compare` says what each column is, with intervals; --report DIR draws it.")
    for sentence in dict.fromkeys(said):
        lines += [Line(Text(""), rest=False), *prose(sentence, width)]
    return lines
