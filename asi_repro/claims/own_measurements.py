"""What this project measured itself, beside the paper's claims and never as a verdict on them.

The rows come from sweeps over the gallery that are recorded in artifacts/sweeps. Each says at what scale and
after how many tokens; none of them is a reproduction of the paper's results.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from asi_repro.claims.finding import Evidence, Row
from asi_repro.claims.finding_json import evidence_of, plain
from asi_repro.claims.ledger import Entry
from asi_repro.results.table import SUMMARY, Results, read_results
from asi_repro.verify.certificate import certificates_if_any, leaks

MEASURED = "measured here"
LEVEL = 0.05
MAKE = "asi-repro select --gallery && asi-repro sweep && asi-repro results --record"
_ONE_SEED = (
    "With one seed a model, the interval says how sure the difference between these two trained models is, "
    "not that another training would show it."
)


def measured_entries(sweeps: Path | None, certificates: Path | None = None) -> list[Entry]:
    """Rows shaped as claims are, for every recorded sweep; where there is none, one that says so.

    Args:
        sweeps: a folder with a folder a scale.
        certificates: folder with the results of the checks, which say which programs see later tokens.

    Raises:
        DataError: where a recorded sweep is damaged.
    """
    folders = [] if sweeps is None else sorted(path.parent for path in sweeps.glob(f"*/{SUMMARY}"))
    if not folders:
        return [_not_run()]
    seeing = leaks(certificates_if_any(certificates))
    return [row for folder in folders for row in _rows(folder.name, read_results(folder), seeing)]


def _rows(scale: str, results: Results, seeing: Mapping[int, bool]) -> Iterator[Entry]:
    total, summary = len(results.architectures), results.summary
    # Of results that were recorded without certificates.
    leaking = [f"#{row.index}" for row in results.architectures if seeing.get(row.index or 0)]
    shared: dict[str, Any] = {
        "where": f"this project: scale {summary.scale}, {summary.tokens:,} tokens of {summary.corpus}",
        "check": f"artifacts/sweeps/{scale}",
        "power": summary.about,
        "would_change": "Another scale, more tokens, more seeds.",
        "notes": [
            *([_ONE_SEED] if all(row.seeds <= 1 for row in results.models) else []),
            *([f"{', '.join(leaking)}: counted here, but sees later tokens"] if leaking else []),
        ],
    }

    def entry(name: str, *said: str, figures: Row, evidence: Sequence[Evidence] = ()) -> Entry:
        figures = figures | {"scale": summary.scale, "tokens": summary.tokens}
        return measured_entry(
            f"measured-{scale}-{name}", *said, found_figures=figures, evidence=evidence, **shared
        )

    up, down = results.better("score", level=LEVEL)
    yield entry(
        "score",
        "How many of the gallery's architectures score above DeltaNet after as many tokens?",
        f"{up} of {total} above and {down} below, p < {LEVEL:g} after Holm",
        f"mean accuracy of {len(summary.tasks)} tasks, bootstrap over the items that both answered",
        figures={"models": total, "above": up, "below": down, "level": LEVEL},
        evidence=[_differences(results, "score", highest=True)],
    )
    lower, higher = results.better("validation_loss", level=LEVEL, lower=True)
    yield entry(
        "loss",
        "How many of them have a lower loss than DeltaNet on held-out text after as many tokens?",
        f"{lower} of {total} lower and {higher} higher, p < {LEVEL:g} after Holm",
        "bootstrap over blocks of the validation text",
        figures={"models": total, "lower": lower, "higher": higher, "level": LEVEL},
        evidence=[_differences(results, "validation_loss", highest=False)],
    )
    kind = "loss_at_equal_flops"
    if flops := [row.against[kind].estimate for row in results.architectures if kind in row.against]:
        below = sum(estimate < 0 for estimate in flops)
        yield entry(
            "flops",
            "How many of them have a lower training loss than DeltaNet at equal FLOPs?",
            f"{below} of {len(flops)} lower; no test: that needs several seeds",
            "training losses read off both curves at the cheaper one's total FLOPs",
            figures={"models": len(flops), "lower": below},
            evidence=[_differences(results, kind, highest=False)],
        )
    if (curse := summary.winners_curse) is not None:
        yield entry(
            "best",
            "Is the best score more than the best of so many would show if all equalled DeltaNet?",
            f"best {curse.observed:+.4f}; under the null {curse.expected:+.4f} on average and over "
            f"{curse.high:+.4f} in one case of twenty; p = {curse.p_value:.3f}",
            "bootstrap of all models together, each centred on DeltaNet",
            figures=curse.model_dump(),
        )
    for agreement in summary.rank_agreement:
        yield entry(
            f"rank-{agreement.column.rpartition('_')[2]}",
            f"Does our ranking agree with Table 2's column {agreement.column}?",
            agreement.sentence,
            "Spearman's rank correlation with a bootstrap interval over the models in both",
            figures=agreement.model_dump(exclude={"sentence"}),
        )


def _not_run() -> Entry:
    return measured_entry(
        "measured-sweep",
        "How do the gallery's architectures compare with DeltaNet when we train them?",
        "not run",
        MAKE,
        where="this project",
        check="artifacts/sweeps",
        power="None before it is run.",
        would_change=f"Run {MAKE}",
        notes=[],
    )


def measured_entry(
    id: str,
    statement: str,
    found: str,
    method: str,
    *,
    found_figures: Mapping[str, Any] | None = None,
    evidence: Sequence[Evidence] = (),
    **fields: Any,
) -> Entry:
    """A row of this project's own, with what all of them share."""
    return Entry(
        id=id,
        paper="",
        theme="measured",
        verdict=MEASURED,
        effect=found if len(found) <= 60 else f"{found[:59]}…",
        claimed="nothing: the papers have no such measurement",
        found=found,
        method=method,
        statement=statement,
        unit="models",
        criterion="None: a measurement at another scale, not a reproduction of the paper's results.",
        claimed_figures={},
        found_figures=plain(found_figures or {}),
        readings=[],
        parts=[],
        sensitivity=[],
        evidence=[evidence_of(item) for item in evidence],
        **fields,
    )


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
