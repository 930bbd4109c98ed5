"""The theme's colours as styles for `rich.text.Text`, and the glyphs that say the same without colour."""

from __future__ import annotations

from dataclasses import dataclass

from rich.style import Style
from textual.app import App
from textual.color import Color, ColorParseError


@dataclass(frozen=True, slots=True)
class Tones:
    """Styles by meaning; made anew when the theme changes."""

    good: Style
    bad: Style
    warn: Style
    accent: Style
    primary: Style
    muted: Style
    strong: Style


def tones(app: App[object]) -> Tones:
    """Those of the app's theme."""
    found = app.theme_variables

    def style(name: str) -> Style:
        try:
            return Style(color=Color.parse(found[name]).rich_color)
        except (KeyError, ColorParseError):
            return Style()

    return Tones(
        good=style("success"),
        bad=style("error"),
        warn=style("warning"),
        accent=style("accent"),
        primary=style("primary"),
        muted=Style(dim=True),
        strong=Style(bold=True),
    )


def verdict_mark(verdict: str, look: Tones) -> tuple[str, Style]:
    """Glyph and style of the verdict of a claim or of a check."""
    if verdict in ("reproduced", "pass"):
        return "✓", look.good
    if verdict in ("contradicted", "fail"):
        return "✗", look.bad
    if verdict == "not checkable":
        return "?", look.warn
    return "·", look.muted
