"""The reference page of the claims: what each says, when it would be contradicted, and the JSON's shape."""

from __future__ import annotations

from asi_repro.claims.finding import Verdict
from asi_repro.claims.ledger import Entry
from asi_repro.claims.texts import claim_texts, papers
from asi_repro.markdown import escape, table

VERDICTS = {
    Verdict.REPRODUCED: "the claim holds on what was released, under every reading of its sentence",
    Verdict.CONTRADICTED: "it does not hold under any reading, the lenient one included",
    Verdict.UNDECIDED: "the data cannot tell, or it holds under one reading and not under another",
    Verdict.NOT_CHECKABLE: "the data that it is about were not released",
    Verdict.NOT_YET_RUN: "it needs results of running the programs that are not there",
}


def reference_lines() -> list[str]:
    """The page's lines, without the mark of what made it."""
    texts = claim_texts().values()
    lines = [
        "# The claims",
        "",
        f"{len(texts)} claims of {len(papers())} paper{'s' * (len(papers()) > 1)}, kept in",
        "`asi_repro/claims/papers/`, one file a paper. One function a claim in `asi_repro/claims/checks/`",
        "works out its verdict from the archive and the papers' tables. No verdict is typed in.",
        "`asi-repro claims build` (stage `claims`) checks them all and writes `artifacts/claims.json`,",
        "`claims.csv`, `claims.md` and `claims_metrics.json`;",
        "`asi-repro claims [ID] [--paper PAPER] [--json]` reads the first.",
        "",
        *table(("verdict", "meaning"), [(v.value, meaning) for v, meaning in VERDICTS.items()]),
        "",
        "A sentence that can be read strictly or leniently is tested under both readings. A reading is as",
        "good as the worst of its parts, and the claim has the verdict that its readings share. Where",
        "several tests bear on one reading, p-values are adjusted by Holm's method and intervals by",
        "Bonferroni's.",
        "",
        "Random draws (permutations, bootstrap) come from `seed` and `claims.resamples` of params.yaml, with",
        "a stream of its own for each claim; numbers are kept to six digits. The same inputs give the same",
        "bytes.",
        "",
        "## JSON",
        "",
        "`asi-repro claims --json` prints a list of these objects, `asi-repro claims ID --json` a list of",
        "one. `artifacts/claims.json` has that list under `claims`, beside `schema_version`, `settings`,",
        "`papers`, `summary` (number of claims by verdict) and `measured` (rows of this project's own,",
        "shaped as claims).",
        "",
        *table(
            ("field", "meaning"),
            [(f"`{name}`", field.description or "") for name, field in Entry.model_fields.items()],
        ),
        "",
        "## Each claim and its criterion",
    ]
    for text in texts:
        lines += [
            "",
            f"### `{text.id}`",
            "",
            f"{escape(text.statement)} ({papers()[text.paper].name}, {escape(text.where)})",
            "",
            f"- Claimed: {escape(text.filled(text.claimed))} ({escape(text.unit)})",
            f"- Checked against: {escape(text.check)}",
            f"- Criterion: {escape(text.criterion)}",
            f"- What would change it: {escape(text.filled(text.would_change))}",
        ]
    return lines
