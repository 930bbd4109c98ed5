"""ASI-Evolve's Table 1, by itself and against ASI-ARCH's."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
from scipy import stats

from asi_repro.claims.context import Context
from asi_repro.claims.finding import Evidence, Finding, Part, Row, either, holds
from asi_repro.claims.registry import claim

SOURCE = "paper/asi_evolve_table1.csv"
DEVELOPMENT = (
    "lambada_acc", "piqa", "hellaswag", "winogrande", "arc_easy", "arc_challenge", "social_iqa", "boolq",
)  # fmt: skip
HELD_OUT = ("race", "bbq", "metabench", "qa4mre", "sciq", "swag")
AVERAGES = {
    "dev_average": DEVELOPMENT,
    "generalization_average": HELD_OUT,
    "overall_average": (*DEVELOPMENT, *HELD_OUT),
}


@claim("evolve-uncertainty")
def uncertainty(context: Context) -> Finding:
    columns = list(context.paper.rows("asi_evolve_table1.csv")[0])
    marks = set(context.figure("marks"))
    found = [column for column in columns if marks & set(column.lower().split("_"))]
    shown = f"{len(found)} of {len(columns)} columns"
    return Finding(
        effect=shown,
        found=f"{shown} give a spread" + (f": {', '.join(found)}" if found else ""),
        figures={"columns": len(columns), "of_spread": len(found)},
        parts=[Part("columns of spread", "some", shown, holds(len(found) >= context.limit("least")))],
        evidence=[Evidence("columns", SOURCE, [{"column": column} for column in columns])],
    )


@claim("evolve-averages")
def averages(context: Context) -> Finding:
    rows: list[Row] = [
        {
            "model": model,
            "average": name,
            "printed": values[name],
            "mean": math.fsum(values[column] for column in columns) / len(columns),
        }
        for model, values in context.paper.evolve_table1.items()
        for name, columns in AVERAGES.items()
    ]
    off = [abs(row["printed"] - row["mean"]) for row in rows]
    good = sum(difference <= context.limit("tolerance") + 1e-9 for difference in off)
    wrong = max(len(rows), context.figure("averages")) - good
    return Finding(
        effect=f"{good} of {len(rows)} agree, {max(off):.4f} off at most",
        found=f"{good} of {len(rows)} agree (largest difference {max(off):.4f})",
        figures={"averages": len(rows), "agreeing": good, "largest_difference": max(off)},
        parts=[context.part("averages", "all agree", f"{good} of {len(rows)}", wrong)],
        evidence=[Evidence("printed and recomputed averages", SOURCE, rows)],
    )


def margin_rows(context: Context, baseline: str) -> list[Row]:
    """Every model's lead over `baseline` under each average, with its binomial standard error in points.

    Items are taken as independent, so the error leaves out that both models answered the same ones.
    """
    examples, table = context.limit("examples"), context.paper.evolve_table1
    return [
        {
            "model": model,
            "average": name,
            "margin": round(values[name] - table[baseline][name], 2),
            "standard_error": mean_error([values, table[baseline]], columns, examples),
        }
        for model, values in table.items()
        if model != baseline
        for name, columns in AVERAGES.items()
    ]


def mean_error(models: list[dict[str, float]], columns: tuple[str, ...], examples: dict[str, int]) -> float:
    """Binomial standard error, in points, of the sum or difference of models' means over `columns`."""
    shares = [(values[column] / 100, examples[column]) for values in models for column in columns]
    return 100 * math.sqrt(sum(p * (1 - p) / n for p, n in shares)) / len(columns)


@claim("evolve-beats")
def beats(context: Context) -> Finding:
    five = context.paper.evolve_discovered
    rows = [row for row in margin_rows(context, context.figure("baseline")) if row["model"] in five]
    parts, shown = [], []
    for reading, names in (("strict", context.figure("separate")), ("lenient", context.figure("together"))):
        mine = [row for row in rows if row["average"] in names]
        won = sum(row["margin"] > 0 for row in mine)
        shown.append(f"{won} of {len(mine)}")
        verdict = holds(context.allows(len(mine) - won))
        parts.append(Part(", ".join(names).replace("_", " "), "all above", shown[-1], verdict, reading))
    below = [
        f"{r['model']} {r['margin']:+.2f} ({r['average'].split('_')[0]})" for r in rows if r["margin"] < 0
    ]
    sure = sum(abs(row["margin"]) > 1.96 * row["standard_error"] for row in rows)
    error = float(np.mean([row["standard_error"] for row in rows if row["average"] == "overall_average"]))
    return Finding(
        effect=f"{shown[0]} averages above; overall {shown[1]}",
        found=f"{shown[0]} averages above, overall {shown[1]}; below: {', '.join(below) or 'none'}",
        figures={"won": parts[0].found, "beyond_sampling_error": sure, "standard_error_overall": error},
        parts=parts,
        power=f"An overall margin has a sampling error of {error:.2f} points, so one of {2.8 * error:.1f} "
        f"would be found in four cases of five; {sure} of {len(rows)} margins are beyond 1.96 errors. One "
        "run each.",
        evidence=[Evidence("margins over the baseline", SOURCE, rows)],
    )


@claim("evolve-margin")
def margin(context: Context) -> Finding:
    rows, other, five = (
        margin_rows(context, context.figure("baseline")),
        context.figure("other"),
        context.paper.evolve_discovered,
    )
    low, high = context.limit("low"), context.figure("times")
    ratios: list[Row] = []
    for name in context.figure("averages"):
        mine = [row for row in rows if row["average"] == name]
        human = next(row for row in mine if row["model"] == other)
        best = max((row for row in mine if row["model"] in five), key=lambda row: row["margin"])
        ratios.append(
            {
                "average": name,
                "best": best["model"],
                "best_margin": best["margin"],
                "best_error": best["standard_error"],
                "other_margin": human["margin"],
                "other_error": human["standard_error"],
                "ratio": best["margin"] / human["margin"] if human["margin"] > 0 else None,
            }
        )
    fits = [row["ratio"] is not None and low <= row["ratio"] <= high for row in ratios]
    shown = ", ".join("none" if row["ratio"] is None else f"{row['ratio']:.1f}" for row in ratios)
    overall = ratios[-1]
    printed = (overall["best_margin"], overall["other_margin"]) == (
        context.figure("best"),
        context.figure("human"),
    )
    interval = 1.96 * overall["best_error"]
    return Finding(
        effect=f"{overall['best_margin']:+.2f} ± {interval:.2f}; ratio {shown} (dev, held-out, all)",
        found=f"overall {overall['best_margin']:+.2f} ± {interval:.2f} against "
        f"{overall['other_margin']:+.2f} ± {1.96 * overall['other_error']:.2f}; ratio {shown} under the "
        "development, held-out and overall average",
        figures={f"ratio_{row['average']}": row["ratio"] for row in ratios}
        | {"best_error": overall["best_error"], "other_error": overall["other_error"]},
        parts=[
            Part("ratio", f"{low:g} to {high:g}", shown, holds(all(fits)), "under every average"),
            Part(
                "ratio of the overall margins",
                f"{low:g} to {high:g}",
                f"{overall['best_margin']:+.2f} over {overall['other_margin']:+.2f}",
                holds(printed and fits[-1]),
                "overall",
            ),
        ],
        power=f"{other}'s margin of {overall['other_margin']:+.2f} has a standard error of "
        f"{overall['other_error']:.2f}: it cannot be told from 0, so the ratio has no upper bound. The best "
        f"margin is {overall['best_margin'] / overall['best_error']:.1f} errors above 0, and the best of "
        "five.",
        evidence=[Evidence("best and human margins", SOURCE, ratios), Evidence("all margins", SOURCE, rows)],
    )


@claim("evolve-same-five")
def same_five(context: Context) -> Finding:
    first, second = set(context.paper.table1), set(context.paper.evolve_table1)
    shared, total = first & second, context.figure("models")
    wrong = max(total, len(first | second)) - len(shared)
    shown = f"{len(shared)} of {total}"
    return Finding(
        effect=f"{shown} names in both",
        found=f"{shown} names in both tables",
        figures={"shared": len(shared)},
        parts=[context.part("names in both", total, shown, wrong)],
        evidence=[
            Evidence("names in one table only", SOURCE, [{"model": name} for name in sorted(first ^ second)])
        ],
    )


@claim("evolve-transfer")
def transfer(context: Context) -> Finding:
    small, large = context.paper.table1, context.paper.evolve_table1
    column, comparable = context.figure("column"), context.figure("comparable")
    alpha = context.limit("alpha")
    both = [model for model in small if model in large]
    five = [model for model in both if model in context.paper.evolve_discovered]
    rows: list[Row] = [
        {
            "model": model,
            "average_340m": small[model]["average"],
            "overall_1b3": large[model][column],
            "development_1b3": large[model][comparable],
            "over_deltanet_340m": round(small[model]["average"] - small["DeltaNet"]["average"], 2),
            "over_deltanet_1b3": round(large[model][comparable] - large["DeltaNet"][comparable], 2),
        }
        for model in both
    ]
    parts, texts = [], []
    for reading, models in (("the five", five), ("all eight", both)):
        x, y = ([row[c] for row in rows if row["model"] in models] for c in ("average_340m", "overall_1b3"))
        rho, p_same, p_reverse = exact_spearman(x, y)
        texts.append(f"{rho:.2f} (p = {p_same:.2g})")
        verdict = either(p_same < alpha, p_reverse < alpha)
        parts.append(Part("rank correlation", "the same order", texts[-1], verdict, reading))
    means = {
        size: float(np.mean([row[f"over_deltanet_{size}"] for row in rows if row["model"] in five]))
        for size in ("340m", "1b3")
    }
    return Finding(
        effect=f"rho {texts[0]} of five, {texts[1]} of eight",
        found=f"rank correlation {texts[0]} of the five, {texts[1]} of all eight; the five's mean lead over "
        f"DeltaNet on the same eight accuracies falls from {means['340m']:+.2f} to {means['1b3']:+.2f}",
        figures={"mean_lead_340m": means["340m"], "mean_lead_1b3": means["1b3"]},
        parts=parts,
        power=f"With five models only a correlation of {_least_rho(5, alpha):.1f} or more is beyond chance, "
        f"with eight one of {_least_rho(8, alpha):.2f}.",
        evidence=[Evidence("averages at both sizes", f"paper/table1.csv, {SOURCE}", rows)],
    )


def exact_spearman(x: list[float], y: list[float]) -> tuple[float, float, float]:
    """Spearman's correlation, and the shares of all orders with one as high, and as low."""
    a, b = stats.rankdata(x), stats.rankdata(y)
    a, b = a - a.mean(), b - b.mean()
    scale = math.sqrt((a @ a) * (b @ b)) or 1.0
    every = np.array(list(permutations(b))) @ a / scale
    rho = float(a @ b / scale)
    return rho, float((every >= rho - 1e-9).mean()), float((every <= rho + 1e-9).mean())


def _least_rho(size: int, alpha: float) -> float:
    """The lowest correlation of `size` distinct ranks whose exact one-sided p-value is below `alpha`."""
    ranks = np.arange(size, dtype=np.float64)
    ranks -= ranks.mean()
    every = np.sort(np.array(list(permutations(ranks))) @ ranks / (ranks @ ranks))
    values = np.unique(every.round(9))
    fitting = [v for v in values if (every >= v - 1e-9).mean() < alpha]
    return float(min(fitting, default=1.0))


@claim("evolve-gated")
def gated(context: Context) -> Finding:
    stronger, weaker = context.figure("stronger"), context.figure("weaker")
    examples, errors = context.limit("examples"), context.limit("errors")
    sizes = {
        "340M": (context.paper.table1, "average", {c: _first_paper(c) for c in DEVELOPMENT}),
        "1.3B": (context.paper.evolve_table1, "dev_average", {c: c for c in DEVELOPMENT}),
    }
    rows: list[Row] = []
    for size, (table, average, names) in sizes.items():
        models = [{c: table[model][names[c]] for c in DEVELOPMENT} for model in (stronger, weaker)]
        difference = table[stronger][average] - table[weaker][average]
        error = mean_error(models, DEVELOPMENT, examples)
        rows.append({"size": size, "difference": round(difference, 2), "standard_error": error})
    above = [row["difference"] > 0 for row in rows]
    sure = [row["difference"] / row["standard_error"] for row in rows]
    shown = ", ".join(f"{r['size']} {r['difference']:+.2f} ± {1.96 * r['standard_error']:.2f}" for r in rows)
    return Finding(
        effect=shown,
        found=f"{stronger} less {weaker}: {shown}",
        figures={f"difference_{row['size']}": row["difference"] for row in rows},
        parts=[
            Part("differences", "above 0", shown, either(all(above), not any(above)), "as printed"),
            Part(
                "differences",
                f"over {errors:g} errors",
                ", ".join(f"{value:+.1f}" for value in sure),
                either(min(sure) > errors, min(sure) < -errors),
                "beyond sampling error",
            ),
        ],
        power=f"A difference of {2.8 * rows[0]['standard_error']:.1f} points would be found in four cases of "
        "five. One run each: the spread between seeds is not known.",
        evidence=[Evidence("differences by size", f"paper/table1.csv, {SOURCE}", rows)],
    )


def _first_paper(column: str) -> str:
    """ASI-ARCH's name of the column."""
    if column in ("hellaswag", "arc_challenge"):
        return f"{column}_acc_norm"
    return column if column == "lambada_acc" else f"{column}_acc"
