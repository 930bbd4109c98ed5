"""Markdown of a run as lines: headings, lists, tables and code, but no link, image or HTML."""

from __future__ import annotations

from functools import lru_cache

from rich.console import Console
from rich.markdown import Markdown
from rich.style import Style
from rich.text import Text
from rich.theme import Theme

from asi_repro.tui.widgets.text import safe_block

_WIDEST = 100
_STYLES = {
    "markdown.h1": "bold underline",
    "markdown.h2": "bold underline",
    "markdown.h3": "bold",
    "markdown.h4": "bold",
    "markdown.code": "bold",
    "markdown.code_block": "dim",
    "markdown.item.bullet": "bold",
    "markdown.item.number": "bold",
    "markdown.block_quote": "italic",
    "markdown.link": "underline",
    "markdown.link_url": "dim",
    "markdown.table.border": "dim",
    "markdown.table.header": "bold",
}
# Longer texts are cut: laying out megabytes would stop the app.
MAX_CHARACTERS = 200_000


@lru_cache(maxsize=1)
def _theme() -> Theme:
    return Theme(_STYLES)


def markdown_lines(text: str, width: int) -> list[Text]:
    """`text` laid out for a terminal of `width` columns; a line is at most 100 wide."""
    cut = text[:MAX_CHARACTERS]
    shown = safe_block(cut) + ("\n\n…" if len(text) > len(cut) else "")
    console = Console(width=min(width, _WIDEST), theme=_theme(), color_system="truecolor", no_color=True)
    # Links would carry an address from outside into the terminal's own link escape.
    document = Markdown(shown, hyperlinks=False, code_theme="bw")
    lines = console.render_lines(document, pad=False)
    return [Text.assemble(*((s.text, _bare(s.style)) for s in line), no_wrap=True, end="") for line in lines]


def _bare(style: Style | None) -> Style:
    # Weight and slope only: colours belong to the theme, which the Markdown renderer does not know.
    if style is None:
        return Style()
    return Style(bold=style.bold, dim=style.dim, italic=style.italic, underline=style.underline)
