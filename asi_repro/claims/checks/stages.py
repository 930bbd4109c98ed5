"""Whether results at 20M say anything of results at 340M."""

from __future__ import annotations

import math
from collections import Counter
from statistics import fmean, variance

from scipy import stats

from asi_repro.claims.context import Context
from asi_repro.claims.finding import Evidence, Finding, Part, Row, either
from asi_repro.claims.paper_tables import STAGES, Table2Row
from asi_repro.claims.registry import claim
from asi_repro.results.statistics import detectable_correlation, spearman_interval

SOURCE = "paper/table2.csv"


@claim("stage1-predicts")
def stage1_predicts(context: Context) -> Finding:
    table, errors = context.paper.table2, sampling_errors(context)
    ceiling = noise_ceiling(context, errors)
    correlations = _correlations(context)
    filtered, passed, failed = _filter(context)
    rank_parts = []
    for row in correlations[:2]:
        # Loss has no sampling error that the release tells of: no ceiling is known for it.
        limit = ceiling if row["pair"].startswith("score") else 1.0
        attainable = row["high"] / limit if limit else math.inf
        verdict = either(row["low"] > 0, attainable < context.limit("useful"))
        text = f"{row['spearman']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"
        rank_parts.append(Part(row["pair"], "the same order", text, verdict, "as a ranking"))
    top = _top_overlap(context)
    loss, score = rank_parts
    return Finding(
        effect=f"rho: loss {loss.found}, score {score.found}",
        found=f"filter: {filtered.found}; order: {loss.what} {loss.found}, {score.what} {score.found} with a "
        f"ceiling of {ceiling:.2f}",
        method="Fisher's exact test on the rows that pass and fail the filter; Spearman's rank correlation "
        f"over Table 2's rows, with a percentile bootstrap interval of {context.settings.resamples:,} "
        "resamples, at a level corrected for two pairs.",
        figures={row["pair"].replace(" ", "_"): row["spearman"] for row in correlations}
        | {
            "noise_ceiling": ceiling,
            "standard_error_20m": errors["20m"],
            "standard_error_340m": errors["340m"],
            "pass": passed,
            "fail": failed,
        }
        | top[0],
        parts=[filtered, *rank_parts],
        power=f"A 20M score over {context.figure('items')} items a task has a sampling error of "
        f"{errors['20m']:.2f} points against a spread of {_spread(table, '20m'):.2f} between architectures, "
        f"a 340M score {errors['340m']:.2f} against {_spread(table, '340m'):.2f}: were the true orders the "
        f"same, the printed scores would correlate at {ceiling:.2f} only, a little more than the "
        f"{detectable_correlation(len(table)):.2f} that {len(table)} rows can show in four cases of five. "
        f"The filter has {failed} rows that fail it to compare with.",
        evidence=[
            Evidence("rank correlations", SOURCE, correlations),
            Evidence("the best ten at 340M by score, and their place at 20M", SOURCE, top[1]),
        ],
    )


def sampling_errors(context: Context) -> dict[str, float]:
    """Binomial standard error of a mean score over the tasks, in points: `20m` and `340m`.

    From the accuracies of the gallery at 340M; at 20M each task has `items` examples (the accuracies there
    were not released, and differ too little to matter to the error).
    """
    examples, tasks = context.limit("examples"), context.figure("tasks")
    known = [
        [context.data.benchmarks[e.index][task] for task in tasks]
        for e in context.data.gallery
        if all(context.data.benchmarks.get(e.index, {}).get(task) is not None for task in tasks)
    ]
    means = {task: fmean(v[place] or 0.0 for v in known) for place, task in enumerate(tasks) if known}
    if not means:
        return {"20m": math.nan, "340m": math.nan}
    sizes = {"20m": dict.fromkeys(tasks, context.figure("items")), "340m": examples}
    return {
        stage: 100 * math.sqrt(sum(p * (1 - p) / size[task] for task, p in means.items())) / len(tasks)
        for stage, size in sizes.items()
    }


def _spread(table: list[Table2Row], stage: str) -> float:
    return math.sqrt(variance(row.values[STAGES[stage][1]] for row in table))


def noise_ceiling(context: Context, errors: dict[str, float]) -> float:
    """The correlation of the printed scores if the true ones were in perfect agreement.

    The square root of the product of both reliabilities, 1 - error² / spread² (Spearman's attenuation).
    """
    shares = [
        max(1 - (errors[stage] / _spread(context.paper.table2, stage)) ** 2, 0.0) for stage in ("20m", "340m")
    ]
    return math.sqrt(shares[0] * shares[1]) if all(map(math.isfinite, shares)) else 1.0


def _correlations(context: Context) -> list[Row]:
    """Both pairs that decide, then two that do not."""
    rng, table = context.rng(), context.paper.table2
    level = 1 - (1 - context.limit("level")) / 2
    tasks = context.figure("tasks")
    columns = [
        ("loss with loss", "train_loss_20m", "train_loss_340m"),
        ("score with score", "test_score_20m", "test_score_340m"),
        ("20M loss with 340M score", "train_loss_20m", "test_score_340m"),
    ]
    pairs = [
        (name, [r.values[small] for r in table], [r.values[large] for r in table])
        for name, small, large in columns
    ]
    recorded = [
        (e.score, score)
        for e in context.data.gallery
        if e.score is not None and (score := context.data.mean_score(e.index, tasks)) is not None
    ]
    if len(recorded) >= 3:
        x, y = zip(*recorded, strict=True)
        pairs.append(("recorded score with 340M score", list(x), list(y)))
    rows: list[Row] = []
    for name, first, second in pairs:
        interval = spearman_interval(
            first, second, rng=rng, resamples=context.settings.resamples, level=level
        )
        rows.append({"pair": name, "architectures": len(first), "spearman": interval.estimate}
                    | {"low": interval.low, "high": interval.high})  # fmt: skip
    return rows


def _filter(context: Context) -> tuple[Part, int, int]:
    """Whether rows that pass at 20M beat the baselines at 340M more often than rows that fail."""
    table, baselines = context.paper.table2, context.paper.table2_baselines
    base = baselines[context.figure("baseline")].values

    def beats(row: Table2Row, stage: str, other: dict[str, float]) -> bool:
        loss, score = STAGES[stage]
        return row.values[loss] < other[loss] and row.values[score] > other[score]

    good = [all(beats(row, "340m", b.values) for b in baselines.values()) for row in table]
    passes = [beats(row, "20m", base) for row in table]
    outcomes = Counter(zip(passes, good, strict=True))
    cells = [[outcomes[passed, beat] for beat in (True, False)] for passed in (True, False)]
    better, worse = (float(stats.fisher_exact(cells, side).pvalue) for side in ("greater", "less"))
    alpha = context.limit("alpha")
    found = (
        f"{cells[0][0]} of {sum(cells[0])} that pass beat the baselines, {cells[1][0]} of {sum(cells[1])} "
        f"that fail (one-sided p = {better:.2g})"
    )
    verdict = either(better < alpha, worse < alpha)
    return Part("filter", "passing is better", found, verdict, "as a filter"), sum(cells[0]), sum(cells[1])


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
