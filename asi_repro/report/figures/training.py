"""Models trained by this project: loss over steps with bands, and loss over FLOPs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from asi_repro.report.drawing import columns
from asi_repro.report.model import Drawing, PlotData, plain
from asi_repro.report.palette import AMBER, BLUE, FAINT, GREEN, INK, PURPLE, VERMILLION
from asi_repro.results.table import CurvePoint, ModelRow, Results

# A baseline looks the same in every figure; architectures share two colours and differ by their dashes.
BASELINE_COLOURS = {
    "delta_net": VERMILLION,
    "gated_delta_net": GREEN,
    "mamba2": AMBER,
    "transformer": PURPLE,
}
_OTHERS = tuple((colour, dashes) for dashes in ("-", "--", ":") for colour in (BLUE, INK))
MANY = len(_OTHERS)  # architectures beyond this are a band, not lines

Curve = list[tuple[int, float]]
Band = list[tuple[int, float, float, float]]


def line_styles(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Colour and dashes of each model; a baseline measured in another way, `NAME, HOW`, is dashed."""
    others = itertools.cycle(_OTHERS)
    found = {}
    for name in names:
        known, how, _ = name.partition(",")
        colour = BASELINE_COLOURS.get(known)
        found[name] = next(others) if colour is None else (colour, "--" if how else "-")
    return found


def curves_by_model(points: Sequence[CurvePoint]) -> dict[str, list[Curve]]:
    """For each model its curves, one a seed: (step, loss) in step order."""
    found: dict[str, dict[int, Curve]] = {}
    for point in points:
        found.setdefault(point.name, {}).setdefault(point.seed, []).append((point.step, point.loss))
    return {name: [sorted(curve) for curve in seeds.values()] for name, seeds in found.items()}


def band(curves: Sequence[Curve]) -> Band:
    """Step, lowest, mean and highest loss, at the steps that all curves have."""
    by_step: dict[int, list[float]] = {}
    for curve in curves:
        for step, loss in curve:
            by_step.setdefault(step, []).append(loss)
    return [
        (step, min(losses), fmean(losses), max(losses))
        for step, losses in sorted(by_step.items())
        if len(losses) == len(curves)
    ]


def learning_curves(results: Results, *, id: str, source: str) -> Drawing | None:
    """Every model's loss over the steps; many architectures as one band. None where there is no curve."""
    curves = curves_by_model(results.curves)
    titles = {row.name: row.title for row in results.models}
    architectures = [row.name for row in results.architectures if row.name in curves]
    many = len(architectures) > MANY
    lines = [row.name for row in results.models if row.name in curves and (row.baseline or not many)]
    pooled = band([curve for name in architectures for curve in curves[name]]) if many else []
    if not lines and not pooled:
        return None
    summary = results.summary
    seeds = max((len(found) for found in curves.values()), default=0)
    ends = [f"{titles[name]} {band(curves[name])[-1][2]:.3f}" for name in lines]
    if pooled:
        _, low, mean, high = pooled[-1]
        ends.append(f"{len(architectures)} architectures {low:.3f} to {high:.3f}, mean {mean:.3f}")
    shown = (
        "The band spans all architectures, its line is their mean; coloured lines are the baselines. "
        if many
        else ""
    )
    return Drawing(
        id=id,
        title=f"Training loss at scale {summary.scale}, {summary.tokens:,} tokens",
        alt=f"Loss in nats per token at the last step: {'; '.join(ends)}.",
        caption=(
            f"{shown}{_seeds(seeds)} Text: {summary.corpus}. These curves show that the models "
            "train; at this scale they do not show how good they are."
        ),
        source=source,
        draw=lambda figure: _draw_curves(figure, {n: curves[n] for n in lines}, titles, pooled),
        size=(8.6, 4.8),
        data=(_curve_data(results, id),),
    )


def _seeds(seeds: int) -> str:
    if seeds > 1:
        return f"Lines are means of {seeds} seeds, bands their range."
    return "One seed a model, so a line has no band of its own."


def _curve_data(results: Results, id: str) -> PlotData:
    return PlotData(
        id.replace("-", "_"),
        ("name", "seed", "step", "tokens", "loss"),
        tuple((p.name, p.seed, p.step, p.tokens, p.loss) for p in results.curves),
    )


def _draw_curves(figure: Figure, lines: dict[str, list[Curve]], titles: dict[str, str], pooled: Band) -> None:
    axes = figure.subplots()
    if pooled:
        _draw_band(axes, pooled, (FAINT, "-"), "architectures, all and mean")
    styles = line_styles(list(lines))
    for name, found in lines.items():
        (colour, dashes), label = styles[name], plain(titles[name])
        if len(found) > 1:
            _draw_band(axes, band(found), styles[name], label)
        else:
            axes.plot(*columns(found[0]), color=colour, linestyle=dashes, linewidth=1.4, label=label)
    axes.set(xlabel="optimizer step", ylabel="training loss (nats per token)")
    axes.legend(loc="upper right")


def _draw_band(axes: Axes, found: Band, style: tuple[str, str], label: str) -> None:
    colour, dashes = style
    steps = [step for step, _, _, _ in found]
    axes.fill_between(
        steps, [low for _, low, _, _ in found], [high for _, _, _, high in found], color=colour, alpha=0.3,
        linewidth=0,
    )  # fmt: skip
    means = [mean for _, _, mean, _ in found]
    axes.plot(steps, means, color=colour, linestyle=dashes, linewidth=1.6, label=label)


def loss_over_flops(results: Results, *, id: str, source: str) -> Drawing | None:
    """Validation loss of each model over what a training token costs; None where there are none."""
    rows = [row for row in results.models if row.validation_loss and row.flops_per_token]
    if len(rows) < 2:
        return None
    points = [
        (row, (row.flops_per_token or 0.0) / 1e6, row.validation_loss.mean if row.validation_loss else 0.0)
        for row in rows
    ]
    cheapest, dearest = min(p[1] for p in points), max(p[1] for p in points)
    best = min(points, key=lambda point: point[2])
    summary = results.summary
    return Drawing(
        id=id,
        title=f"Loss over training cost at scale {summary.scale}",
        alt=(
            f"{len(rows)} models cost {cheapest:.2f} to {dearest:.2f} million FLOPs a training token. The "
            f"lowest validation loss is {best[0].title}'s, {best[2]:.3f} nats per token at {best[1]:.2f}."
        ),
        caption=(
            f"One dot a model after {summary.tokens:,} tokens of {summary.corpus}. FLOPs are those of a "
            "training token, forward and backward, by torch's formulas: products and convolutions. At this "
            "scale the output layer is most of them."
        ),
        source=source,
        draw=lambda figure: _draw_flops(figure, points),
        size=(8.6, 4.8),
        data=(
            PlotData(
                id.replace("-", "_"),
                ("name", "baseline", "megaflops_per_token", "validation_loss"),
                tuple((row.name, row.baseline, round(x, 4), round(y, 6)) for row, x, y in points),
            ),
        ),
    )


def _draw_flops(figure: Figure, points: Sequence[tuple[ModelRow, float, float]]) -> None:
    axes = figure.subplots()
    plot_costs(axes, [(row.name, row.title, row.baseline, x, y) for row, x, y in points])
    axes.set(ylabel="validation loss (nats per token)")
    axes.margins(0.06)
    axes.legend(loc="best")


def plot_costs(axes: Axes, models: Sequence[tuple[str, str, bool, float, float]]) -> None:
    """Models by million FLOPs a training token: dots, and diamonds for baselines.

    Args:
        models: name, title, whether it is a baseline, FLOPs and loss of each.
    """
    dots = [(x, y) for _, _, baseline, x, y in models if not baseline]
    if dots:
        axes.scatter(*columns(dots), s=20, color=BLUE, alpha=0.7, linewidths=0, label="architecture")
    known = [model for model in models if model[2]]
    styles = line_styles([name for name, *_ in known])
    for name, title, _, x, y in known:
        style: dict[str, Any] = {"linestyle": "", "marker": "D", "markersize": 7, "color": styles[name][0]}
        axes.plot([x], [y], label=plain(title), zorder=4, **style)
    axes.set(xlabel="million FLOPs a training token")
