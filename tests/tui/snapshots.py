"""Screens kept as text beside the tests; UPDATE_SNAPSHOTS=1 writes them anew, to be read in the diff."""

from __future__ import annotations

import difflib
import os
from collections import Counter
from pathlib import Path
from string import ascii_letters, digits

from browsing import screen_text
from rich.style import Style

from asi_repro.tui.app import BrowseApp

FOLDER = Path(__file__).parent / "snapshots"


def check_screen(app: BrowseApp, name: str) -> None:
    """The screen is the one kept under `name` and the size."""
    check_text(screen_text(app), f"{name}-{app.size.width}x{app.size.height}")


def colours(app: BrowseApp) -> str:
    """The screen's styles: a letter for each cell, `.` for the most common, and what each letter is."""
    rows = [
        [said for part in strip for said in [_style(part.style)] * part.cell_length]
        for strip in app.screen._compositor.render_strips()
    ]
    styles = [style for style, _ in Counter(one for row in rows for one in row).most_common()]
    letters = dict(zip(styles, "." + ascii_letters + digits, strict=False))
    lines = ["".join(letters[one] for one in row) for row in rows]
    return "\n".join([*lines, *(f"{letter} {style}" for style, letter in letters.items())])


def check_text(shown: str, name: str) -> None:
    """What is shown is what was kept under `name`."""
    shown = shown.rstrip() + "\n"
    kept = FOLDER / f"{name}.txt"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        FOLDER.mkdir(exist_ok=True)
        kept.write_text(shown, encoding="utf-8")
        return
    assert kept.is_file(), f"no snapshot {kept.name}: run with UPDATE_SNAPSHOTS=1 and read it"
    before = kept.read_text(encoding="utf-8")
    changes = difflib.unified_diff(before.splitlines(), shown.splitlines(), "kept", "shown", lineterm="")
    assert shown == before, "\n".join(changes)


def _style(style: Style | None) -> str:
    """Its colours and weight; where a click leads is left out."""
    if style is None:
        return "none"
    colours = [None if one is None else one.name for one in (style.color, style.bgcolor)]
    marks = [n for n in ("bold", "dim", "italic", "underline", "reverse") if getattr(style, n)]
    return " ".join([colours[0] or "-", "on", colours[1] or "-", *marks])
