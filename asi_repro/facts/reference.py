"""The reference page of the facts: every question with its method, and the JSON's shape."""

from __future__ import annotations

from importlib.resources import files

from asi_repro.facts.ledger import THEMES, Entry
from asi_repro.facts.outcome import Answer
from asi_repro.facts.registry import facts
from asi_repro.markdown import escape, field_table, table

ANSWERS = {
    Answer.YES: "so, and beyond noise where there is a test or an interval; a complete count needs none",
    Answer.NO: "not so, or the reverse is, in the same sense",
    Answer.UNKNOWN: "the data cannot tell it from noise, or the answer does not survive the correction",
    Answer.NOT_RUN: "the certificates or the recorded sweep that it needs are not there",
}


def reference_lines() -> list[str]:
    """The page's lines, without the mark of what made it."""
    asked = facts()
    answers = table(("answer", "meaning"), [(answer.value, meaning) for answer, meaning in ANSWERS.items()])
    head = (files(__package__) / "reference.md").read_text(encoding="utf-8")
    lines = head.format(
        count=len(asked), answers="\n".join(answers), fields="\n".join(field_table(Entry))
    ).splitlines()
    for theme, title in THEMES.items():
        lines += ["", f"## {title}"]
        for one in (one for one in asked.values() if one.theme == theme):
            lines += ["", f"### `{one.id}`", "", escape(one.question), "", escape(one.method)]
            lines += ["", f"Code: `{one.where.partition(':')[0]}`, `{one.find.__name__}`."]
    return lines
