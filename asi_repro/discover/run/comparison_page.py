"""A comparison of runs for a person: tables in Markdown, and a folder with its figures and curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np

from asi_repro import markdown
from asi_repro.config.discover import Arm
from asi_repro.discover.run.outcomes import Outcomes
from asi_repro.discover.run.run_comparison import (
    EXPERIMENTS,
    NO_DIRECTION,
    NOT_RECORDED,
    Budget,
    Comparison,
    Group,
    RunFacts,
    Side,
    best_so_far,
    compare_groups,
    cumulative,
    curve,
)
from asi_repro.discover.run.spending import UNITS
from asi_repro.markdown import escape
from asi_repro.project import RELEASE
from asi_repro.report.figures.progress import Band, Panel, chance_band, progress_drawing
from asi_repro.results.differences import Spread
from asi_repro.store.files import write_folder
from asi_repro.store.json_text import dump_json
from asi_repro.text import csv_text

_POINTS = 200
_OWN_ARMS = get_args(Arm)
_RATES = ("run", "arm", "experiments", "discoveries", "verified", "rate", "95% interval", "R² of a line")
_TOTALS = ("run", "experiments", "scored", "best", *UNITS)
_LUCK = (
    "run", "improvements", "in random order (95%)", "p", "best", "best of N draws (95%)", "p",
    "normal tail (95%)", "p", "trend τ (p)",
)  # fmt: skip
_NOISE = (
    "run", "deviation", "from", "improvements", "beyond noise", "gain of the best", "noise alone (95%)",
)  # fmt: skip


def comparison_text(found: Comparison) -> str:
    """The comparison as Markdown."""
    return "\n".join(_lines(found))


def write_comparison(groups: Sequence[Group], found: Comparison, folder: Path) -> Path:
    """Write report.md, comparison.json, curves.csv and the figures to a folder, all or nothing; the page.

    The same runs give the same bytes.
    """
    from asi_repro.report.drawing import render

    drawing = progress_drawing(panels(groups))
    picture = render(drawing)
    rows = [row for group in groups for run in group.runs for row in curve(run)]
    image = f"![{escape(drawing.alt)}](progress.svg)"
    page = ["# Comparison", "", *_lines(found), "", image, "", escape(drawing.caption), ""]
    files = {
        "report.md": "\n".join(page).encode(),
        "comparison.json": dump_json(found.to_dict()).encode(),
        "curves.csv": csv_text(rows).encode(),
        "progress.svg": picture.svg.encode(),
        "progress.png": picture.png,
    }
    write_folder(folder, files)
    return folder / "report.md"


def panels(groups: Sequence[Group]) -> list[Panel]:
    """Best so far and discoveries over each budget that a run records, as the figure takes them."""
    made = []
    for unit in (EXPERIMENTS, *UNITS):
        for what in ("best so far", "discoveries"):
            bands = [band for group in groups if (band := _band(group, unit, what)) is not None]
            if what == "best so far":
                bands += [band for group in groups if (band := _chance(group, unit)) is not None]
            if any(max(band.at) > 0 for band in bands):
                made.append(Panel(unit, what, tuple(bands)))
    return made


def _band(group: Group, unit: str, what: str) -> Band | None:
    """The mean over a group's runs at each budget, up to the shortest run, with its 95% interval."""
    found = [(run, at) for run in group.runs if (at := cumulative(run, unit)) is not None]
    if len(found) < len(group.runs) or any(run.higher is None for run in group.runs):
        return None
    end = min(float(at[-1]) for _, at in found)
    points = np.unique(np.concatenate([at[at <= end] for _, at in found]))
    points = points[np.unique(np.linspace(0, len(points) - 1, _POINTS).astype(int))]
    values = []
    for run, at in found:
        counts = np.cumsum(np.asarray(run.found, dtype=np.float64))
        line = counts if what == "discoveries" else best_so_far(run)
        place = np.searchsorted(at, points, side="right")
        before = 0.0 if what == "discoveries" else np.nan
        values.append(np.concatenate([[before], line])[place])
    return Band.over(group.label, points, np.asarray(values))


def _chance(group: Group, unit: str) -> Band | None:
    """The best of so many draws from the first generation, where the group is one run.

    After a budget, as many are drawn as the run had experiments by then.
    """
    at = cumulative(group.runs[0], unit)
    run = group.runs[0]
    if len(group.runs) != 1 or at is None or run.higher is None:
        return None
    pool = [s for s, first in zip(run.scores, run.first_generation, strict=False) if first]
    band = chance_band(group.label, pool, len(run.indices), higher=run.higher)
    return band and replace(band, at=tuple(float(at[int(size) - 1]) for size in band.at))


def _lines(found: Comparison) -> list[str]:
    rows = []
    for side in found.groups:
        for rate in side.rates:
            interval, fit = rate.interval, "–" if rate.line_r2 is None else f"{rate.line_r2:.3f}"
            counts = map(str, (side.experiments, side.discoveries, side.verified))
            estimate = f"{interval.estimate:.3g} per {rate.unit}"
            between = f"{interval.low:.3g} to {interval.high:.3g}"
            rows.append([escape(side.name), escape(side.arm), *counts, estimate, between, fit])
        if not side.rates:
            ends = [str(side.experiments), *[NO_DIRECTION] * 4, "–"]
            rows.append([escape(side.name), escape(side.arm), *ends])
    lines = [*markdown.table(_RATES, rows), ""]
    kinds: dict[str, list[str]] = {}
    for side in found.groups:
        kinds.setdefault(side.discovery, []).append(f"{escape(side.name)} is {_whose(side)}")
    lines += [f"{'; '.join(whose)}. A discovery there {escape(what)}." for what, whose in kinds.items()]
    for one in found.differences:
        between = "no interval" if one.low is None else f"95% interval {one.low:+.3g} to {one.high:+.3g}"
        lines.append(
            f"{escape(one.group)} minus {escape(one.reference)}, {one.what}: {one.estimate:+.3g}, {between}."
            + (f" {one.not_compared}" if one.not_compared else "")
        )
    lines.append(
        f"Intervals: percentile bootstrap over experiments, {found.resamples} resamples, seed {found.seed}. "
        "They take experiments as independent, which a search with parents is not: they are too narrow."
    )
    lines += ["", "## What each run took", "", *markdown.table(_TOTALS, [_total(run) for run in found.runs])]
    lines += ["", "## At equal budgets", "", *_budgets(found.budgets)]
    return [*lines, "", "## Beside luck", "", *_luck(found.runs)]


def _whose(side: Side) -> str:
    arms = set(side.arm.split(", "))
    if arms == {RELEASE}:
        return "the paper's"
    return (
        "a run of our own and not the paper's" if arms <= {*_OWN_ARMS} else f"imported ({escape(side.arm)})"
    )


def luck_lines(run: Outcomes, *, seed: int, resamples: int) -> list[str]:
    """One run beside what luck alone gives, as Markdown."""
    return _luck(compare_groups([Group(run.name, (run,))], seed=seed, resamples=resamples).runs)


def _total(run: RunFacts) -> list[str]:
    spent = [_amount(run.spent[unit]) for unit in UNITS]
    return [escape(run.name), str(run.experiments), str(run.scored), _best(run), *spent]


def _best(run: RunFacts) -> str:
    if run.best is None:
        return NO_DIRECTION if run.higher is None else "none"
    return _amount(run.best)


def _amount(value: float | None) -> str:
    return NOT_RECORDED if value is None else f"{value:.6g}"


def _budgets(budgets: Sequence[Budget]) -> list[str]:
    rows = []
    for budget in budgets:
        for at in budget.groups:
            amount = _amount(budget.amount)
            rows.append(
                [
                    budget.unit,
                    amount,
                    escape(at.group),
                    *(spread(one, at.why) for one in (at.best, at.discoveries)),
                ]
            )
    return [
        *markdown.table(("budget", "amount", "run", "best so far", "discoveries"), rows),
        "",
        "Each budget is the smallest total of the runs that record it; the baseline is not counted. "
        "Intervals are Student's over runs.",
    ]


def spread(found: Spread | None, why: str) -> str:
    """A mean with its interval, or why there is none."""
    if found is None:
        return why
    if found.low is None or found.high is None:
        return f"{found.mean:.6g}"
    return f"{found.mean:.6g} ({found.low:.6g} to {found.high:.6g}, {found.count} runs)"


def _luck(runs: Sequence[RunFacts]) -> list[str]:
    rows, noisy = [], []
    for run in runs:
        order, best, noise = run.improvements, run.best_of_n, run.noise
        too_few = NO_DIRECTION if run.higher is None else "too few scores"
        improvements = [too_few, "–", "–"] if order is None else [
            str(order.observed), f"{order.expected:.1f} ({order.high:.0f})", _p(order.p_value),
        ]  # fmt: skip
        drawn = [too_few, "–", "–", "–"] if best is None else [
            f"{best.expected:.6g} ({best.high:.6g}), N = {best.draws} from {best.pool}",
            "none: N > pool" if best.p_value is None else _p(best.p_value),
            f"{best.normal_high:.6g}", _p(best.normal_p),
        ]  # fmt: skip
        trend = "–" if order is None else f"{order.tau:+.3f} ({_p(order.tau_p)})"
        rows.append([escape(run.name), *improvements, _best(run), *drawn, trend])
        if noise is not None:
            gains = f"{noise.expected_gain:.4g} ({noise.high_gain:.4g})"
            noisy.append(
                [
                    escape(run.name), f"{noise.deviation:.4g}", noise.source, str(noise.improvements),
                    str(noise.above), f"{noise.gain:.4g}", gains,
                ]
            )  # fmt: skip
    lines = [
        *markdown.table(_LUCK, rows),
        "",
        "Improvements: times that a score beat the best so far, the first program aside, beside the run's "
        "own scores in random order. Best of N: as many independent draws, with replacement, from the "
        "scores of the first generation (children of a program that has no parent). No draw passes the best "
        "of these, so there is no p where N is larger; the normal tail is that of a normal distribution with "
        "their mean and deviation, an assumption. Scores that are missing or NaN are left out and are never "
        "the best.",
    ]
    exact = [escape(run.name) for run in runs if run.noise is None and run.scored_again]
    if exact:
        lines += [
            "",
            f"Noise of {', '.join(exact)}: every program that was scored more than once had exactly the same "
            "score each time.",
        ]
    if not noisy:
        rest = "" if not exact else "of the others "
        said = f"Noise: no program {rest}was scored twice; `--noise SD` assumes a standard deviation."
        return [*lines, "", said] if len(exact) < len(runs) else lines
    return [
        *lines,
        "",
        *markdown.table(_NOISE, noisy),
        "",
        "Beyond noise: improvements by more than noise gives once in 20 times (1.64 √2 deviations). "
        "Noise alone: what the best of as many equally good programs gains over the first.",
    ]


def _p(value: float) -> str:
    return f"{value:.2g}" if value >= 1e-4 else "< 0.0001"
