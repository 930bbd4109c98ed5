"""Three themes of our own, and any theme's colours as styles for `rich.text.Text`."""

from __future__ import annotations

from dataclasses import dataclass

from rich.style import Style
from textual.app import App
from textual.color import Color, ColorParseError
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
    secondary="#36603b",
    accent="#8f4700",
    warning="#7a4f00",
    error="#a8232f",
    success="#285c1b",
    foreground="#1c2128",
    background="#fbfaf7",
    surface="#f2f0ea",
    panel="#e4e1d8",
    dark=False,
    variables={"footer-key-foreground": "#8f4700", "block-cursor-text-style": "bold"},
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
_CURSOR_TINT = {True: 0.26, False: 0.2}  # dark or not


def row_cursor(theme: Theme) -> str:
    """The background of the row under the cursor, in any theme: its own, tinted with its first colour."""
    background = theme.background or ("#121212" if theme.dark else "#efefef")
    return Color.parse(background).blend(Color.parse(theme.primary), _CURSOR_TINT[theme.dark]).hex


@dataclass(frozen=True, slots=True)
class ThemeStyles:
    """Styles by meaning; made anew when the theme changes. The last four are backgrounds of a diff."""

    good: Style
    bad: Style
    warn: Style
    accent: Style
    primary: Style
    muted: Style
    strong: Style
    added: Style
    removed: Style
    added_part: Style
    removed_part: Style


_made: dict[tuple[str, bool], tuple[Theme, ThemeStyles]] = {}


def theme_styles(app: App[object]) -> ThemeStyles:
    """Those of the app's theme; without colours, what is bad stands out by its weight."""
    # Not the app's theme_variables: just after the theme changed they are still those of the one before.
    key, theme = (app.theme, app.no_color), app.current_theme
    if key not in _made or _made[key][0] is not theme:
        found = {**theme.to_color_system().generate(), **theme.variables}
        styles = {name: _colour(found, name) for name in ("accent", "primary")}
        bad = _colour(found, "foreground") + Style(bold=True) if app.no_color else _colour(found, "error")
        part = _colour(found, "foreground") + Style(dim=False)  # on that much tint no other can be read
        _made[key] = theme, ThemeStyles(
            good=_colour(found, "success"), bad=bad, warn=_colour(found, "warning"), **styles,
            muted=Style(dim=True), strong=Style(bold=True),
            added=_tint(found, "success", 0.16), removed=_tint(found, "error", 0.16),
            added_part=part + _tint(found, "success", 0.42), removed_part=part + _tint(found, "error", 0.42),
        )  # fmt: skip
    return _made[key][1]


def _colour(found: dict[str, str], name: str) -> Style:
    try:
        return Style(color=Color.parse(found[name]).rich_color)
    except (KeyError, ColorParseError):
        return Style()


def _tint(found: dict[str, str], name: str, strength: float) -> Style:
    """The background with a little of a colour."""
    try:
        tinted = Color.parse(found["background"]).blend(Color.parse(found[name]), strength)
    except (KeyError, ColorParseError):
        return Style()
    return Style(bgcolor=tinted.rich_color)


def verdict_mark(verdict: str, theme: ThemeStyles) -> tuple[str, Style]:
    """Glyph and style of the verdict of a claim or a check, or of the answer to a question of our own."""
    if verdict in ("reproduced", "pass"):
        return "✓", theme.good
    if verdict in ("contradicted", "fail"):
        return "✗", theme.bad
    if verdict in ("undecided", "cannot tell"):
        return "~", theme.warn
    if verdict in ("yes", "no"):  # neither is good or bad
        return ("●", theme.accent) if verdict == "yes" else ("○", theme.primary)
    return ("?" if verdict == "not checkable" else "·"), theme.muted
