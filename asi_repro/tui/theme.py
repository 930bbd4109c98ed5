"""Three themes of our own; Textual's others can be chosen too."""

from __future__ import annotations

from textual.color import Color
from textual.theme import Theme

DARK = Theme(
    name="repro-dark",
    primary="#5fa8d3",
    secondary="#8fb996",
    accent="#ffb454",
    warning="#e0a458",
    error="#e06c75",
    success="#7fb069",
    foreground="#d8dee9",
    background="#14171c",
    surface="#1a1e25",
    panel="#242a33",
    dark=True,
    variables={"footer-key-foreground": "#ffb454", "block-cursor-text-style": "bold"},
)
LIGHT = Theme(
    name="repro-light",
    primary="#1f5f8b",
    secondary="#3f6d45",
    accent="#9a4d00",
    warning="#8a5a00",
    error="#a8232f",
    success="#2f6b1f",
    foreground="#1c2128",
    background="#fbfaf7",
    surface="#f2f0ea",
    panel="#e4e1d8",
    dark=False,
    variables={"footer-key-foreground": "#9a4d00", "block-cursor-text-style": "bold"},
)
CONTRAST = Theme(
    name="repro-contrast",
    primary="#00d7ff",
    secondary="#ffffff",
    accent="#ffff00",
    warning="#ffaf00",
    error="#ff6e6e",
    success="#5fff5f",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#1c1c1c",
    dark=True,
    text_alpha=1.0,
    variables={
        "footer-key-foreground": "#ffff00",
        "block-cursor-text-style": "bold reverse",
        "text-muted": "#e4e4e4",
        "border": "#ffffff",
    },
)
THEMES = (DARK, LIGHT, CONTRAST)
# More would be seen from farther, but the colours of scores and verdicts are chosen for the background.
_CURSOR_TINT = 0.26


def row_cursor(theme: Theme) -> str:
    """The background of the row under the cursor, in any theme: its own, tinted with its first colour."""
    background = theme.background or ("#121212" if theme.dark else "#efefef")
    return Color.parse(background).blend(Color.parse(theme.primary), _CURSOR_TINT).hex
