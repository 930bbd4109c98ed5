"""Pictures in the terminal, where it has an image protocol (Kitty's or Sixel).

textual-image asks the terminal what it can when it is imported, which must be before the app reads its
keys: `ask_terminal` does that where the environment names a terminal that may have a protocol.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.widget import Widget

# Asking costs a tenth of a second, and half a second where a terminal does not answer.
_CAPABLE = ("kitty", "wezterm", "ghostty", "iterm", "foot", "konsole", "contour", "mlterm", "sixel", "vscode")


def ask_terminal() -> None:
    """Let textual-image ask the terminal, if that is worth it."""
    named = " ".join(os.environ.get(name, "") for name in ("TERM", "TERM_PROGRAM", "LC_TERMINAL")).casefold()
    capable = "KITTY_WINDOW_ID" in os.environ or any(name in named for name in _CAPABLE)
    if capable and find_spec("textual_image") is not None and sys.__stdout__ is not None:
        import textual_image.widget  # noqa: F401


def can_draw() -> bool:
    """Whether `picture_widget` may draw something."""
    return "textual_image.widget" in sys.modules


def picture_widget(png: BytesIO) -> Widget | None:
    """A widget that draws the picture by the terminal's protocol; None where it has none."""
    if not can_draw():
        return None
    from textual_image.renderable import HalfcellImage, UnicodeImage
    from textual_image.renderable import Image as Best
    from textual_image.widget import Image

    if Best in (HalfcellImage, UnicodeImage):
        return None  # letters a tenth of a cell high tell nobody anything
    made: Any = Image(png)
    return made  # type: ignore[no-any-return]
