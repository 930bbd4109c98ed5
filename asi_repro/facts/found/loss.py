"""Training loss: what it says of the score, and what the released curves say of the training."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from asi_repro.claims.finding import Row
from asi_repro.data.item_counts import SCORED
from asi_repro.facts.context import Context, Vector, guess
from asi_repro.facts.measures import (
    bootstrap,
    correlation,
    correlation_found,
    listed,
    permutation_p,
    share,
    shown,
    standard_error,
)
from asi_repro.facts.outcome import Found, NotRun, beyond, tested, yes_if
from asi_repro.facts.registry import fact

LAMBADA = "lambada_openai"


def curves(context: Context, *steps: float) -> Vector:
    """Losses of the trained architectures at shares of the training, shape [architectures, steps].

    Args:
        steps: as shares of the last step; the nearest logged step is taken.
    """
    rows = []
    for e in context.trained:
        points = {step: loss for step, loss in context.data.curves[e.index] if loss is not None}
        last = max(points)
        rows.append([points[min(points, key=lambda step: (abs(step - s * last), step))] for s in steps])
    return np.asarray(rows, dtype=np.float64)


@fact("loss-and-score")
def loss_and_score(context: Context) -> Found:
    losses, scores = context.final_losses(context.trained), context.scores_of(context.trained)
    explained = 100 * float(stats.spearmanr(losses, scores).statistic) ** 2
    return correlation_found(
        context,
        losses,
        scores,
        f"Loss and score correlate at {{}} over {len(losses)} architectures: the order by loss accounts for "
        f"{explained:.0f}% of the differences of the order by score.",
        falls=True,
    )


@fact("task-follows-loss")
def task_follows_loss(context: Context) -> Found:
    tasks = [*SCORED, LAMBADA]
    chosen = [e for e in context.trained if context.data.benchmarks[e.index].get(LAMBADA) is not None]
    if len(chosen) < 3:
        raise NotRun("fewer than three architectures have a final loss and all accuracies")
    losses = context.final_losses(chosen)
    table = np.asarray(
        [[context.data.benchmarks[e.index][task] for task in tasks] for e in chosen], dtype=float
    )
    ranks = stats.rankdata(table, axis=0)
    ranks = (ranks - ranks.mean(axis=0)) / ranks.std(axis=0)
    order = stats.rankdata(losses)
    order = (order - order.mean()) / order.std()
    found = order @ ranks / len(order)
    strongest = int(np.argmax(np.abs(found)))
    rng = context.rng()
    _, p_value = permutation_p(
        float(np.abs(found).max()),
        lambda: float(np.abs(rng.permutation(order) @ ranks / len(order)).max()),
        context.settings.resamples,
        two_sided=False,
    )
    interval = correlation(context, losses, table[:, strongest], rng=rng)
    rows: list[Row] = [{"task": t, "spearman": r} for t, r in zip(tasks, found, strict=True)]
    part = "is not part of the score" if tasks[strongest] == LAMBADA else "is part of the score"
    return Found(
        answer=tested(-interval.estimate, p_value),
        sentence=f"{tasks[strongest]} follows it most, at {shown(interval)} over {len(losses)} "
        f"architectures, and {part}.",
        estimate=interval,
        p_value=p_value,
        rows=sorted(rows, key=lambda row: row["spearman"]),
    )


@fact("last-step-helps")
def last_step_helps(context: Context) -> Found:
    rows_of = {
        e.index: [p for p in context.data.curves[e.index] if p[1] is not None] for e in context.trained
    }
    steps = np.asarray([[loss for _, loss in rows_of[e.index][-3:]] for e in context.trained], dtype=float)
    last, before = steps[:, 2] - steps[:, 1], steps[:, 1] - steps[:, 0]
    interval = bootstrap(context, len(last), lambda rows: float(last[rows].mean()))
    first, final = rows_of[context.trained[0].index][-2][0], rows_of[context.trained[0].index][-1][0]
    return Found(
        answer=beyond(interval.negated, 0.0),
        sentence=f"From step {first:,} to {final:,} the loss changes by {shown(interval, '+.4f')} on "
        f"average; it falls in {int((last < 0).sum())} of {len(last)} curves (over the interval before: "
        f"{before.mean():+.4f}).",
        estimate=interval,
        numbers={"spread": last.std(ddof=1)},
        rows=[
            {"index": e.index, "display_name": e.label, "change": change}
            for e, change in zip(context.trained, last, strict=True)
        ][:10],
    )


@fact("training-had-levelled-off")
def training_had_levelled_off(context: Context) -> Found:
    table = curves(context, 0.75, 1.0)

    def ratio(rows: np.ndarray) -> float:
        spread = table[rows, 1].std(ddof=1)
        return float((table[rows, 0] - table[rows, 1]).mean() / spread) if spread else math.inf

    interval = bootstrap(context, len(table), ratio)
    fall, spread = (table[:, 0] - table[:, 1]).mean(), table[:, 1].std(ddof=1)
    return Found(
        answer=beyond(interval.negated, -1.0),
        sentence=f"The loss falls by {fall:.3f} nats in the last quarter, {shown(interval, '.1f')} times "
        f"the spread of {spread:.4f} between {len(table)} architectures.",
        estimate=interval,
    )


@fact("order-settled-at-half")
def order_settled_at_half(context: Context) -> Found:
    shares = (0.25, 0.5, 0.75, 0.9, 1.0)
    table = curves(context, *shares)
    interval = correlation(context, table[:, 1], table[:, -1])
    rows: list[Row] = [
        {"share_of_steps": s, "spearman_with_final": float(stats.spearmanr(column, table[:, -1]).statistic)}
        for s, column in zip(shares[:-1], table.T, strict=False)
    ]
    return Found(
        answer=beyond(interval, 0.8),
        sentence=f"The order at half of the steps correlates with the final one at {shown(interval)} over "
        f"{len(table)} architectures, that at a quarter at {rows[0]['spearman_with_final']:.2f} and at nine "
        f"tenths at {rows[3]['spearman_with_final']:.2f}.",
        estimate=interval,
        rows=rows,
    )


@fact("nan-curve-and-score")
def nan_curve_and_score(context: Context) -> Found:
    trained = {e.index for e in context.trained}
    lost = [
        (e, row) for e, row in zip(context.scored, context.accuracies, strict=True) if e.index not in trained
    ]
    if not lost:
        raise NotRun("every curve has a final loss")
    items = np.asarray(list(SCORED.values()))
    guesses = 100 * np.asarray([guess(task) for task in SCORED])
    error = float(np.sqrt((standard_error(guesses, items) ** 2).sum()) / len(items))
    rows: list[Row] = []
    for e, accuracies in lost:
        curve = context.data.curves.get(e.index, [])
        known = [step for step, loss in curve if loss is not None]
        mean = float(accuracies.mean())
        place = float((context.scores < mean).mean())
        row: Row = {"index": e.index, "display_name": e.label, "last_step_with_a_loss": max(known, default=0)}
        row |= {"score": mean, "standard_errors_above_a_guess": (mean - float(guesses.mean())) / error}
        rows.append(row | {"share_of_the_gallery_below": place})
    far = [row for row in rows if row["standard_errors_above_a_guess"] > 1.96]
    worst = min(row["standard_errors_above_a_guess"] for row in rows)
    names = listed(f"{row['index']} (after step {row['last_step_with_a_loss']})" for row in rows)
    return Found(
        answer=yes_if(not far),
        sentence=f"{len(rows)} of {len(context.scored)} curves end in NaN: {names}; {len(far)} of these "
        f"score above a guess, by at least {worst:.1f} standard errors, above "
        f"{100 * rows[0]['share_of_the_gallery_below']:.0f}% of the gallery.",
        estimate=share(len(far), len(rows)),
        rows=rows,
    )
