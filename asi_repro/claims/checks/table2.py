"""Table 2: losses and scores at 20M and 340M, and what the release says of them."""

from __future__ import annotations

from asi_repro.claims.context import Context
from asi_repro.claims.data import same_name
from asi_repro.claims.finding import Evidence, Finding, Part, Row, combine, holds
from asi_repro.claims.paper_tables import STAGES, TABLE2_COLUMNS, Table2Row
from asi_repro.claims.registry import claim
from asi_repro.results.statistics import agrees

SOURCE = "paper/table2.csv"


@claim("table2-340m")
def table2_340m(context: Context) -> Finding:
    rows = [_match(context, row) for row in context.paper.table2]
    loss = sum(row["loss_agrees"] for row in rows)
    score = sum(row["score_agrees"] for row in rows)
    both = sum(row["loss_agrees"] and row["score_agrees"] for row in rows)
    parts = [
        Part("loss", "every row", f"{loss} of {len(rows)}", holds(loss == len(rows))),
        Part("score", "every row", f"{score} of {len(rows)}", holds(score == len(rows))),
        Part("both, of one architecture", "every row", f"{both} of {len(rows)}", holds(both == len(rows))),
    ]
    shared = [row for row in rows if len(row["candidates"]) > 1]
    return Finding(
        verdict=combine(parts),
        found=f"{both} of {len(rows)} rows agree in both (loss {loss}, score {score})",
        method="Match rows by display name; compare the last finite training loss and the mean accuracy of "
        "the seven tasks × 100 to the printed decimals; of those that share a name, the nearest counts.",
        figures={"rows": len(rows), "loss_agrees": loss, "score_agrees": score, "both_agree": both},
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
                "loss_agrees": final is not None
                and agrees(printed_loss, final.loss, context.limit("loss_decimals")),
                "score_agrees": score is not None
                and agrees(printed_score, score, context.limit("score_decimals")),
            }
        )
    nothing = dict.fromkeys(("index", "loss", "loss_step", "score")) | {
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
    return Finding(
        verdict=holds(not wrong),
        found=f"{len(cells) - len(wrong)} of {len(cells)} agree",
        method="Subtract the baseline's printed value from each printed value.",
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


@claim("stage1-filter")
def stage1_filter(context: Context) -> Finding:
    return _against_baselines(context, "20m", [context.figure("baseline")], ties_decide=False)


@claim("beats-baselines-340m")
def beats_baselines_340m(context: Context) -> Finding:
    finding = _against_baselines(context, "340m", context.figure("baselines"), ties_decide=True)
    losses = {
        row["index"]: row for e in context.data.gallery if (row := _release_row(context, e.index)) is not None
    }
    short = [row for row in losses.values() if not row["beats_all"]]
    return Finding(
        verdict=finding.verdict,
        found=f"{finding.found}; from the release itself {len(losses) - len(short)} of {len(losses)}",
        method=finding.method,
        figures={**finding.figures, "release_rows": len(losses), "release_beat": len(losses) - len(short)},
        parts=finding.parts,
        evidence=[
            *finding.evidence,
            Evidence("architectures whose released results do not beat both", "archive/curves", short),
        ],
        notes=[
            "Each value is one run with one seed; no spread was reported, so whether a margin is larger than "
            "chance is not known.",
            "The baselines' own curves were not released: their values are the printed ones.",
        ],
    )


def _release_row(context: Context, index: int) -> Row:
    final = context.data.final_losses.get(index)
    score = context.data.mean_score(index, context.figure("tasks"))
    bases = [context.paper.table2_baselines[name] for name in context.figure("baselines")]
    loss_column, score_column = STAGES["340m"]
    beats = (
        final is not None
        and final.complete
        and score is not None
        and all(final.loss < b.values[loss_column] and score > b.values[score_column] for b in bases)
    )
    return {
        "index": index,
        "last_finite_loss": None if final is None else final.loss,
        "at_step": None if final is None else final.step,
        "score": score,
        "beats_all": beats,
    }


def _against_baselines(context: Context, stage: str, baselines: list[str], *, ties_decide: bool) -> Finding:
    loss_column, score_column = STAGES[stage]
    losing: list[Row] = []
    tied: list[Row] = []
    margins: dict[str, list[float]] = {"loss": [], "score": []}
    for name in baselines:
        base = context.paper.table2_baselines[name]
        for row in context.paper.table2:
            loss = base.values[loss_column] - row.values[loss_column]
            score = row.values[score_column] - base.values[score_column]
            margins["loss"].append(loss)
            margins["score"].append(score)
            shown = {
                "model": row.model,
                "baseline": name,
                "loss": row.values[loss_column],
                "score": row.values[score_column],
                "loss_margin": round(loss, 4),
                "score_margin": round(score, 4),
            }
            if min(loss, score) < 0:
                losing.append(shown)
            elif min(loss, score) == 0:
                tied.append(shown)
    rows = len(context.paper.table2)
    beaten_by = {row["model"] for row in [*losing, *tied]}
    return Finding(
        verdict=holds(not losing and not (ties_decide and tied)),
        found=f"{rows - len(beaten_by)} of {rows} rows beat {' and '.join(baselines)} in both"
        + (f" ({len(tied)} more with a tie)" if tied else ""),
        method=f"Compare the {stage.upper()} columns of each row with those of the baselines, as printed.",
        figures={
            "rows": rows,
            "beat": rows - len(beaten_by),
            "behind": len({row["model"] for row in losing}),
            "tied": len({row["model"] for row in tied}),
            "smallest_loss_margin": min(margins["loss"]),
            "smallest_score_margin": min(margins["score"]),
        },
        evidence=[
            Evidence("rows behind a baseline", SOURCE, losing),
            Evidence("rows with a tie at the printed precision", SOURCE, tied),
            Evidence(
                "baselines",
                SOURCE,
                [
                    {
                        "model": name,
                        "loss": context.paper.table2_baselines[name].values[loss_column],
                        "score": context.paper.table2_baselines[name].values[score_column],
                    }
                    for name in baselines
                ],
            ),
        ],
    )
