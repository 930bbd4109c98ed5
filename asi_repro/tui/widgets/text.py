"""Text from outside as it may be shown: no markup is read, no control or bidirectional character obeyed."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from rich.text import Text

from asi_repro.text import terminal_safe

# Longer lines are cut: nobody reads them, and laying out megabytes stops the app.
MAX_LINE = 2_000


def safe_line(text: str, limit: int = MAX_LINE) -> str:
    """One line: control characters, line ends too, are escaped; what is longer than `limit` is cut."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return cut if cut.isprintable() else terminal_safe(cut, keep="")


def line(text: str, style: str | Style = "", *, limit: int = MAX_LINE) -> Text:
    """`safe_line` as a `Text`, which widgets never read as markup."""
    return Text(safe_line(text, limit), style=style, no_wrap=True, overflow="ellipsis", end="")


def safe_block(text: str) -> str:
    """Several lines, each cut at `MAX_LINE`; tabs become spaces."""
    lines = terminal_safe(text.replace("\r\n", "\n").expandtabs(4), keep="\n").split("\n")
    return "\n".join(one if len(one) <= MAX_LINE else one[: MAX_LINE - 1] + "…" for one in lines)


def block(text: str, style: str | Style = "") -> Text:
    """`safe_block` as a `Text`."""
    return Text(safe_block(text), style=style)


def cell(text: str, width: int) -> str:
    """Safe text in exactly `width` columns; what is cut ends in an ellipsis."""
    return set_cell_size(text, width) if cell_len(text) <= width else set_cell_size(text, width - 1) + "…"
