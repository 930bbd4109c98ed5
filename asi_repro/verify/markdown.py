"""Certificates for a person: Markdown. No torch here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from asi_repro import markdown
from asi_repro.markdown import escape
from asi_repro.verify.catalogue import CHECKS
from asi_repro.verify.certificate import NOT_YET, OF_A_FILE, Certificate
from asi_repro.verify.results import CheckResult, rounded

_MARKS = {"pass": "pass", "fail": "**fail**", "not run": "not run"}


def certificate_markdown(certificate: Certificate) -> str:
    """One certificate: what was checked, a table of verdicts, and what lies behind each failure."""
    counts = certificate.counts()
    probe = certificate.probe
    number_of = "" if certificate.index == OF_A_FILE else f" {certificate.index}"
    lines = [
        f"# Certificate{number_of}: {escape(certificate.display_name or certificate.name)}",
        "",
        f"- name: {escape(certificate.name)}",
        f"- program: SHA-256 `{escape(certificate.program_sha256)}`",
        f"- verdicts: {', '.join(f'{count} {verdict}' for verdict, count in counts.items())}",
        f"- ran with: {', '.join(f'{k} {escape(v)}' for k, v in sorted(certificate.environment.items()))}",
    ]
    if "hidden_size" in probe:
        casts = probe.get("mapped_casts") or []
        lines.append(
            f"- probed at width {probe['hidden_size']}, {probe['num_heads']} heads; casts mapped to run in "
            f"fp32 and fp64: {len(casts)}" + (f" (lines {_lines(casts)})" if casts else "")
        )
    for check in CHECKS:
        rows = [certificate.row(name) for name in check.rows]
        if certificate.index == OF_A_FILE and all(row.detail.get("reason") == NOT_YET for row in rows):
            continue  # was not asked for
        lines += ["", f"## {check.title}", "", *_table(rows)]
        for row in rows:
            lines += _behind(row)
    return "\n".join(lines) + "\n"


def overview_markdown(certificates: Iterable[Certificate]) -> str:
    """All certificates: one line each, with the rows that failed."""
    rows = []
    for one in certificates:
        counts = one.counts()
        failed = ", ".join(row.check for row in one.checks if row.verdict == "fail")
        rows.append(
            [str(one.index), escape(one.display_name or one.name), *map(str, counts.values()), failed]
        )
    header = ("index", "name", "pass", "fail", "not run", "failed rows")
    return "\n".join(markdown.table(header, rows, right=(0, 2, 3, 4))) + "\n"


def number(value: Any) -> str:
    """A value or threshold for a table cell."""
    if value is None:
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{rounded(value, 3):g}" if isinstance(value, float) else escape(value)


def value_of(row: CheckResult) -> str:
    """What a row measured, for a table cell; of what is below the threshold, no more than that."""
    below = row.detail.get("below")
    return number(row.value) if below is None else f"below {number(below)}"


def _table(rows: Sequence[CheckResult]) -> list[str]:
    cells = []
    for row in rows:
        held = {"<=": "≤ ", ">=": "≥ ", "within": "± "}.get(row.comparison, "")
        threshold = f"{held}{number(row.threshold)}" if row.threshold is not None else "–"
        cells.append([row.check, _MARKS[row.verdict], value_of(row), threshold, escape(row.unit)])
    return markdown.table(("row", "verdict", "value", "threshold", "unit"), cells, right=(2, 3))


def _behind(row: CheckResult) -> list[str]:
    """The method and the evidence of a row that failed, or why one was not run."""
    if row.verdict == "pass":
        return []
    if row.verdict == "not run":
        return ["", f"`{row.check}` was not run: {escape(str(row.detail.get('reason', 'no reason given')))}"]
    lines = ["", f"`{row.check}`: {escape(row.method)}", ""]
    for key, value in sorted(row.detail.items()):
        if value in ([], {}, None):
            continue
        if isinstance(value, list) and value and isinstance(value[0], dict):
            lines += [f"- {escape(key)}:", *(f"  - {_inline(item)}" for item in value[:4])]
        else:
            lines.append(f"- {escape(key)}: {_inline(value)}")
    return lines


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{escape(key)}: {_inline(item)}" for key, item in value.items())
    if isinstance(value, list):
        shown = ", ".join(_inline(item) for item in value[:20])
        return shown + (f", … ({len(value)} in all)" if len(value) > 20 else "")
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "–"}[value]
    return number(value) if isinstance(value, int | float) else escape(value)


def _lines(casts: list[dict[str, Any]]) -> str:
    return ", ".join(sorted({str(cast.get("line")) for cast in casts}, key=lambda text: text.zfill(6))[:12])
