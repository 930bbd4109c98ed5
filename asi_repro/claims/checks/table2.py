"""Table 2: losses and scores at 20M and 340M, and what the release says of them."""

from __future__ import annotations

import math

from asi_repro.claims.checks.stages import sampling_errors
from asi_repro.claims.context import Context
from asi_repro.claims.data import same_name
from asi_repro.claims.finding import Evidence, Finding, NotCheckable, Part, Row, Verdict
from asi_repro.claims.paper_tables import STAGES, TABLE2_COLUMNS, Table2Row
from asi_repro.claims.registry import claim
from asi_repro.results.statistics import agrees, binomial_difference_error

SOURCE = "paper/table2.csv"


@claim("table2-340m")
def table2_340m(context: Context) -> Finding:
    rows = [_match(context, row) for row in context.paper.table2]
    if not rows:
        raise NotCheckable("Table 2 has no rows")
    loss = sum(row["loss_agrees"] for row in rows)
    score = sum(row["score_agrees"] for row in rows)
    open_ = [row for row in rows if row["candidates"] and not row["has_final_loss"] and row["score_agrees"]]
    known = [row for row in rows if row not in open_]
    both = sum(row["loss_agrees"] and row["score_agrees"] for row in known)
    agree = f"{both} of {len(known)}"
    parts = [context.part("rows", "all agree", agree, len(known) - both)]
    shared = [row for row in rows if len(row["candidates"]) > 1]
    return Finding(
        effect=f"{agree} agree" + (f"; {len(open_)} has no final loss" if open_ else ""),
        found=f"{agree} rows agree in loss and score; {len(open_)} more in the score, with no final loss to "
        "compare",
        figures={
            "rows": len(rows),
            "loss_agrees": loss,
            "score_agrees": score,
            "both_agree": both,
            "without_final_loss": len(open_),
        },
        parts=parts,
        evidence=[
            Evidence(
                "rows that differ",
                f"{SOURCE}, archive/curves, archive/benchmarks",
                [row for row in rows if not (row["loss_agrees"] and row["score_agrees"])],
            ),
            Evidence("rows whose name several architectures share", f"{SOURCE}, archive/curves", shared),
            Evidence.first("all rows", f"{SOURCE}, archive/curves", rows, 120),
        ],
        notes=[
            "The score is the mean without LAMBADA. The recorded average, over all eight accuracies, agrees "
            f"with {_with_recorded_average(context, rows)} of {len(rows)} printed scores."
        ],
    )


def _with_recorded_average(context: Context, rows: list[Row]) -> int:
    averages = {index: values.get("average") for index, values in context.data.benchmarks.items()}
    return sum(
        any(
            (mean := averages.get(index)) is not None
            and agrees(row["printed_score"], 100 * mean, context.limit("score_decimals"))
            for index in row["candidates"]
        )
        for row in rows
    )


def _match(context: Context, row: Table2Row) -> Row:
    """The gallery architecture of that name which comes nearest to the row."""
    printed_loss, printed_score = (row.values[column] for column in STAGES["340m"])
    candidates: list[Row] = []
    for e in context.data.gallery_by_name.get(same_name(row.model), []):
        final = context.data.final_losses.get(e.index)
        score = context.data.mean_score(e.index, context.figure("tasks"))
        candidates.append(
            {
                "index": e.index,
                "loss": None if final is None else final.loss,
                "loss_step": None if final is None else final.step,
                "score": score,
                "has_final_loss": final is not None and final.complete,
                "loss_agrees": final is not None
                and final.complete
                and agrees(printed_loss, final.loss, context.limit("loss_decimals")),
                "score_agrees": score is not None
                and agrees(printed_score, score, context.limit("score_decimals")),
            }
        )
    nothing = dict.fromkeys(("index", "loss", "loss_step", "score")) | {
        "has_final_loss": False,
        "loss_agrees": False,
        "score_agrees": False,
    }
    best = max(candidates, key=lambda c: c["loss_agrees"] + c["score_agrees"], default=nothing)
    return {
        "model": row.model,
        "printed_loss": printed_loss,
        "printed_score": printed_score,
        **best,
        "candidates": [c["index"] for c in candidates],
    }


@claim("table2-deltas")
def table2_deltas(context: Context) -> Finding:
    base = context.paper.table2_baselines[context.figure("baseline")]
    cells: list[Row] = [
        {
            "model": row.model,
            "column": column,
            "value": row.values[column],
            "baseline_value": base.values[column],
            "printed": row.deltas.get(column),
            "recomputed": round(row.values[column] - base.values[column], 4),
        }
        for row in context.paper.table2
        for column in TABLE2_COLUMNS
    ]
    wrong = [
        cell
        for cell in cells
        if cell["printed"] is None or abs(cell["printed"] - cell["recomputed"]) > context.limit("tolerance")
    ]
    agree = f"{len(cells) - len(wrong)} of {len(cells)}"
    return Finding(
        effect=f"{agree} agree",
        parts=[context.part("differences", "all agree", agree, len(wrong))],
        found=f"{len(cells) - len(wrong)} of {len(cells)} agree",
        figures={"differences": len(cells), "wrong": len(wrong)},
        evidence=[
            Evidence(
                "differences that do not follow",
                SOURCE,
                [{**cell, "value_that_would_fit": _fitting(cell)} for cell in wrong],
            ),
            Evidence.first("all differences", SOURCE, cells, 8),
        ],
        notes=["Either the difference is misprinted or the value is; the table alone does not say which."]
        if wrong
        else [],
    )


def _fitting(cell: Row) -> float | None:
    """The value that the printed difference belongs to, should the value be the misprint."""
    printed = cell["printed"]
    return None if printed is None else round(cell["baseline_value"] + printed, 4)


@claim("stage1-filter", "evolve-both")
def stage1_filter(context: Context) -> Finding:
    name = context.figure("baseline")
    rows = _margins(context, "20m", [name])
    strict = [row for row in rows if not _wins(row["loss_margin"], row["score_margin"])]
    lenient = [row for row in strict if max(row["loss_margin"], row["loss_margin_by_difference"]) < 0
               or row["score_margin"] < 0]  # fmt: skip
    total, items = len(rows), context.figure("items") * context.figure("tasks")
    worst = min((row["score_margin"] for row in lenient), default=0.0)
    score = context.paper.table2_baselines[name].values[STAGES["20m"][1]]
    error = 100 * binomial_difference_error(score / 100, score / 100, items)
    counts = [total - len(strict), total - len(lenient)]
    return Finding(
        effect=f"{counts[0]} of {total} pass, {counts[1]} if ties do",
        found=f"{counts[0]} of {total} rows beat {name} in both; {counts[1]} with ties, and with the "
        "misprint read so that it passes",
        method="Compare the 20M columns of each row with those of the baseline, as printed.",
        figures={"rows": total, "beat": counts[0], "beat_or_tie": counts[1], "largest_shortfall": worst},
        parts=[
            context.part("rows", "all", f"{count} of {total}", total - count, reading)
            for reading, count in zip(("strict", "lenient"), counts, strict=True)
        ],
        power=f"A complete count of printed values: that a row passed is a fact about them. The shortfall of "
        f"{-worst:.2f} points is {-worst * items / 100:.0f} of {items:,} items, and the sampling error of a "
        f"difference is about {error:.2f} points: of the architectures' true order it says nothing.",
        evidence=[
            Evidence("rows that do not beat the baseline", SOURCE, strict),
            _baseline_rows(context, "20m", [name]),
        ],
    )


@claim("beats-baselines-340m")
def beats_baselines_340m(context: Context) -> Finding:
    names = context.figure("baselines")
    rows = _margins(context, "340m", names)
    models = {row["model"] for row in rows}
    losing = [row for row in rows if not _wins(row["loss_margin"], row["score_margin"])]
    printed = len(models - {row["model"] for row in losing})
    released = [_release_row(context, e.index) for e in context.data.gallery]
    known = [row for row in released if row["complete"]]
    short = [row for row in known if not row["beats_all"]]
    error = _error_of_difference(context)
    beyond = len(models - {row["model"] for row in rows if row["score_margin"] <= 1.96 * error})
    good = f"{len(known) - len(short)} of {len(known)}"
    return Finding(
        effect=f"{printed} of {len(models)} printed, {good} released",
        found=f"{printed} of {len(models)} rows beat {' and '.join(names)} in both; from the release {good}, "
        f"and {len(released) - len(known)} without a final loss",
        figures={
            "rows": len(models),
            "beat": printed,
            "release_rows": len(known),
            "release_beat": len(known) - len(short),
            "score_margins_beyond_sampling_error": beyond,
            "smallest_loss_margin": min((row["loss_margin"] for row in rows), default=None),
            "smallest_score_margin": min((row["score_margin"] for row in rows), default=None),
        },
        parts=[
            context.part(
                "rows of Table 2", "all", f"{printed} of {len(models)}", len(models) - printed, "as printed"
            ),
            context.part("released results", "all", good, len(short), "as released"),
        ]
        if known
        else [
            Part("released results", "all", "none", Verdict.NOT_CHECKABLE, name)
            for name in ("as printed", "as released")
        ],
        power="A complete count. The gallery was chosen by this very comparison, so only a slip could fail "
        f"it. A difference of scores has a sampling error of {error:.2f} points: {beyond} of {len(models)} "
        "rows lead both baselines by more than 1.96 of them. Losses have no known error: one run each.",
        evidence=[
            Evidence("rows behind a baseline or level with it", SOURCE, losing),
            _baseline_rows(context, "340m", names),
            Evidence(
                "architectures whose released results do not beat both, or have no final loss",
                "archive/curves",
                [row for row in released if row not in known or row in short],
            ),
        ],
    )


def _wins(loss: float, score: float) -> bool:
    return loss > 0 and score > 0


def _error_of_difference(context: Context) -> float:
    """Binomial standard error of the difference of two 340M scores, in points."""
    return math.sqrt(2) * sampling_errors(context)["340m"]


def _release_row(context: Context, index: int) -> Row:
    final = context.data.final_losses.get(index)
    score = context.data.mean_score(index, context.figure("tasks"))
    bases = [context.paper.table2_baselines[name] for name in context.figure("baselines")]
    loss_column, score_column = STAGES["340m"]
    complete = final is not None and final.complete and score is not None
    return {
        "index": index,
        "last_finite_loss": None if final is None else final.loss,
        "at_step": None if final is None else final.step,
        "score": score,
        "complete": complete,
        "beats_all": complete
        and all(
            _wins(b.values[loss_column] - final.loss, score - b.values[score_column])  # type: ignore[union-attr, operator]
            for b in bases
        ),
    }


def _margins(context: Context, stage: str, baselines: list[str]) -> list[Row]:
    """Each row's lead over each baseline, in loss and in score; negative where it is behind.

    `loss_margin_by_difference` takes the row's loss from its printed difference from Gated DeltaNet.
    """
    loss_column, score_column = STAGES[stage]
    reference = context.paper.table2_baselines["Gated DeltaNet"].values[loss_column]
    return [
        {
            "model": row.model,
            "baseline": name,
            "loss": row.values[loss_column],
            "score": row.values[score_column],
            "loss_margin": round(base[loss_column] - row.values[loss_column], 4),
            "loss_margin_by_difference": round(
                base[loss_column] - reference - row.deltas.get(loss_column, 0.0), 4
            ),
            "score_margin": round(row.values[score_column] - base[score_column], 4),
        }
        for name in baselines
        for base in [context.paper.table2_baselines[name].values]
        for row in context.paper.table2
    ]


def _baseline_rows(context: Context, stage: str, names: list[str]) -> Evidence:
    loss, score = STAGES[stage]
    values = {name: context.paper.table2_baselines[name].values for name in names}
    return Evidence(
        "baselines", SOURCE, [{"model": n, "loss": v[loss], "score": v[score]} for n, v in values.items()]
    )
