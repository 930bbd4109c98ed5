"""A made-up project: archive, certificates and ledger, some of it hostile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ledgers import entry, ledger

from asi_repro.archive.reader import Archive
from asi_repro.facts.ledger import Entry, Facts
from asi_repro.store.records import write_record
from asi_repro.verify.catalogue import CHECKS
from asi_repro.verify.certificate import Certificate, in_order, write_certificate
from asi_repro.verify.results import at_most, measurement, not_run

HOSTILE = "\x1b[31mred\x1b]8;;http://x\x07 [bold]markup[/bold] right\u202eleft\nline"
_MEASURES = {"components", "state_size", "parameters_20m", "flops_token_20m"}


def make_certificates(archive: Archive, folder: Path) -> list[int]:
    """A certificate for every architecture of the gallery: the n-th fails the checks whose place n divides."""
    indices = [e.index for e in archive.gallery]
    for n, e in enumerate(archive.gallery, 2):
        rows = []
        for place, name in enumerate(row for check in CHECKS for row in check.rows):
            said = {"unit": "parts", "method": f"A made-up method of {name}."}
            if name in _MEASURES:
                rows.append(measurement(name, 10 * n + place, detail={}, **said))
            elif place == 20:
                rows.append(not_run(name, f"no room for {HOSTILE}", **said))
            else:
                rows.append(at_most(name, 1.5 if place % n == 1 else 0.25, 1.0, detail={}, **said))
        sha = "0" * 64
        made = Certificate(e.index, e.name, e.display_name, sha, None, {}, {}, {}, in_order(rows))
        write_certificate(made, folder)
    return indices


def make_ledger(archive: Archive, path: Path) -> list[dict[str, Any]]:
    """Four claims, one a verdict; the third is an attempt on the terminal."""
    some = list(archive.experiments.values())[5:9]
    rows = [{"index": e.index, "display_name": e.label, "score": e.score} for e in some]
    claims = [
        _claim("counts", "reproduced", [("experiments counted", rows, 300)]),
        _claim(
            "order", "contradicted", [("in order", [], 0), ("out of order", [*rows, {"index": 10**9}], 5)]
        ),
        _claim("hostile", "not checkable", [(HOSTILE, [{HOSTILE: HOSTILE, "index": "7"}], 1)], HOSTILE),
        _claim("later", "not yet run", []),
    ]
    path.write_text(json.dumps(ledger(claims)))
    return claims


def make_facts(archive: Archive, path: Path) -> list[Entry]:
    """Three facts: the second is an attempt on the terminal, the third was not run."""
    some = list(archive.experiments.values())[5:8]
    rows = [{"index": e.index, "display_name": e.label, "score": e.score} for e in some]
    made = [
        _fact("late-wins", "search", "yes", "So it is.", [*rows, {"index": 10**9}]),
        _fact("hostile", "score", "cannot tell", HOSTILE, [{HOSTILE: HOSTILE, "index": "7"}]),
        Entry(
            id="later", theme="search", question="And then?", answer="not run", sentence="No data.",
            method="none", where="nowhere",
        ),
    ]  # fmt: skip
    write_record(path, Facts(schema_version=1, settings={}, summary={}, facts=made))
    return made


def _fact(identifier: str, theme: str, answer: str, sentence: str, rows: list[dict[str, Any]]) -> Entry:
    return Entry(
        id=identifier, theme=theme, question=f"Is it so? {sentence}", answer=answer, sentence=sentence,
        method="A made-up method.", where="made up", n=12, estimate=0.5, low=0.25, high=0.75,
        unit="share", interval="bootstrap", p_value=0.01, holm_p_value=0.02, noise="None.", rows=rows,
    )  # fmt: skip


def _claim(
    identifier: str, verdict: str, evidence: list[tuple[str, list[dict[str, Any]], int]], text: str = ""
) -> dict[str, Any]:
    told = {
        key: f"{key.replace('_', ' ')} of {identifier} {text}".strip()
        for key in ("claimed", "found", "statement", "where", "method", "criterion", "would_change", "check")
    }
    return entry(
        identifier,
        verdict,
        parts=[{"what": "a part", "claimed": "1", "found": "2", "verdict": verdict}],
        evidence=[
            {"what": w, "source": "archive/experiments", "rows": r, "total": t} for w, r, t in evidence
        ],
        notes=[f"A note on {identifier}. {text}"],
        **told,
    )
