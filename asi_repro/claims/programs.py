"""Results of running the programs, as the stage `verify` left them in certificates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from asi_repro.claims.context import Context
from asi_repro.claims.finding import Evidence, Finding, NotCheckable, Part, Row, Verdict
from asi_repro.verify.certificate import current_certificates
from asi_repro.verify.results import CheckResult

SOURCE = "certificates"
_ROUNDING = 1e-12
NOT_RUN = "not run: there are no certificates"


def certified(context: Context, deciding: Sequence[str], further: Sequence[str], method: str) -> Finding:
    """The finding of a claim that holds where every program passes certificate rows.

    Under the lenient reading these are the `deciding` ones, under the strict one the `further` ones too. One
    failure more than the criterion allows contradicts it. Where none fails, a program without a certificate
    or with a row that was not run keeps it "not yet run".

    Args:
        deciding: names of certificate rows.
        further: names of more rows.
        method: how, in one sentence.
    """
    programs = context.data.programs
    found = current_certificates(context.certificates, programs.values())
    if not programs:
        raise NotCheckable("no program was released")
    names = [*deciding, *further]
    rows = {(index, name): found[index].row(name) for index in found for name in names}
    absent = [index for index in programs if index not in found]
    strict, lenient = (
        _outcome(context, rows, chosen, absent, reading)
        for chosen, reading in ((names, "strict"), (deciding, "lenient"))
    )
    counts = [_tally(name, [row for (_, n), row in rows.items() if n == name]) for name in names]

    def with_verdict(verdict: str) -> list[Row]:
        return [_row(context, index, row) for (index, _), row in rows.items() if row.verdict == verdict]

    failed = with_verdict("fail")
    return Finding(
        effect=f"{lenient.found}; strictly {strict.found}" if found else NOT_RUN,
        found=f"{lenient.found} of {len(programs)} programs, strictly {strict.found}" if found else NOT_RUN,
        method=method,
        figures={
            "programs": len(programs),
            "certificates": len(found),
            "failed": len({row["index"] for row in failed if row["check"] in deciding}),
            "failed_strictly": len({row["index"] for row in failed}),
            "not_run": len({row["index"] for row in with_verdict("not run")} | set(absent)),
        },
        parts=[strict, lenient],
        evidence=[
            Evidence("outcomes by check", SOURCE, counts),
            Evidence.first("programs that fail", SOURCE, failed, 120),
            Evidence.first("checks that were not run", SOURCE, with_verdict("not run")),
            Evidence.first(
                "programs without a certificate", SOURCE, [{"index": index} for index in absent], 10
            ),
        ]
        if found
        else [],
    )


def _outcome(
    context: Context,
    rows: dict[tuple[int, str], CheckResult],
    names: Sequence[str],
    absent: Sequence[int],
    reading: str,
) -> Part:
    chosen = {key: row.verdict for key, row in rows.items() if key[1] in names}
    failing = {index for (index, _), verdict in chosen.items() if verdict == "fail"}
    lacking = {index for (index, _), verdict in chosen.items() if verdict == "not run"} | set(absent)
    passed = len(context.data.programs) - len(failing | lacking)
    verdict = Verdict.NOT_YET_RUN if lacking - failing else Verdict.REPRODUCED
    if not context.allows(len(failing)):
        verdict = Verdict.CONTRADICTED
    found = f"{passed} pass, {len(failing)} fail"
    if lacking - failing:
        found += f", {len(lacking - failing)} not run"
    return Part(", ".join(names).replace("_", " "), "all pass", found, verdict, reading)


def _row(context: Context, index: int, row: CheckResult) -> Row:
    shown: Row = {
        "index": index,
        "display_name": context.data.programs[index].display_name,
        "check": row.check,
        "value": row.value,
        "threshold": row.threshold,
        "unit": row.unit,
    }
    if "reason" in row.detail:
        shown["reason"] = str(row.detail["reason"])[:200]
    return shown


def _tally(name: str, rows: list[CheckResult]) -> Row:
    outcomes = Counter(row.verdict for row in rows)
    # What rounding leaves differs between processors: it is shown as 0, so that the ledger does not.
    values = [row.value if abs(row.value) > _ROUNDING else 0.0 for row in rows if row.value is not None]
    return {
        "check": name,
        "pass": outcomes["pass"],
        "fail": outcomes["fail"],
        "not_run": outcomes["not run"],
        "largest_value": max(values, default=None),
        "threshold": next((row.threshold for row in rows if row.threshold is not None), None),
        "unit": rows[0].unit if rows else None,
    }


def recomputed_sizes(context: Context, sizes: Sequence[int], tolerance: float) -> tuple[Part, Evidence]:
    """The part of `model-size` that the counts of the built models decide, with their rows."""
    claimed = f"{' or '.join(map(str, sizes))} million"
    what = "counts of the models built from the programs"
    rows: list[Row] = []
    programs = context.data.programs
    for index, certificate in current_certificates(context.certificates, programs.values()).items():
        row = certificate.row("parameters_340m")
        if row.value is not None:
            near = any(abs(row.value - s * 1e6) <= tolerance * s * 1e6 for s in sizes)
            stated = certificate.parameters_stated
            rows.append({"index": index, "built": row.value, "stated": stated, "near": near})
    total = len(programs)
    if not rows:
        return Part(what, claimed, "not run", Verdict.NOT_YET_RUN, "strict"), Evidence(what, SOURCE, [])
    within = sum(row["near"] for row in rows)
    verdict = Verdict.REPRODUCED if len(rows) == total else Verdict.NOT_YET_RUN
    if not context.allows(len(rows) - within):
        verdict = Verdict.CONTRADICTED
    counts = sorted(row["built"] for row in rows)
    found = (
        f"{counts[0] / 1e6:.1f} to {counts[-1] / 1e6:.1f} million in {len(rows)} of {total} built; "
        f"{within} within {tolerance:.0%} of one"
    )
    return Part(what, claimed, found, verdict, "strict"), Evidence(what, SOURCE, rows)
