"""A sweep recorded row by row: ranks with intervals, loss over cost, our loss beside the paper's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from matplotlib.figure import Figure

from asi_repro.report.drawing import columns
from asi_repro.report.figures.training import line_styles, plot_costs
from asi_repro.report.model import Drawing, PlotData, plain
from asi_repro.report.palette import BLUE, FAINT
from asi_repro.results.layout import BASELINES
from asi_repro.results.recorded_sweep import OURS, TARGETS, RecordedSweep, grouped

_NORMAL = 1.96  # a 95% interval, with the deviation of a seed pooled over all models


@dataclass(frozen=True)
class Model:
    """One model of the sweep.

    Attributes:
        loss: mean validation loss over its seeds, nats a token.
        reach: half of its 95% interval; 0 where no model has two seeds.
        flops: of a training token.
    """

    name: str
    loss: float
    reach: float
    flops: float
    seeds: int

    @property
    def baseline(self) -> bool:
        """Whether it is one of the baselines."""
        return self.name in BASELINES


def models_of(sweep: RecordedSweep) -> list[Model]:
    """Every model with a validation loss, the lowest first."""
    found = []
    for name, rows in grouped(sweep.rows).items():
        losses = [row.validation_loss for row in rows if row.validation_loss is not None]
        if losses:
            reach = _NORMAL * sweep.seed_deviation / len(losses) ** 0.5
            found.append(Model(name, fmean(losses), reach, rows[0].flops_per_token, len(losses)))
    return sorted(found, key=lambda model: (model.loss, model.name))


def ranks_drawing(sweep: RecordedSweep, scale: str, titles: Mapping[str, str]) -> Drawing | None:
    """Validation losses in order of rank with intervals; None for fewer than two models."""
    models = models_of(sweep)
    if len(models) < 2:
        return None
    best, last = models[0], models[-1]
    return Drawing(
        id=f"sweep-ranks-{scale}",
        title=f"Validation loss at scale {scale}, by rank",
        alt=(
            f"{len(models)} models from {titles.get(best.name, best.name)}, {best.loss:.3f} nats a byte, to "
            f"{titles.get(last.name, last.name)}, {last.loss:.3f}; a seed deviates by "
            f"{sweep.seed_deviation:.4f}."
        ),
        caption=(
            "One dot a model, the mean of its seeds; bars are 95% intervals from the deviation of a seed "
            "pooled over all models. Where bars overlap widely the order says nothing. Diamonds are "
            "baselines."
        ),
        source=_source(scale),
        draw=lambda figure: _draw_ranks(figure, models, titles),
        size=(8.6, 4.8),
        data=(
            PlotData(
                f"sweep_ranks_{scale}",
                ("rank", "name", "baseline", "validation_loss", "reach", "seeds"),
                tuple(
                    (rank, m.name, m.baseline, round(m.loss, 6), round(m.reach, 6), m.seeds)
                    for rank, m in enumerate(models, 1)
                ),
            ),
        ),
    )


def cost_drawing(sweep: RecordedSweep, scale: str, titles: Mapping[str, str]) -> Drawing | None:
    """Validation loss over FLOPs; None for fewer than two models."""
    models = [model for model in models_of(sweep) if model.flops]
    if len(models) < 2:
        return None
    cheapest, dearest = min(m.flops for m in models), max(m.flops for m in models)
    return Drawing(
        id=f"sweep-cost-{scale}",
        title=f"Loss over training cost at scale {scale}",
        alt=(
            f"{len(models)} models cost {cheapest / 1e6:.2f} to {dearest / 1e6:.2f} million FLOPs a training "
            f"token; their losses go from {models[0].loss:.3f} to {models[-1].loss:.3f} nats a byte."
        ),
        caption="FLOPs of a training token, forward and backward. Diamonds are baselines.",
        source=_source(scale),
        draw=lambda figure: _draw_cost(figure, models, titles),
        size=(8.6, 4.8),
        data=(
            PlotData(
                f"sweep_cost_{scale}",
                ("name", "baseline", "megaflops_per_token", "validation_loss"),
                tuple((m.name, m.baseline, round(m.flops / 1e6, 4), round(m.loss, 6)) for m in models),
            ),
        ),
    )


def paper_drawing(
    sweep: RecordedSweep, scale: str, paper: Mapping[str, Mapping[str, float]]
) -> Drawing | None:
    """Our loss beside the paper's 340M loss; None for fewer than three architectures of Table 2."""
    target, (column, _) = next(iter(TARGETS.items()))
    points = [(m.name, m.loss, paper[m.name][column]) for m in models_of(sweep) if m.name in paper]
    if len(points) < 3:
        return None
    known = [one for one in sweep.agreements if one.measure == OURS and one.target == target]
    interval = known[0].found if known else None
    said = (
        "no correlation is computed of so few"
        if interval is None
        else f"Spearman {interval.estimate:.2f} [{interval.low:.2f}, {interval.high:.2f}]"
    )
    return Drawing(
        id=f"sweep-paper-{scale}",
        title=f"Loss at scale {scale} beside {target}",
        alt=f"{len(points)} architectures; {said}.",
        caption=f"One dot an architecture of Table 2. {said[0].upper()}{said[1:]}.",
        source=f"{_source(scale)}, and the paper's Table 2",
        draw=lambda figure: _draw_paper(figure, [(x, y) for _, x, y in points], target),
        size=(6.4, 4.8),
        data=(PlotData(f"sweep_paper_{scale}", ("name", "validation_loss", column), tuple(points)),),
    )


def _source(scale: str) -> str:
    return f"this project's own sweep, artifacts/sweeps/{scale}/rows"


def _draw_ranks(figure: Figure, models: Sequence[Model], titles: Mapping[str, str]) -> None:
    axes = figure.subplots()
    placed = list(enumerate(models, 1))
    others = [(rank, m) for rank, m in placed if not m.baseline]
    axes.errorbar(
        [rank for rank, _ in others],
        [m.loss for _, m in others],
        yerr=[m.reach for _, m in others],
        fmt="o",
        markersize=3,
        color=BLUE,
        ecolor=FAINT,
        elinewidth=1,
        label="architecture",
    )
    baselines = [(rank, m) for rank, m in placed if m.baseline]
    styles = line_styles([m.name for _, m in baselines])
    for rank, m in baselines:
        colour, _ = styles[m.name]
        axes.errorbar(
            [rank],
            [m.loss],
            yerr=[m.reach],
            fmt="D",
            markersize=7,
            color=colour,
            label=plain(titles.get(m.name, m.name)),
            zorder=4,
        )
    axes.set(xlabel="rank", ylabel="validation loss (nats per byte)")
    axes.legend(loc="upper left")


def _draw_cost(figure: Figure, models: Sequence[Model], titles: Mapping[str, str]) -> None:
    axes = figure.subplots()
    plot_costs(
        axes, [(m.name, titles.get(m.name, m.name), m.baseline, m.flops / 1e6, m.loss) for m in models]
    )
    axes.set(ylabel="validation loss (nats per byte)")
    axes.legend(loc="upper right")


def _draw_paper(figure: Figure, points: Sequence[tuple[float, float]], target: str) -> None:
    axes = figure.subplots()
    axes.scatter(*columns(points), s=20, color=BLUE, alpha=0.7, linewidths=0)
    axes.set(xlabel="validation loss here (nats per byte)", ylabel=f"{target} (nats per token)")
