"""Results of running the programs, as the stage `verify` left them in certificates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from asi_repro.claims.context import Context
from asi_repro.claims.finding import Evidence, Finding, NotCheckable, Part, Row, Verdict
from asi_repro.verify.certificate import Certificate, read_certificates
from asi_repro.verify.results import CheckResult

SOURCE = "certificates"
NOT_RUN = "not run: there are no certificates"


def certificates(context: Context) -> dict[int, Certificate]:
    """Certificates by index, of the gallery's programs as they are in the archive; others are left out.

    Raises:
        DataError: where one is damaged.
    """
    if context.certificates is None or not any(context.certificates.glob("*.json")):
        return {}
    sources = {program.index: program.sha256 for program in context.data.programs.values()}
    return {
        certificate.index: certificate
        for certificate in read_certificates(context.certificates)
        if sources.get(certificate.index) == certificate.program_sha256
    }


def certified(context: Context, deciding: Sequence[str], shown: Sequence[str], method: str) -> Finding:
    """The finding of a claim that holds where every program passes the `deciding` rows.

    One failure contradicts it. Where none fails, a program without a certificate or with a row that was
    not run keeps it "not yet run".

    Args:
        deciding: names of certificate rows.
        shown: further rows, counted but not decisive.
        method: how, in one sentence.
    """
    found, programs = certificates(context), context.data.programs
    if not programs:
        raise NotCheckable("no program was released")
    rows = {(index, name): found[index].row(name) for index in found for name in [*deciding, *shown]}
    failed = [
        _row(context, index, row) for (index, n), row in rows.items() if _is(row, "fail") and n in deciding
    ]
    lacking = [
        _row(context, index, row) for (index, n), row in rows.items() if _is(row, "not run") and n in deciding
    ]
    absent = [{"index": index} for index in programs if index not in found]
    failing = {row["index"] for row in failed}
    undecided = {row["index"] for row in [*lacking, *absent]} - failing
    passed = len(programs) - len(failing) - len(undecided)
    verdict = Verdict.NOT_YET_RUN if undecided else Verdict.REPRODUCED
    if failed:
        verdict = Verdict.CONTRADICTED
    counts = [
        _tally(name, [row for (_, n), row in rows.items() if n == name]) for name in [*deciding, *shown]
    ]
    return Finding(
        verdict=verdict,
        found=f"{passed} of {len(programs)} programs pass, {len(failing)} fail, {len(undecided)} not run"
        if found
        else NOT_RUN,
        method=method,
        figures={
            "programs": len(programs),
            "certificates": len(found),
            "passed": passed,
            "failed": len(failing),
            "not_run": len(undecided),
        },
        evidence=[
            Evidence("outcomes by check", SOURCE, counts),
            Evidence.first("programs that fail", SOURCE, failed, 120),
            Evidence.first("checks that were not run", SOURCE, lacking),
            Evidence.first("programs without a certificate", SOURCE, absent, 10),
        ]
        if found
        else [],
    )


def _is(row: CheckResult, verdict: str) -> bool:
    return row.verdict == verdict


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
    values = [row.value for row in rows if row.value is not None]
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
    for index, certificate in certificates(context).items():
        row = certificate.row("parameters_340m")
        if row.value is not None:
            near = any(abs(row.value - s * 1e6) <= tolerance * s * 1e6 for s in sizes)
            stated = certificate.parameters_stated
            rows.append({"index": index, "built": row.value, "stated": stated, "near": near})
    total = len(context.data.programs)
    if not rows:
        return Part(what, claimed, "not run", Verdict.NOT_YET_RUN), Evidence(what, SOURCE, [])
    within = sum(row["near"] for row in rows)
    verdict = Verdict.REPRODUCED if len(rows) == total else Verdict.NOT_YET_RUN
    if within < len(rows):
        verdict = Verdict.CONTRADICTED
    counts = sorted(row["built"] for row in rows)
    found = (
        f"{counts[0] / 1e6:.1f} to {counts[-1] / 1e6:.1f} million in {len(rows)} of {total} built; "
        f"{within} within {tolerance:.0%} of one"
    )
    return Part(what, claimed, found, verdict), Evidence(what, SOURCE, rows)
