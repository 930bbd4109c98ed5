"""The theme's colours as styles for `rich.text.Text`, and the glyphs that say the same without colour."""

from __future__ import annotations

from dataclasses import dataclass

from rich.style import Style
from textual.app import App
from textual.color import Color, ColorParseError
from textual.theme import Theme


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
    # Not the app's theme_variables: just after the theme changed they are still those of the one before.
    return _tones(app.theme, app.current_theme)


_made: dict[str, tuple[Theme, Tones]] = {}


def _tones(name: str, theme: Theme) -> Tones:
    if name not in _made or _made[name][0] is not theme:
        _made[name] = theme, _from({**theme.to_color_system().generate(), **theme.variables})
    return _made[name][1]


def _from(found: dict[str, str]) -> Tones:
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
