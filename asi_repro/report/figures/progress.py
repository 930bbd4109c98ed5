"""Best so far and discoveries over each budget, with bands over runs, beside the best of as many draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from asi_repro.report.model import Drawing, plain
from asi_repro.report.palette import AMBER, BLUE, GREEN, INK, PURPLE, VERMILLION
from asi_repro.results.chance import FEWEST, Scores, finite_scores
from asi_repro.results.significance import mean_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, AMBER, INK)
_UNITS = {"seconds": "seconds of work", "usd": "US dollars"}
_GRID = 100


@dataclass(frozen=True)
class Band:
    """One line with its band; `low` and `high` are empty for one run, `chance` marks a null."""

    label: str
    at: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    chance: bool = False

    @classmethod
    def over(cls, label: str, at: Any, values: Any) -> Band:
        """The mean of runs, shape [runs, points], where all have a value, with Student's 95% interval."""
        there = np.isfinite(values).all(axis=0)
        spreads = [mean_interval(column) for column in values[:, there].T]
        mean = tuple(s.mean for s in spreads)
        low = tuple(s.mean if s.low is None else s.low for s in spreads)
        high = tuple(s.mean if s.high is None else s.high for s in spreads)
        several = len(values) > 1
        return cls(label, tuple(np.asarray(at)[there]), mean, *((low, high) if several else ()))


@dataclass(frozen=True)
class Panel:
    """One pair of axes: what is measured, over which budget."""

    unit: str
    what: str
    bands: tuple[Band, ...]


def chance_band(label: str, pool: Scores, most: int, *, higher: bool) -> Band | None:
    """The best of 1 to `most` draws from `pool`, exactly: mean, and 5% and 95% quantiles."""
    scores = finite_scores(pool)
    drawn = np.sort(scores[np.isfinite(scores)] * (1 if higher else -1))
    if len(drawn) < FEWEST:
        return None
    sizes = np.unique(np.linspace(1, most, min(most, _GRID)).astype(int))
    below = (np.arange(len(drawn) + 1) / len(drawn)) ** sizes[:, None]
    sign = 1.0 if higher else -1.0
    mean = sign * (np.diff(below, axis=1) @ drawn)
    ends = [[sign * float(drawn[np.searchsorted(row[1:], share)]) for row in below] for share in (0.05, 0.95)]
    low, high = ends if higher else ends[::-1]
    name = f"{label}: best of as many draws"
    return Band(name, tuple(map(float, sizes)), tuple(map(float, mean)), tuple(low), tuple(high), chance=True)


def progress_drawing(panels: Sequence[Panel]) -> Drawing:
    """The figure: a row for each budget, best so far and discoveries beside each other."""
    units = list(dict.fromkeys(panel.unit for panel in panels))
    labels = list(dict.fromkeys(b.label for panel in panels for b in panel.bands if not b.chance))
    ends = [
        f"{plain(band.label)}: {band.mean[-1]:.6g} after {band.at[-1]:.6g}"
        for panel in panels[:1]
        for band in panel.bands
        if band.mean
    ]
    return Drawing(
        id="progress",
        title="Best so far and discoveries over what was spent",
        alt=f"Best so far over experiments. {'; '.join(ends)}.",
        caption="Bands: 95% interval of the mean over runs. Dashed: the best of as many independent draws "
        "from the scores of the first generation, with its 5% and 95% quantiles.",
        source=", ".join(map(plain, labels)),
        draw=lambda figure: _draw(figure, panels, units, labels),
        size=(9.0, 2.9 * len(units)),
    )


def _draw(figure: Figure, panels: Sequence[Panel], units: list[str], labels: list[str]) -> None:
    axes = figure.subplots(len(units), 2, squeeze=False)
    for panel in panels:
        here = axes[units.index(panel.unit)][0 if panel.what == "best so far" else 1]
        for band in panel.bands:
            if not band.at:
                continue
            owner = band.label.partition(": best of as many draws")[0]
            colour = _COLOURS[labels.index(owner) % len(_COLOURS)]
            style = {"linestyle": "--", "linewidth": 1.0} if band.chance else {"linewidth": 1.6}
            here.step(band.at, band.mean, where="post", color=colour, label=plain(band.label), **style)
            if band.low:
                shade = 0.10 if band.chance else 0.20
                here.fill_between(
                    band.at, band.low, band.high, step="post", color=colour, alpha=shade, linewidth=0
                )
        here.set(xlabel=_UNITS.get(panel.unit, panel.unit), ylabel=panel.what)
    axes[0][0].legend(loc="best")
