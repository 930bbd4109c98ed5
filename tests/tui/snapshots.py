"""Screens kept as text beside the tests; UPDATE_SNAPSHOTS=1 writes them anew, to be read in the diff."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from browsing import screen_text

from asi_repro.tui.app import BrowseApp

FOLDER = Path(__file__).parent / "snapshots"


def check_screen(app: BrowseApp, name: str) -> None:
    """The screen is the one kept under `name` and the size."""
    shown = screen_text(app).rstrip() + "\n"
    kept = FOLDER / f"{name}-{app.size.width}x{app.size.height}.txt"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        FOLDER.mkdir(exist_ok=True)
        kept.write_text(shown, encoding="utf-8")
        return
    assert kept.is_file(), f"no snapshot {kept.name}: run with UPDATE_SNAPSHOTS=1 and read it"
    before = kept.read_text(encoding="utf-8")
    changes = difflib.unified_diff(before.splitlines(), shown.splitlines(), "kept", "shown", lineterm="")
    assert shown == before, "\n".join(changes)
