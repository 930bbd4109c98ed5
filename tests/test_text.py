"""Outside text that is shown neither steers a terminal nor hides what it says."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from asi_repro.text import terminal_safe

HOSTILE = ("Cc", "Cs", "Co", "Zl", "Zp")


@given(st.text(st.characters(exclude_categories=[])))
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    shown = terminal_safe(text, keep="")
    assert not [c for c in shown if unicodedata.category(c) in HOSTILE]
    assert not [c for c in shown if unicodedata.bidirectional(c) in ("LRE", "RLE", "LRO", "RLO", "PDF")]
    assert not [c for c in shown if unicodedata.bidirectional(c) in ("LRI", "RLI", "FSI", "PDI")]


@given(st.text(st.characters(codec="utf-8", exclude_categories=[*HOSTILE, "Cf"])))
def test_plain_text_is_left_as_it_is(text: str) -> None:
    assert terminal_safe(text) == text


def test_what_is_kept_and_what_is_shown() -> None:
    assert terminal_safe("a\tb\n\x1b[31mc\u202ed") == "a\tb\n\\x1b[31mc\\u202ed"
    assert terminal_safe("a\nb", keep="") == "a\\nb"
