"""Texts of a trace inside a Markdown note: fenced, shown once, and as changes where they repeat another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import unified_diff
from typing import Any

from asi_repro.markdown import escape, fence

SHORT = 600
"""Characters of a text without `full`."""

_WORTH_NAMING = 120
_SHARED = 0.6
_CONTEXT = 2
_DIFF_LINES = 40


@dataclass
class Texts:
    """The texts that a note has shown so far.

    Args:
        full: show texts whole, however long, in place of their beginning or their changes.
    """

    full: bool = False
    _shown: dict[str, int] = field(default_factory=dict)
    _prompts: set[str] = field(default_factory=set)

    def show(self, title: str, text: str, sequence: int, *, prompt: bool = False) -> Iterator[str]:
        """Lines of a note with a text of the span `sequence` under a title.

        A text that was shown before is named by its span. One that shares most lines with an earlier one is
        shown as a unified diff: a program's versions, or a prompt with one more rejection in it. A prompt is
        held against prompts alone, which may have a whole program in them.
        """
        key = text.strip()
        yield ""
        if key in self._shown:
            yield f"**{title}**: *as in span {self._shown[key]}*"
            return
        before = None if self.full or len(key) <= SHORT else self._alike(key, prompt)
        if len(key) >= _WORTH_NAMING:
            self._shown[key] = sequence
            self._prompts.update([key] if prompt else [])
        if before is not None and (changes := _changes(before, key)) is not None:
            yield f"**{title}**, as changes to the one of span {self._shown[before]}"
            yield from ("", *fence(changes, "diff"))
            return
        yield f"**{title}**"
        cut = text if self.full or len(text) <= SHORT else text[:SHORT]
        yield from ("", *fence(cut))
        if len(cut) < len(text):
            yield from ("", f"*{len(text) - len(cut):,} more characters: `--full` shows them*")

    def show_call(self, title: str, given: str, sequence: int) -> Iterator[str]:
        """Lines with a tool's input: long texts inside its JSON each for itself, not escaped."""
        value = _object(given)
        long = {name: said for name, said in value.items() if isinstance(said, str) and "\n" in said}
        if not long:
            yield from self.show(title, given, sequence)
            return
        rest = {name: said for name, said in value.items() if name not in long}
        if rest:
            yield from self.show(title, json.dumps(rest, ensure_ascii=False, sort_keys=True), sequence)
        for name, said in long.items():
            yield from self.show(f"{title}, {escape(name)}", said, sequence)

    def _alike(self, text: str, prompt: bool) -> str | None:
        """The latest text shown that shares most lines with this one."""
        mine = set(text.splitlines())
        for other in reversed(self._shown):
            theirs = set(other.splitlines())
            if (
                (other in self._prompts) == prompt
                and len(other) > SHORT
                and len(mine & theirs) > _SHARED * max(len(mine), len(theirs))
            ):
                return other
        return None


def _changes(before: str, after: str) -> str | None:
    """A unified diff without its head; None where it is so long that the text's beginning says more."""
    diff = list(unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=_CONTEXT))[2:]
    return "\n".join(diff) if len(diff) <= _DIFF_LINES else None


def _object(given: str) -> dict[str, Any]:
    try:
        value = json.loads(given)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
