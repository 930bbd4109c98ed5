"""The papers' tables against the sampling error of finite test sets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from asi_repro.claims.finding import Row
from asi_repro.claims.paper_tables import STAGES
from asi_repro.data.item_counts import SCORED
from asi_repro.facts.context import Context, Vector, guess
from asi_repro.facts.measures import bootstrap, median_interval, percent, share, shown, standard_error
from asi_repro.facts.outcome import Answer, Estimate, Found, NotRun, beyond
from asi_repro.facts.registry import fact
from asi_repro.results.significance import holm
from asi_repro.results.statistics import binomial_difference_error

# Columns of the tables by the items of their split.
TABLE1 = {
    "lambada_acc": 5153,
    "piqa_acc": SCORED["piqa"],
    "hellaswag_acc_norm": SCORED["hellaswag"],
    "winogrande_acc": SCORED["winogrande"],
    "arc_easy_acc": SCORED["arc_easy"],
    "arc_challenge_acc_norm": SCORED["arc_challenge"],
    "social_iqa_acc": SCORED["social_iqa"],
    "boolq_acc": SCORED["boolq"],
}
EVOLVE = {
    name if name == "lambada_acc" else name.removesuffix("_norm").removesuffix("_acc"): items
    for name, items in TABLE1.items()
}
_SMALL, _LARGE = (score for _, score in STAGES.values())
_OVER_ROWS = "bootstrap over rows"
_ITEMS_20M = 500  # of each task, by section 3.5 of the paper
_Models = Mapping[str, Mapping[str, float]]


def _best_cells(
    models: _Models, human: Sequence[str], found: Sequence[str], columns: Mapping[str, int], table: str
) -> Found:
    """The best discovered model of every accuracy against the best human one."""
    rows: list[Row] = []
    for column, items in columns.items():
        ours, theirs = (max(models[name][column] for name in names) for names in (found, human))
        z = (ours - theirs) / (100 * binomial_difference_error(ours / 100, theirs / 100, items))
        row: Row = {"column": column, "best_discovered": ours, "best_human": theirs, "standard_errors": z}
        rows.append(row | {"p_value": float(2 * stats.norm.sf(abs(z)))})
    for row, adjusted in zip(rows, holm([row["p_value"] for row in rows]), strict=True):
        row["p_holm"] = adjusted
    ahead = sum(row["standard_errors"] > 0 for row in rows)
    single = sum(row["standard_errors"] > 1.96 for row in rows)
    sure = sum(row["standard_errors"] > 0 and row["p_holm"] < 0.05 for row in rows)
    interval = share(single, len(rows))
    smallest = min(row["p_holm"] for row in rows)
    return Found(
        answer=Answer.YES if sure else Answer.UNKNOWN,
        sentence=f"Of {len(rows)} accuracies of {table}, a discovered model is best in {ahead}; {single} of "
        f"these leads are beyond 1.96 standard errors and {sure} after Holm.",
        estimate=interval,
        numbers={"found": len(found), "human": len(human)},
        p_value=smallest,
        rows=sorted(rows, key=lambda row: -row["standard_errors"]),
    )


@fact("table1-best-cells")
def table1_best_cells(context: Context) -> Found:
    paper = context.paper
    return _best_cells(paper.table1, paper.table1_human, paper.table1_discovered, TABLE1, "Table 1")


@fact("evolve-best-cells")
def evolve_best_cells(context: Context) -> Found:
    models = context.paper.evolve_table1
    found = context.paper.evolve_discovered
    human = [name for name in models if name not in found]
    return _best_cells(models, human, found, EVOLVE, "ASI-Evolve's Table 1")


@fact("table1-lead-from-boolq")
def table1_lead_from_boolq(context: Context) -> Found:
    models, found = context.paper.table1, context.paper.table1_discovered
    columns, items = list(TABLE1), np.asarray(list(TABLE1.values()))
    place = columns.index("boolq_acc")

    def part(ours: Vector, theirs: Vector) -> tuple[float, float]:
        leads = ours.mean(axis=0) - theirs
        return float(leads[place] / len(columns)), float(leads.mean())

    ours = np.asarray([[models[name][c] for c in columns] for name in found])
    rows: list[Row] = []
    for name in context.paper.table1_human:
        from_boolq, lead = part(ours, np.asarray([models[name][c] for c in columns]))
        row: Row = {"baseline": name, "boolq": models[name]["boolq_acc"], "lead": lead}
        rows.append(row | {"from_boolq": from_boolq, "without_boolq": lead - from_boolq})
    delta = np.asarray([models["DeltaNet"][c] for c in columns])
    from_boolq, lead = part(ours, delta)
    if lead <= 0:
        raise NotRun("the discovered models do not lead")
    rng = context.rng()
    draws = []
    for _ in range(context.settings.resamples):
        mine = 100 * rng.binomial(items, ours / 100) / items
        other = 100 * rng.binomial(items, delta / 100) / items
        one, all_ = part(mine, other)
        draws.append(one / all_ if all_ > 0 else math.inf)
    low, high = np.quantile(draws, [0.025, 0.975])
    interval = Estimate(
        from_boolq / lead, float(low), float(high), len(found), "parametric bootstrap (binomial)"
    )
    below = sum(values["boolq_acc"] < 100 * guess("boolq") for values in models.values())
    return Found(
        answer=beyond(interval, 0.5),
        sentence=f"BoolQ makes {percent(interval)} of the mean lead of {lead:.2f} points of {len(found)} "
        f"models over DeltaNet, which has {models['DeltaNet']['boolq_acc']:.2f}% there; without it "
        f"{lead - from_boolq:.2f} remain of it, over eight tasks.",
        estimate=interval,
        numbers={"yes": 100 * guess("boolq"), "below": below, "models": len(models)},
        rows=rows,
    )


@fact("table2-typical-lead")
def table2_typical_lead(context: Context) -> Found:
    table = context.paper.table2
    base = context.paper.table2_baselines["Gated DeltaNet"].values
    error, small = (difference_error(context, items) for items in (list(SCORED.values()), _ITEMS_20M))
    leads = np.asarray([row.values[_LARGE] - base[_LARGE] for row in table]) / error
    interval = median_interval(context, leads, _OVER_ROWS)
    adjusted = holm([float(2 * stats.norm.sf(abs(z))) for z in leads])
    sure = sum(p < 0.05 and z > 0 for p, z in zip(adjusted, leads, strict=True))
    leads_20m = np.asarray([row.values[_SMALL] - base[_SMALL] for row in table]) / small
    return Found(
        answer=beyond(interval, 1.96),
        sentence=f"The median lead of {len(leads)} rows is {shown(interval)} standard errors of {error:.2f} "
        f"points; {int((leads > 1.96).sum())} are beyond 1.96 and {sure} after Holm. At 20M, with "
        f"{small:.2f} points, {int((leads_20m > 1.96).sum())} are beyond 1.96.",
        estimate=interval,
        rows=[
            {"model": row.model, "lead_340m": z, "p_holm": p}
            for row, z, p in sorted(zip(table, leads, adjusted, strict=True), key=lambda t: -t[1])[:10]
        ],
    )


def difference_error(context: Context, items: ArrayLike) -> float:
    """Standard error of the difference of two scores over so many items a task, in points.

    From the accuracies at 340M.
    """
    errors = standard_error(context.accuracies.mean(axis=0), items)
    return math.sqrt(2) * float(np.sqrt((errors**2).sum()) / len(errors))


@fact("table2-lead-is-kept")
def table2_lead_is_kept(context: Context) -> Found:
    table = context.paper.table2
    if len(table) < 8:
        raise NotRun("Table 2 has fewer than eight rows")

    def kept(columns: tuple[str, str], sign: int, rows: np.ndarray) -> float:
        pairs = np.asarray([[sign * table[r].values[c] for c in columns] for r in rows])
        spread = pairs.std(axis=0, ddof=1)
        if not spread.all():
            return 0.0
        z = (pairs - pairs.mean(axis=0)) / spread
        best = np.argsort(-z[:, 0], kind="stable")[: max(len(z) // 4, 1)]
        return float(z[best, 1].mean() / z[best, 0].mean())

    interval = bootstrap(
        context, len(table), lambda rows: kept((_SMALL, _LARGE), 1, rows), part=5, made=_OVER_ROWS
    )
    (loss_small, _), (loss_large, _) = STAGES.values()
    of_loss = kept((loss_small, loss_large), -1, np.arange(len(table)))
    return Found(
        answer=beyond(interval, 0.5),
        sentence=f"The best quarter of {len(table)} rows at 20M keeps {percent(interval)} of its "
        f"standardised lead in score at 340M, and {100 * of_loss:.0f}% of that in loss.",
        estimate=interval,
        rows=[
            {"model": row.model, "score_20m": row.values[_SMALL], "score_340m": row.values[_LARGE]}
            for row in sorted(table, key=lambda row: -row.values[_SMALL])[:10]
        ],
    )
