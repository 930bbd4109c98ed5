"""What this project measured itself, beside the paper's claims and never as a verdict on them.

The rows come from sweeps over the gallery that are recorded in artifacts/sweeps. Each says at what scale and
after how many tokens; none of them is a reproduction of the paper's results.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asi_repro.claims.finding import Evidence, Row
from asi_repro.claims.ledger import Entry
from asi_repro.claims.plain import evidence_of, plain
from asi_repro.results.table import SUMMARY, ModelRow, Results, read_results

MEASURED = "measured here"
LEVEL = 0.05
MAKE = "asi-repro select --gallery && asi-repro sweep && asi-repro results --record"
_ONE_SEED = (
    "With one seed a model, the interval says how sure the difference between these two trained models is, "
    "not that another training would show it."
)


def measured_entries(sweeps: Path | None) -> list[Entry]:
    """Rows shaped as claims are, for every recorded sweep; where there is none, one that says so.

    Args:
        sweeps: a folder with a folder a scale.

    Raises:
        DataError: where a recorded sweep is damaged.
    """
    folders = [] if sweeps is None else sorted(path.parent for path in sweeps.glob(f"*/{SUMMARY}"))
    if not folders:
        return [_not_run()]
    return [row for folder in folders for row in _rows(folder.name, read_results(folder))]


def _rows(scale: str, results: Results) -> list[Entry]:
    total, summary = len(results.architectures), results.summary
    up, down = results.better("score", level=LEVEL)
    lower, higher = results.better("validation_loss", level=LEVEL, lower=True)
    rows = [
        _entry(
            scale,
            results,
            "score",
            "How many of the gallery's architectures score above DeltaNet after as many tokens?",
            f"{up} of {total} above and {down} below, p < {LEVEL:g} after Holm",
            f"mean accuracy of {len(summary.tasks)} tasks, bootstrap over the items that both answered",
            {"models": total, "above": up, "below": down, "level": LEVEL},
            [_differences(results, "score", highest=True)],
        ),
        _entry(
            scale,
            results,
            "loss",
            "How many of them have a lower loss than DeltaNet on held-out text after as many tokens?",
            f"{lower} of {total} lower and {higher} higher, p < {LEVEL:g} after Holm",
            "bootstrap over blocks of the validation text",
            {"models": total, "lower": lower, "higher": higher, "level": LEVEL},
            [_differences(results, "validation_loss", highest=False)],
        ),
    ]
    flops = [row.against["loss_at_equal_flops"].estimate for row in results.architectures if _has_flops(row)]
    if flops:
        below = sum(estimate < 0 for estimate in flops)
        rows.append(
            _entry(
                scale,
                results,
                "flops",
                "How many of them have a lower training loss than DeltaNet at equal FLOPs?",
                f"{below} of {len(flops)} lower; no test: that needs several seeds",
                "training losses read off both curves at the cheaper one's total FLOPs",
                {"models": len(flops), "lower": below},
                [_differences(results, "loss_at_equal_flops", highest=False)],
            )
        )
    if (curse := summary.winners_curse) is not None:
        rows.append(
            _entry(
                scale,
                results,
                "best",
                "Is the best score more than the best of so many would show if all equalled DeltaNet?",
                f"best {curse.observed:+.4f}; under the null {curse.expected:+.4f} on average and over "
                f"{curse.high:+.4f} in one case of twenty; p = {curse.p_value:.3f}",
                "bootstrap of all models together, each centred on DeltaNet",
                curse.model_dump(),
                [],
            )
        )
    for agreement in summary.rank_agreement:
        figures = {key: value for key, value in agreement.model_dump().items() if key != "sentence"}
        rows.append(
            _entry(
                scale,
                results,
                f"rank-{agreement.column.rpartition('_')[2]}",
                f"Does our ranking agree with Table 2's column {agreement.column}?",
                agreement.sentence,
                "Spearman's rank correlation with a bootstrap interval over the models in both",
                figures,
                [],
            )
        )
    return rows


def _entry(
    scale: str,
    results: Results,
    name: str,
    question: str,
    found: str,
    method: str,
    figures: dict[str, Any],
    evidence: list[Evidence],
) -> Entry:
    summary = results.summary
    where = f"this project: scale {summary.scale}, {summary.tokens:,} tokens of {summary.corpus}"
    return measured_entry(
        id=f"measured-{scale}-{name}",
        found=found,
        effect=found if len(found) <= 60 else f"{found[:59]}…",
        method=method,
        statement=question,
        where=where,
        check=f"artifacts/sweeps/{scale}",
        power=summary.about,
        would_change="Another scale, more tokens, more seeds.",
        found_figures=plain(figures | {"scale": summary.scale, "tokens": summary.tokens}),
        evidence=[evidence_of(item) for item in evidence],
        notes=[_ONE_SEED] if _one_seed(results) else [],
    )


def _not_run() -> Entry:
    return measured_entry(
        id="measured-sweep",
        found="not run",
        effect="not run",
        method=MAKE,
        statement="How do the gallery's architectures compare with DeltaNet when we train them?",
        where="this project",
        check="artifacts/sweeps",
        power="None before it is run.",
        would_change=f"Run {MAKE}",
        found_figures={},
        evidence=[],
        notes=[],
    )


def measured_entry(**fields: Any) -> Entry:
    """A row of this project's own, with what all of them share."""
    return Entry(
        paper="",
        theme="measured",
        verdict=MEASURED,
        claimed="nothing: the papers have no such measurement",
        unit="models",
        criterion="None: a measurement at another scale, not a reproduction of the paper's results.",
        claimed_figures={},
        readings=[],
        parts=[],
        sensitivity=[],
        **fields,
    )


def _has_flops(row: ModelRow) -> bool:
    return "loss_at_equal_flops" in row.against


def _one_seed(results: Results) -> bool:
    return all(row.seeds <= 1 for row in results.models)


def _differences(results: Results, kind: str, *, highest: bool) -> Evidence:
    """The architectures' differences from DeltaNet, the best first."""
    found = [(row, row.against[kind]) for row in results.architectures if kind in row.against]
    ordered = sorted(found, key=lambda pair: -pair[1].estimate if highest else pair[1].estimate)
    rows: list[Row] = [
        {
            "index": row.index,
            "display_name": row.title,
            "minus_deltanet": compared.estimate,
            "low": compared.low,
            "high": compared.high,
            "p_holm": compared.holm_p_value,
        }
        for row, compared in ordered
    ]
    what = f"{kind.replace('_', ' ')} minus DeltaNet's, the best first"
    return Evidence.first(what, f"sweeps/{results.summary.scale}/models.csv", rows, 120)
