"""Everything that is written can be read: in each theme, in every view, in the dialogs and without colour."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from unittest import mock

import pytest
from browsing import press, run_app
from rich.color_triplet import ColorTriplet
from snapshots import check_text, colours
from textual.app import App
from textual.color import Color

from asi_repro.tui.app import BrowseApp
from asi_repro.tui.run_data import Source
from asi_repro.tui.theme import LIGHT, THEMES, row_cursor, theme_styles
from asi_repro.tui.widgets.score import ScoreScale

# Of WCAG: 4.5 for text; what is dimmed on purpose (guides, context rows, indices) keeps half of it.
LEAST = 2.2
# Bars, dots and rules are no text, and the faintest of them are there for looks only.
_DRAWN = frozenset("▁▂▃▄▅▆▇█▊▋▌▍▎▏░▒▓│─┌┐└┘├┤┬┴┼╭╮╰╯━┃▔▕▉▐▀▜▟▙▛▖▗▘▝▞▚╱╲·")


def luminance(colour: ColorTriplet) -> float:
    """Relative luminance, as WCAG has it."""
    parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in colour.normalized]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def triplet(colour: str) -> ColorTriplet:
    """A colour of a theme."""
    return Color.parse(colour).rich_color.get_truecolor()


def contrast(one: ColorTriplet, other: ColorTriplet) -> float:
    """1 for the same colour, 21 for black on white."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def faint(app: BrowseApp) -> Iterator[tuple[float, str]]:
    """(contrast, text) of what has less contrast than it should."""
    for strip in app.screen._compositor.render_strips():
        for segment in strip:
            text = "".join(c for c in segment.text if c not in _DRAWN and not 0x2800 <= ord(c) < 0x2900)
            style = segment.style
            if not text.strip() or style is None or style.color is None or style.bgcolor is None:
                continue
            ratio = contrast(style.color.get_truecolor(), style.bgcolor.get_truecolor())
            if ratio < LEAST:
                yield ratio, segment.text.strip()


async def walk(source: Source) -> dict[str, list[tuple[float, str]]]:
    """What is faint, by the screen it is on."""
    found: dict[str, list[tuple[float, str]]] = {}
    async with run_app(source, size=(120, 30)) as pilot:
        for theme in THEMES:
            pilot.app.theme = theme.name
            for keys in ("1", "end", "enter", *"PDTHCOR345670"):
                await press(pilot, keys)
                found[f"{theme.name} {keys}"] = sorted(faint(pilot.app))
    return {name: some for name, some in found.items() if some}


@pytest.mark.parametrize("colour", [True, False], ids=["colour", "NO_COLOR"])
def test_all_text_can_be_read(made_up_source: Source, colour: bool) -> None:
    with mock.patch.dict(os.environ, {} if colour else {"NO_COLOR": "1"}):
        assert asyncio.run(walk(made_up_source)) == {}


def test_the_light_theme_has_the_contrast_that_wcag_asks_of_text() -> None:
    app = App[None]()
    app.register_theme(LIGHT)
    app.theme = LIGHT.name
    styles, ground = theme_styles(app), triplet(str(LIGHT.background))
    text = {name: getattr(styles, name).color for name in ("good", "bad", "warn", "accent", "primary")}
    colours = {name: colour.get_truecolor() for name, colour in text.items()}
    grounds = {"row": triplet(row_cursor(LIGHT)), "panel": triplet(str(LIGHT.panel)), "ground": ground}
    grounds |= {name: getattr(styles, name).bgcolor.get_truecolor() for name in ("added", "removed")}
    found = {(a, b): contrast(colours[a], grounds[b]) for a in colours for b in grounds}
    for style in ScoreScale([1.0], dark=False).styles:
        found["score", str(style)] = contrast(style.color.get_truecolor(), ground)
    for name in ("added_part", "removed_part"):
        style = getattr(styles, name)
        found["code", name] = contrast(style.color.get_truecolor(), style.bgcolor.get_truecolor())
    assert {pair: ratio for pair, ratio in found.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("theme", ["repro-dark", "repro-light"])
def test_colours_are_those_that_were_looked_at(made_up_source: Source, theme: str) -> None:
    async def go() -> str:
        shown = []
        async with run_app(made_up_source, size=(120, 40), theme=theme) as pilot:
            for keys in ("end", "enter", "3", "4", "0"):
                await press(pilot, keys)
                shown.append(f"══ {pilot.app.run_state.view}\n{colours(pilot.app)}")
        return "\n".join(shown)

    check_text(asyncio.run(go()), f"colours-{theme}")
