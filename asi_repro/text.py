"""Text from outside, made safe to show."""

from __future__ import annotations

import re

# Control characters and lone surrogates; bidirectional controls, which reorder what is shown so that
# source reads other than it runs; line and paragraph separators; private use.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
    "\ud800-\udfff\ue000-\uf8ff\U000f0000-\U0010ffff]"
)


def terminal_safe(text: str, *, keep: str = "\n\t") -> str:
    """`text` with control, escape and bidirectional characters shown as `\\x1b`-like escapes.

    Args:
        keep: control characters to leave as they are; "" for one-line fields.
    """
    return _UNSAFE.sub(lambda found: found[0] if found[0] in keep else _escaped(found[0]), text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
