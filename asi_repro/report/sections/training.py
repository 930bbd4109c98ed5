"""What this project trained and evaluated itself: the pipeline's selection, and the recorded sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from asi_repro.report.figures.training import learning_curves, loss_over_flops
from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Block, Drawing, Paragraph, Table
from asi_repro.results.differences import Spread
from asi_repro.results.table import ModelRow, Results

LEVEL = 0.05
_MINUS = "minus DeltaNet"
_LIMITS = (
    "With one seed a model, an interval says how sure the difference between these two trained models is on "
    "text or items of this kind. It does not say that another training would show it."
)


def training(inputs: Inputs) -> tuple[Block, ...] | None:
    """What the pipeline trained."""
    results = inputs.results
    if results is None:
        return None
    drawings = _drawings(
        results, "learning-curves", "loss-flops", "this project's own training, artifacts/results"
    )
    return (Paragraph(results.summary.about), Paragraph(_LIMITS, tone="note"), *drawings)


def _drawings(results: Results, curves: str, flops: str, source: str) -> list[Drawing]:
    """The figures of trainings, by their ids, that there are numbers for."""
    made = (
        learning_curves(results, id=curves, source=source),
        loss_over_flops(results, id=flops, source=source),
    )
    return [drawing for drawing in made if drawing is not None]


def evaluation(inputs: Inputs) -> tuple[Block, ...] | None:
    """Benchmark scores of what the pipeline trained."""
    results = inputs.results
    if results is None or not any(row.score for row in results.models):
        return None
    return (Paragraph(_benchmark_lead(results)), scores_table(results))


def sweep(inputs: Inputs) -> tuple[Block, ...] | None:
    """Every architecture at a small scale, as recorded in Git; the first scale that is there."""
    if not inputs.sweeps:
        return None
    blocks: list[Block] = []
    for scale, results in inputs.sweeps.items():
        source = f"this project's own sweep, artifacts/sweeps/{scale}"
        blocks += [
            Paragraph(results.summary.about),
            Paragraph(_findings(results)),
            Paragraph(_LIMITS, tone="note"),
            *_drawings(results, f"sweep-curves-{scale}", f"sweep-flops-{scale}", source),
            _sweep_table(results),
        ]
    return tuple(blocks)


def scores_table(results: Results) -> Table:
    """Models by tasks in points of 100: the best of a column is strong, significance is a star."""
    tasks = results.summary.tasks
    rows = sorted((row for row in results.models if row.score), key=lambda row: -_mean(row.score))
    spreads = [[*(row.tasks.get(task) for task in tasks), row.score] for row in rows]
    cells = tuple(
        (
            row.title,
            *map(_points, found[:-1]),
            f"{_points(row.score)}{_star(row)}",
            _difference(row, "score", 100),
        )
        for row, found in zip(rows, spreads, strict=True)
    )
    cells += tuple(
        (name, *(_rate(rates, [task]) for task in tasks), _rate(rates, tasks), "–")
        for name, rates in (
            ("a guess", results.summary.chances),
            ("the most common answer", results.summary.majorities),
        )
        if rates
    )
    strong = []
    for place, column in enumerate(zip(*spreads, strict=True), start=1):
        best, worst = max(map(_mean, column)), min(map(_mean, column))
        # Where all are the same none is the best.
        strong += [(n, place) for n, spread in enumerate(column) if _mean(spread) == best > worst]
    return Table(
        caption=(
            f"Scores in points of 100 on {len(tasks)} tasks. Strong: the best of a column. *: differs from "
            f"DeltaNet at the level {LEVEL:g} after Holm's correction."
        ),
        header=("model", *tasks, "mean", _MINUS),
        rows=cells,
        numeric=tuple(range(1, len(tasks) + 3)),
        strong=tuple(strong),
    )


def _rate(rates: Mapping[str, float], tasks: Sequence[str]) -> str:
    """The mean of the tasks' rates in points of 100, where each has one."""
    return f"{100 * fmean(rates[task] for task in tasks):.1f}" if set(rates) >= set(tasks) else "–"


def _benchmark_lead(results: Results) -> str:
    summary = results.summary
    counts = sorted(set(summary.items.values()))
    items = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    chance = f" A guess would score {100 * summary.chance:.1f} on average." if summary.chance else ""
    return (
        f"lm-evaluation-harness on {len(summary.tasks)} tasks, the first {items} items of each, models of "
        f"scale {summary.scale} after {summary.tokens:,} tokens.{chance}"
    )


def _findings(results: Results) -> str:
    total = len(results.architectures)
    up, down = results.better("score")
    lower, higher = results.better("validation_loss", lower=True)
    said = [
        f"Of {total} architectures {up} score above DeltaNet and {down} below after Holm's correction; "
        f"{lower} have a lower validation loss and {higher} a higher one."
    ]
    if (curse := results.summary.winners_curse) is not None:
        said.append(
            f"The best score is {100 * curse.observed:+.1f} points from DeltaNet's; if none were better, the "
            f"best of {curse.models} would show {100 * curse.expected:+.1f} on average and over "
            f"{100 * curse.high:+.1f} in one case of twenty (p = {curse.p_value:.3f})."
        )
    said += [agreement.sentence for agreement in results.summary.rank_agreement]
    return " ".join(said)


def _sweep_table(results: Results) -> Table:
    rows = sorted(results.models, key=lambda row: _mean(row.validation_loss, 1e9))
    return Table(
        caption=f"All models at scale {results.summary.scale}, by validation loss (nats per token).",
        header=(
            "model",
            "index",
            "training loss",
            "validation loss",
            "minus DeltaNet",
            "score",
            "minus DeltaNet",
            "answer bits a byte",
            "minus DeltaNet",
        ),
        rows=tuple(
            (
                f"{row.title}{f' (stopped: {row.stopped})' if row.stopped else ''}",
                str(row.index) if row.index is not None else "baseline" if row.baseline else "own",
                _loss(row.loss),
                _loss(row.validation_loss),
                _difference(row, "validation_loss", 1, 3),
                f"{_points(row.score)}{_star(row)}",
                _difference(row, "score", 100),
                _loss(row.answer_bits_per_byte),
                _difference(row, "answer_bits_per_byte", 1, 3),
            )
            for row in rows
        ),
        numeric=(1, 2, 3, 4, 5, 6, 7, 8),
    )


def _mean(spread: Spread | None, absent: float = -1.0) -> float:
    return spread.mean if spread else absent


def _points(spread: Spread | None) -> str:
    return _loss(spread, 100, 1)


def _loss(spread: Spread | None, factor: float = 1, digits: int = 3) -> str:
    if spread is None:
        return "not run"
    reach = "" if spread.high is None else f" ± {factor * (spread.high - spread.mean):.{digits}f}"
    return f"{factor * spread.mean:.{digits}f}{reach}"


def _star(row: ModelRow) -> str:
    found = row.against.get("score")
    return "*" if found and found.holm_p_value is not None and found.holm_p_value < LEVEL else ""


def _difference(row: ModelRow, kind: str, factor: float, digits: int = 1) -> str:
    found = row.against.get(kind)
    if found is None:
        return "–"
    shown = _signed(factor * found.estimate, digits)
    if found.low is None or found.high is None:
        return shown
    return f"{shown} [{_signed(factor * found.low, digits)}, {_signed(factor * found.high, digits)}]"


def _signed(value: float, digits: int) -> str:
    """With its sign; what rounds to zero has none."""
    rounded = round(value, digits)
    return f"{rounded:+.{digits}f}" if rounded else f"{0.0:.{digits}f}"
