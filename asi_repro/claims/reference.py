"""The reference page of the claims: what each says, when it would be contradicted, and the JSON's shape."""

from __future__ import annotations

from asi_repro.claims.finding import Verdict
from asi_repro.claims.page import escaped
from asi_repro.claims.texts import claim_texts

VERDICTS = {
    Verdict.REPRODUCED: "every part of the claim holds on what was released",
    Verdict.CONTRADICTED: "at least one part does not hold, by the criterion stated with it",
    Verdict.NOT_CHECKABLE: "what was released cannot decide it",
    Verdict.NOT_YET_RUN: "it needs results of running the programs that are not there",
}

FIELDS = {
    "id": "name of the claim",
    "verdict": "one of the four above",
    "claimed": "what the paper claims, in a few words",
    "found": "what was found, in the same order",
    "method": "how, in one sentence",
    "statement": "the claim, paraphrased",
    "where": "section, figure or table of the paper",
    "unit": "what the figures count",
    "check": "what the claim is held against",
    "criterion": "what counts as contradicting it",
    "would_change": "what would change the verdict",
    "claimed_figures": "object: the paper's numbers by name",
    "found_figures": "object: the numbers found by name; null where there is none",
    "parts": "list of objects `what`, `claimed`, `found`, `verdict`; the worst is the claim's verdict",
    "evidence": "list of objects `what`, `source`, `rows` (objects; those of experiments have `index`), "
    "`total` (how many rows there are, listed or not)",
    "notes": "list of sentences that bear on the verdict",
}


def reference_lines() -> list[str]:
    """The page's lines, without the mark of what made it."""
    texts = claim_texts().values()
    lines = [
        "# The claims",
        "",
        f"{len(texts)} claims of the paper, kept in `asi_repro/claims/claims.yaml`. One function a claim in",
        "`asi_repro/claims/checks/` works out its verdict from the archive and the paper's tables. No",
        "verdict is typed in. `asi-repro claims build` (stage `claims`) checks them all and writes",
        "`artifacts/claims.json`, `claims.md` and `claims_metrics.json`; `asi-repro claims [ID] [--json]`",
        "reads the first.",
        "",
        "| verdict | meaning |",
        "|---|---|",
        *(f"| {verdict.value} | {meaning} |" for verdict, meaning in VERDICTS.items()),
        "",
        "Random draws (permutations, bootstrap) come from `seed` and `claims.resamples` of params.yaml, with",
        "a stream of its own for each claim; numbers are kept to six digits. The same inputs give the same",
        "bytes.",
        "",
        "## JSON",
        "",
        "`asi-repro claims --json` prints a list of these objects, `asi-repro claims ID --json` a list of",
        "one. `artifacts/claims.json` has that list under `claims`, beside `schema_version`, `settings` and",
        "`summary` (number of claims by verdict).",
        "",
        "| field | meaning |",
        "|---|---|",
        *(f"| `{field}` | {meaning} |" for field, meaning in FIELDS.items()),
        "",
        "## Each claim and its criterion",
    ]
    for text in texts:
        lines += [
            "",
            f"### `{text.id}`",
            "",
            f"{escaped(text.statement)} ({escaped(text.where)})",
            "",
            f"- Claimed: {escaped(text.claimed_text)} ({escaped(text.unit)})",
            f"- Checked against: {escaped(text.check)}",
            f"- Criterion: {escaped(text.criterion_text)}",
            f"- What would change it: {escaped(text.would_change_text)}",
        ]
    return lines
