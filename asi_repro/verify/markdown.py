"""Certificates for a person: Markdown. No torch here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from asi_repro.text import terminal_safe
from asi_repro.verify.catalogue import CHECKS
from asi_repro.verify.certificate import Certificate
from asi_repro.verify.results import CheckResult, rounded

_MARKS = {"pass": "pass", "fail": "**fail**", "not run": "not run"}
_SPECIAL = re.compile(r"([\\`*_\[\]<>|#])")


def certificate_markdown(certificate: Certificate) -> str:
    """One certificate: what was checked, a table of verdicts, and what lies behind each failure."""
    counts = certificate.counts()
    probe = certificate.probe
    lines = [
        f"# Certificate {certificate.index}: {escaped(certificate.display_name or certificate.name)}",
        "",
        f"- name: {escaped(certificate.name)}",
        f"- program: SHA-256 `{escaped(certificate.program_sha256)}`",
        f"- verdicts: {', '.join(f'{count} {verdict}' for verdict, count in counts.items())}",
        f"- ran with: {', '.join(f'{k} {escaped(v)}' for k, v in sorted(certificate.environment.items()))}",
    ]
    if "hidden_size" in probe:
        casts = probe.get("mapped_casts") or []
        lines.append(
            f"- probed at width {probe['hidden_size']}, {probe['num_heads']} heads; casts mapped to run in "
            f"fp32 and fp64: {len(casts)}" + (f" (lines {_lines(casts)})" if casts else "")
        )
    for check in CHECKS:
        rows = [certificate.row(name) for name in check.rows]
        lines += ["", f"## {check.title}", "", *_table(rows)]
        for row in rows:
            lines += _behind(row)
    return "\n".join(lines) + "\n"


def overview_markdown(certificates: Iterable[Certificate]) -> str:
    """All certificates: one line each, with the rows that failed."""
    lines = ["| index | name | pass | fail | not run | failed rows |", "|---:|---|---:|---:|---:|---|"]
    for one in certificates:
        counts = one.counts()
        failed = ", ".join(row.check for row in one.checks if row.verdict == "fail")
        cells = [one.index, escaped(one.display_name or one.name), *counts.values(), failed]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Outside text as one inline piece of Markdown: nothing in it is markup or a control character."""
    return _SPECIAL.sub(r"\\\1", terminal_safe(text, keep=""))


def number(value: Any) -> str:
    """A value or threshold for a table cell."""
    if value is None:
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{rounded(value, 3):g}" if isinstance(value, float) else escaped(str(value))


def _table(rows: Sequence[CheckResult]) -> list[str]:
    lines = ["| row | verdict | value | threshold | unit |", "|---|---|---:|---:|---|"]
    for row in rows:
        held = {"<=": "≤ ", ">=": "≥ ", "within": "± "}.get(row.comparison, "")
        threshold = f"{held}{number(row.threshold)}" if row.threshold is not None else "–"
        cells = [row.check, _MARKS[row.verdict], number(row.value), threshold, escaped(row.unit)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _behind(row: CheckResult) -> list[str]:
    """The method and the evidence of a row that failed, or why one was not run."""
    if row.verdict == "pass":
        return []
    if row.verdict == "not run":
        return ["", f"`{row.check}` was not run: {escaped(str(row.detail.get('reason', 'no reason given')))}"]
    lines = ["", f"`{row.check}`: {escaped(row.method)}", ""]
    for key, value in sorted(row.detail.items()):
        if value in ([], {}, None):
            continue
        if isinstance(value, list) and value and isinstance(value[0], dict):
            lines += [f"- {escaped(key)}:", *(f"  - {_inline(item)}" for item in value[:4])]
        else:
            lines.append(f"- {escaped(key)}: {_inline(value)}")
    return lines


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{escaped(str(key))}: {_inline(item)}" for key, item in value.items())
    if isinstance(value, list):
        shown = ", ".join(_inline(item) for item in value[:20])
        return shown + (f", … ({len(value)} in all)" if len(value) > 20 else "")
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "–"}[value]
    return number(value) if isinstance(value, int | float) else escaped(str(value))


def _lines(casts: list[dict[str, Any]]) -> str:
    return ", ".join(sorted({str(cast.get("line")) for cast in casts}, key=lambda text: text.zfill(6))[:12])
