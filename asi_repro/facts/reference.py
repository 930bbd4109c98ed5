"""The reference page of the facts: every question with its method, and the JSON's shape."""

from __future__ import annotations

from asi_repro.facts.ledger import THEMES, Entry
from asi_repro.facts.outcome import Answer
from asi_repro.facts.registry import facts
from asi_repro.markdown import escape, table

ANSWERS = {
    Answer.YES: "so, and beyond noise where there is a test or an interval; a complete count needs none",
    Answer.NO: "not so, or the reverse is, in the same sense",
    Answer.UNKNOWN: "the data cannot tell it from noise, or the answer does not survive the correction",
    Answer.NOT_RUN: "the certificates or the recorded sweep that it needs are not there",
}


def reference_lines() -> list[str]:
    """The page's lines, without the mark of what made it."""
    asked = facts()
    lines = [
        "# Facts that neither paper states",
        "",
        f"{len(asked)} questions that a sceptical reader would ask, answered from the released data, the",
        "papers' tables, the certificates and the recorded sweep over the gallery. One function a question",
        "in `asi_repro/facts/found/`, their texts in `asi_repro/facts/questions.yaml`; no answer is typed",
        "in. `asi-repro facts build` (stage `facts`) answers them all and writes `artifacts/facts.json`;",
        "`asi-repro facts [NAME...] [--json]` reads it, and the report has them as a section.",
        "",
        *table(("answer", "meaning"), [(answer.value, meaning) for answer, meaning in ANSWERS.items()]),
        "",
        "Intervals are of 95%. The p-values of all questions that have a test are adjusted together by",
        "Holm's method; an answer whose adjusted p-value is 0.05 or more is *cannot tell*. Counts of all",
        "that was released, and intervals, have no p-value and are not adjusted. Each question was also put",
        "to made-up data in which it is so and in which it is not, in `tests/facts/fact_cases.py`.",
        "",
        "Random draws come from `seed` and `claims.resamples` of params.yaml, with a stream of its own for",
        "each question; numbers are kept to four digits.",
        "",
        "## JSON",
        "",
        "`asi-repro facts --json` prints a list of these objects. `artifacts/facts.json` has that list under",
        "`facts`, beside `schema_version`, `settings` and `summary` (questions by answer).",
        "",
        *table(
            ("field", "meaning"),
            [(f"`{name}`", field.description or "") for name, field in Entry.model_fields.items()],
        ),
    ]
    for theme, title in THEMES.items():
        lines += ["", f"## {title}"]
        for one in (one for one in asked.values() if one.theme == theme):
            lines += ["", f"### `{one.id}`", "", escape(one.question), "", escape(one.method)]
            lines += ["", f"Code: `{one.where.partition(':')[0]}`, `{one.find.__name__}`."]
    return lines
