"""Text from outside, as HTML and as Markdown show it: the characters it has, and no markup."""

from __future__ import annotations

import re

from asi_repro.text import terminal_safe

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$&<>:@=^\"'/])")
_CODE = re.compile(r"`([^`]+)`")


def visible(text: object) -> str:
    """One line without control, escape or bidirectional characters; not yet escaped for any format."""
    return " ".join(terminal_safe(str(text), keep="\n\t").split())


def slug(text: str) -> str:
    """A name as an anchor: letters, digits and hyphens."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower() or "x"


def markdown(text: object) -> str:
    """Text as Markdown that renders as this text (CommonMark, and tables and mathematics of GitHub)."""
    return _MARKDOWN.sub(r"\\\1", visible(text))


def markdown_prose(text: str) -> str:
    """Our own sentences: as `markdown`, but `code` in backquotes stays code."""
    parts = _CODE.split(visible(text))
    return "".join(f"`{part}`" if i % 2 else markdown(part) for i, part in enumerate(parts))


def html_prose(escaped: str) -> str:
    """Our own sentences, already escaped for HTML: `code` in backquotes becomes code."""
    return _CODE.sub(r"<code>\1</code>", escaped)
