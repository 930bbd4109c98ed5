"""Whether results at 20M say anything of results at 340M."""

from __future__ import annotations

import numpy as np

from asi_repro.claims.context import Context
from asi_repro.claims.finding import Evidence, Finding, Part, Row, Verdict, combine
from asi_repro.claims.paper_tables import STAGES
from asi_repro.claims.registry import claim
from asi_repro.results.statistics import spearman_interval

SOURCE = "paper/table2.csv"


@claim("stage1-predicts")
def stage1_predicts(context: Context) -> Finding:
    level, useful = context.limit("level"), context.limit("useful")
    rng, table = context.rng(), context.paper.table2
    pairs = [
        ("loss with loss", "train_loss_20m", "train_loss_340m", True),
        ("score with score", "test_score_20m", "test_score_340m", True),
        ("20M loss with 340M score", "train_loss_20m", "test_score_340m", False),
    ]
    rows: list[Row] = []
    parts: list[Part] = []
    for what, small, large, decides in pairs:
        x, y = ([row.values[column] for row in table] for column in (small, large))
        interval = spearman_interval(x, y, rng=rng, resamples=context.settings.resamples, level=level)
        rows.append(
            {
                "pair": what,
                "architectures": len(x),
                "spearman": interval.estimate,
                "low": interval.low,
                "high": interval.high,
            }
        )
        if decides:
            verdict = _predictive(interval.low, interval.high, useful)
            text = f"{interval.estimate:.2f} ({interval.low:.2f} to {interval.high:.2f})"
            parts.append(Part(what, "small scale predicts large", text, verdict))
    rows += _recorded_score(context, rng)
    top = _top_overlap(context)
    return Finding(
        verdict=combine(parts),
        found="; ".join(f"{part.what} {part.found}" for part in parts),
        method=f"Spearman's rank correlation over Table 2's rows, with a percentile bootstrap interval of "
        f"{context.settings.resamples:,} resamples.",
        figures={row["pair"].replace(" ", "_"): row["spearman"] for row in rows} | top[0],
        parts=parts,
        evidence=[
            Evidence("rank correlations", SOURCE, rows),
            Evidence("the best ten at 340M by score, and their place at 20M", SOURCE, top[1]),
        ],
        notes=[
            "Only selected architectures were trained at 340M. That narrows the range at 20M, so the "
            "correlation over all experiments may be higher: it was never measured."
        ],
    )


def _predictive(low: float, high: float, useful: float) -> Verdict:
    if low > 0:
        return Verdict.REPRODUCED
    return Verdict.CONTRADICTED if high < useful else Verdict.NOT_CHECKABLE


def _recorded_score(context: Context, rng: np.random.Generator) -> list[Row]:
    """The search's own score against the released 340M score, over the whole gallery."""
    tasks = context.figure("tasks")
    pairs = [
        (e.score, score)
        for e in context.data.gallery
        if e.score is not None and (score := context.data.mean_score(e.index, tasks)) is not None
    ]
    if len(pairs) < 3:
        return []
    x, y = zip(*pairs, strict=True)
    interval = spearman_interval(
        x, y, rng=rng, resamples=context.settings.resamples, level=context.limit("level")
    )
    return [
        {
            "pair": "recorded score with 340M score",
            "architectures": len(pairs),
            "spearman": interval.estimate,
            "low": interval.low,
            "high": interval.high,
        }
    ]


def _top_overlap(context: Context) -> tuple[dict[str, int], list[Row]]:
    """How many of the ten best at 340M were among the ten best at 20M, by score."""
    table = context.paper.table2
    small, large = (column for _, column in STAGES.values())
    order_small = sorted(table, key=lambda row: -row.values[small])
    order_large = sorted(table, key=lambda row: -row.values[large])
    place = {row.model: rank for rank, row in enumerate(order_small, 1)}
    rows: list[Row] = [
        {
            "model": row.model,
            "score_340m": row.values[large],
            "score_20m": row.values[small],
            "place_at_20m": place[row.model],
        }
        for row in order_large[:10]
    ]
    return {"top_ten_in_common": sum(row["place_at_20m"] <= 10 for row in rows)}, rows
