"""The claims table that heads the report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Block, Paragraph, Table

# The order in which verdicts are counted; one that is not here comes after them.
VERDICTS = ("reproduced", "contradicted", "not checkable", "not yet run")


def verdict_counts(claims: list[dict[str, Any]]) -> dict[str, int]:
    """Claims by verdict, the known verdicts first even where none has them."""
    counts = dict.fromkeys(VERDICTS, 0)
    for claim in claims:
        counts[claim["verdict"]] = counts.get(claim["verdict"], 0) + 1
    return counts


def blocks(inputs: Inputs) -> tuple[Block, ...]:
    """How to read the table, and the table."""
    rows = tuple(
        (claim["id"], claim["verdict"], shown(claim["claimed"]), shown(claim["found"]))
        for claim in inputs.claims
    )
    return (
        Paragraph(
            "Each verdict is computed from the released files and from the paper's printed tables. "
            "“Contradicted” means that at least one part of the claim does not hold on them; "
            "“not checkable” that what was released cannot decide it. "
            "`asi-repro claims ID` shows one in depth: how it was checked, and the rows that show it."
        ),
        Table(
            caption=f"All {len(rows)} claims: what the paper says, and what was found.",
            header=("claim", "verdict", "claimed", "found"),
            rows=rows,
            badges=1,
            link=0,
            details=tuple(_detail(claim) for claim in inputs.claims),
        ),
    )


def _detail(claim: Mapping[str, Any]) -> str:
    """The claim as the paper makes it, the method, and what decides."""
    where = f" ({claim['where']})" if claim.get("where") else ""
    said = (f"{claim.get('statement', '')}{where}", claim.get("method"), claim.get("criterion"))
    return " — ".join(str(text).strip() for text in said if text and str(text).strip())


def shown(value: object) -> str:
    """A claimed or found value as text: a text as it is, anything else as short JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {shown(item)}" for key, item in value.items())
    return json.dumps(value, ensure_ascii=False)
