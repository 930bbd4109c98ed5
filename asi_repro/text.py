"""Text from outside, made safe to show."""

from __future__ import annotations

import unicodedata

# Bidirectional controls reorder what is shown, so that source reads other than it runs.
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def terminal_safe(text: str, *, keep: str = "\n\t") -> str:
    """`text` with control, escape and bidirectional characters shown as `\\x1b`-like escapes.

    Args:
        keep: control characters to leave as they are; "" for one-line fields.
    """
    return "".join(c if c in keep or not _unsafe(c) else _escaped(c) for c in text)


def _unsafe(character: str) -> bool:
    return character in _BIDI or unicodedata.category(character) in ("Cc", "Cs", "Co", "Zl", "Zp")


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
