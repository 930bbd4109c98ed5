"""Table 1: the five final models against models that people designed."""

from __future__ import annotations

import math
from difflib import SequenceMatcher, get_close_matches
from itertools import product

import numpy as np
from scipy import stats

from asi_repro.claims.checks.stages import sampling_errors
from asi_repro.claims.context import Context
from asi_repro.claims.data import same_name
from asi_repro.claims.finding import Evidence, Finding, Part, Row, Verdict, either, holds
from asi_repro.claims.registry import claim
from asi_repro.results.significance import holm
from asi_repro.results.statistics import binomial_difference_error, descending_ranks

SOURCE = "paper/table1.csv"


@claim("table1-averages")
def table1_averages(context: Context) -> Finding:
    columns, tolerance = context.figure("columns"), context.limit("tolerance")
    rows: list[Row] = []
    for model, values in context.paper.table1.items():
        mean = math.fsum(values[column] for column in columns) / len(columns)
        rows.append(
            {
                "model": model,
                "printed": values["average"],
                "mean": mean,
                "agrees": abs(mean - values["average"]) <= tolerance + 1e-9,
            }
        )
    good = sum(row["agrees"] for row in rows)
    worst = max(abs(row["mean"] - row["printed"]) for row in rows)
    wrong = max(len(rows), context.figure("models")) - good
    return Finding(
        effect=f"{good} of {len(rows)} agree, {worst:.4f} off at most",
        parts=[context.part("averages", "all agree", f"{good} of {len(rows)}", wrong)],
        found=f"{good} of {len(rows)} agree (largest difference {worst:.4f})",
        method=f"Average the {len(columns)} accuracies of each row.",
        figures={"rows": len(rows), "agreeing": good, "largest_difference": worst},
        evidence=[Evidence("printed and recomputed averages", SOURCE, rows)],
    )


@claim("table1-best")
def table1_best(context: Context) -> Finding:
    metrics = [c for c in next(iter(context.paper.table1.values())) if c != "average"]
    cells = _cells(context, metrics)
    averages = _cells(context, ["average"])
    won, lead = sum(c["won"] for c in cells), sum(c["won"] for c in averages)
    beyond = [c for c in cells if c["standard_errors"] is not None and abs(c["standard_errors"]) > 1.96]
    known = sum(c["standard_errors"] is not None for c in cells)
    tests = sign_flip_tests(cells)
    alpha = context.limit("alpha")
    worse = any(row["p_worse_holm"] < alpha for row in tests)
    by_baseline = ", ".join(f"{row['baseline']} {row['won']} of {row['of']}" for row in tests)
    parts = [
        Part(
            "metrics won more than lost",
            "against each baseline",
            f"{by_baseline}; largest p = {max(row['p_holm'] for row in tests):.2g} after Holm",
            either(all(row["p_holm"] < alpha for row in tests), worse),
            "strict",
        ),
        context.part("averages above", "all", f"{lead} of {len(averages)}", len(averages) - lead, "lenient"),
    ]
    ahead = sum(c["standard_errors"] > 0 for c in beyond)
    return Finding(
        effect="won: "
        + ", ".join(f"{row['won']}/{row['of']}" for row in tests)
        + f" by baseline; averages {lead}/{len(averages)}",
        found=f"won against {by_baseline}; {lead} of {len(averages)} averages above",
        figures={
            "comparisons": len(cells),
            "won": won,
            "tied": sum(c["value"] == c["baseline_value"] for c in cells),
            "share": won / len(cells),
            "averages_above": lead,
            "accuracies_compared": known,
            "won_beyond_sampling_error": ahead,
            "lost_beyond_sampling_error": len(beyond) - ahead,
        }
        | {f"p_{row['baseline'].lower().replace(' ', '_')}": row["p_holm"] for row in tests},
        parts=parts,
        power=f"With {len(metrics)} metrics the least p that the test can give is "
        f"{2.0 ** -len(metrics):.2g}, {len(tests) * 2.0 ** -len(metrics):.2g} after Holm; leads of equal "
        f"size on {_needed(context, tests)} of them decide it. Of {known} comparisons of accuracies "
        f"{len(beyond)} differ by more than 1.96 binomial standard errors.",
        evidence=[
            Evidence("sign-flip test over the metrics, by baseline", SOURCE, tests),
            Evidence("comparisons lost or tied", SOURCE, [c for c in cells if not c["won"]]),
            Evidence("averages", SOURCE, averages),
            Evidence("differences beyond 1.96 standard errors", SOURCE, beyond),
            Evidence("won by model and baseline", SOURCE, _tally(cells)),
        ],
    )


def _needed(context: Context, tests: list[Row]) -> int:
    """The number of metrics that must be led, by as much each, for the strictest of the tests."""
    size = tests[0]["metrics"]
    fitting = [
        wins
        for wins in range(size + 1)
        if len(tests) * stats.binom.sf(wins - 1, size, 0.5) < context.limit("alpha")
    ]
    return min(fitting, default=size + 1)


def sign_flip_tests(cells: list[Row]) -> list[Row]:
    """For each baseline, whether the models win more metrics than they lose beyond chance.

    The statistic is the sum over metrics of wins less losses of the models. Under the null each metric's
    is as likely with either sign; all sign patterns are enumerated. Adjusted over the baselines by Holm.
    """
    rows: list[Row] = []
    for baseline in dict.fromkeys(cell["baseline"] for cell in cells):
        mine = [cell for cell in cells if cell["baseline"] == baseline]
        metrics = dict.fromkeys(cell["metric"] for cell in mine)
        leads = np.array(
            [
                sum(
                    cell["won"] - (not cell["won"] and cell["value"] != cell["baseline_value"])
                    for cell in mine
                    if cell["metric"] == metric
                )
                for metric in metrics
            ]
        )
        sums = np.array(list(product((-1, 1), repeat=len(leads)))) @ np.abs(leads)
        rows.append(
            {
                "baseline": baseline,
                "won": sum(cell["won"] for cell in mine),
                "of": len(mine),
                "metrics_led": int((leads > 0).sum()),
                "metrics": len(leads),
                "p": float((sums >= leads.sum()).mean()),
                "p_worse": float((sums <= leads.sum()).mean()),
            }
        )
    for name in ("p", "p_worse"):
        for row, adjusted in zip(rows, holm([row[name] for row in rows]), strict=True):
            row[f"{name}_holm"] = adjusted
    return rows


def _cells(context: Context, metrics: list[str]) -> list[Row]:
    table, examples = context.paper.table1, context.limit("examples")
    rows: list[Row] = []
    for model in context.paper.table1_discovered:
        for baseline in context.figure("baselines"):
            for metric in metrics:
                ours, theirs = table[model][metric], table[baseline][metric]
                sign = -1 if metric in context.figure("lower_is_better") else 1
                errors = None
                if metric in examples:
                    error = binomial_difference_error(ours / 100, theirs / 100, examples[metric])
                    errors = (ours - theirs) / 100 / error
                rows.append(
                    {
                        "model": model,
                        "baseline": baseline,
                        "metric": metric,
                        "value": ours,
                        "baseline_value": theirs,
                        "won": sign * (ours - theirs) > 0,
                        "standard_errors": errors,
                    }
                )
    return rows


def _tally(cells: list[Row]) -> list[Row]:
    pairs = list(dict.fromkeys((c["model"], c["baseline"]) for c in cells))
    return [
        {
            "model": model,
            "baseline": baseline,
            "won": sum(c["won"] for c in cells if (c["model"], c["baseline"]) == (model, baseline)),
            "of": sum((c["model"], c["baseline"]) == (model, baseline) for c in cells),
        }
        for model, baseline in pairs
    ]


@claim("table1-in-gallery")
def table1_in_gallery(context: Context) -> Finding:
    rows = [_matches(context, model) for model in context.paper.table1_discovered]
    inside = [row for row in rows if row["gallery_indices"]]
    in_tree = [row for row in rows if row["tree_indices"] and not row["gallery_indices"]]
    similar = context.limit("similar")
    somewhere = [row for row in rows if row["tree_indices"] or row["similarity"] >= similar]
    total = max(len(rows), context.figure("models"))
    return Finding(
        effect=f"{len(inside)} of {total} by name; {len(somewhere)} if renamed or elsewhere",
        parts=[
            context.part(what, total, len(found), total - len(found), reading)
            for reading, what, found in (
                ("strict", "names in the gallery", inside),
                ("lenient", "names in the tree, or nearly in the gallery", somewhere),
            )
        ],
        found=f"{len(inside)} of {len(rows)} by name; {len(in_tree)} only outside the gallery, "
        f"{len(rows) - len(inside) - len(in_tree)} nowhere in the tree",
        figures={
            "models": len(rows),
            "in_gallery": len(inside),
            "in_tree_only": len(in_tree),
            "nowhere": len(rows) - len(inside) - len(in_tree),
        },
        evidence=[Evidence("where each name occurs", "archive/experiments", rows)],
    )


def _matches(context: Context, model: str) -> Row:
    gallery = context.data.gallery_by_name
    name = same_name(model)
    named = [e for e in context.data.experiments if same_name(e.label) == name]
    return {
        "model": model,
        "gallery_indices": [e.index for e in gallery.get(name, [])],
        "tree_indices": [e.index for e in named],
        "similarity": max((SequenceMatcher(None, name, other).ratio() for other in gallery), default=0.0),
        "nearest_gallery_names": get_close_matches(name, sorted(gallery), n=2, cutoff=0.75),
    }


@claim("top-five")
def top_five(context: Context) -> Finding:
    ranked = _ranked(context)
    by_name: dict[str, list[Row]] = {}
    for row in ranked:
        by_name.setdefault(same_name(row["display_name"]), []).append(row)
    models = context.paper.table1_discovered
    present = [row for model in models for row in by_name.get(same_name(model), [])]
    named = [model for model in models if same_name(model) in by_name]
    top = context.figure("models")
    keys = ("loss_rank", "score_rank", "combined_rank")
    generous = context.limit("quantile") * len(ranked)
    parts = []
    for reading, limit in (("strict", top), ("lenient", generous)):
        inside = [row for row in present if min(row[key] for key in keys) <= limit]
        verdict = holds(context.allows(len(present) - len(inside))) if present else Verdict.NOT_CHECKABLE
        found = f"{len(inside)} of {len(present)}"
        parts.append(Part(f"best rank at most {limit:.0f}", "all found by name", found, verdict, reading))
    places = "; ".join(
        f"{row['display_name']} {row['loss_rank']} by loss, {row['score_rank']} by score, "
        f"{row['combined_rank']} by both"
        for row in present
    )
    best = ", ".join(f"{min(row[key] for key in keys)}" for row in present)
    error = sampling_errors(context)["340m"]
    return Finding(
        effect=f"best ranks {best} of {len(ranked)}" if present else "none is in the gallery by name",
        parts=parts,
        power=f"A score has a sampling error of {error:.2f} points: within 1.96 of it either way lie "
        f"{_level(ranked, present, 1.96 * error)} of the gallery, so that ranks by score are uncertain by as "
        f"many; ranks by loss have no known error. {len(named)} of the {len(models)} are in the gallery by "
        "name: of the others nothing is known.",
        found=f"{places or 'none of the five is in the gallery by name'} (of {len(ranked)})",
        figures={"ranked": len(ranked), "found_by_name": len(named)},
        evidence=[
            Evidence("ranks of the final models", "archive/curves, archive/benchmarks", present),
            Evidence(
                "the top of the gallery by both ranks",
                "archive/curves, archive/benchmarks",
                sorted(ranked, key=lambda row: (row["combined_rank"], row["index"]))[: 2 * top],
            ),
        ],
        notes=[
            f"{len(models) - len(named)} of the {len(models)} are not in the gallery by name "
            "(see table1-in-gallery) and have no rank."
        ]
        if len(named) < len(models)
        else [],
    )


def _level(ranked: list[Row], present: list[Row], reach: float) -> str:
    """How many of the gallery have a score within `reach` of each model's."""
    counts = [sum(abs(row["score"] - model["score"]) <= reach for row in ranked) - 1 for model in present]
    return " and ".join(map(str, counts)) or "none"


def _ranked(context: Context) -> list[Row]:
    rows: list[Row] = []
    for e in context.data.gallery:
        final = context.data.final_losses.get(e.index)
        score = context.data.mean_score(e.index, context.figure("tasks"))
        if final is not None and final.complete and score is not None:
            rows.append({"index": e.index, "display_name": e.label, "loss": final.loss, "score": score})
    loss_ranks = descending_ranks([-row["loss"] for row in rows])
    score_ranks = descending_ranks([row["score"] for row in rows])
    both = descending_ranks([-(a + b) for a, b in zip(loss_ranks, score_ranks, strict=True)])
    for row, loss, score, combined in zip(rows, loss_ranks, score_ranks, both, strict=True):
        row.update(loss_rank=loss, score_rank=score, combined_rank=combined)
    return rows
