"""The reference page of the claims: what each says, when it would be contradicted, and the JSON's shape."""

from __future__ import annotations

from importlib.resources import files

from asi_repro.claims.finding import Verdict
from asi_repro.claims.ledger import Entry
from asi_repro.claims.texts import claim_texts, papers
from asi_repro.markdown import escape, field_table, table

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
    count = len(papers())
    verdicts = table(("verdict", "meaning"), [(v.value, meaning) for v, meaning in VERDICTS.items()])
    head = (files(__package__) / "reference.md").read_text(encoding="utf-8")
    lines = head.format(
        count=len(texts),
        papers=f"{count} paper{'s' * (count > 1)}",
        verdicts="\n".join(verdicts),
        fields="\n".join(field_table(Entry)),
    ).splitlines()
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
