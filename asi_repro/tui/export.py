"""What a view shows, as a file: CSV, JSON, SVG or text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from textual.app import App

from asi_repro.store.files import atomic_write
from asi_repro.store.json_text import dump_json
from asi_repro.text import csv_text

FORMATS = (("csv", "the rows, as CSV"), ("json", "the rows, as JSON"), ("svg", "the screen, as a picture"),
           ("txt", "the screen, as text"))  # fmt: skip
Rows = Sequence[dict[str, Any]]


def screen_lines(app: App[object]) -> str:
    """The screen as text."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips) + "\n"


def export(app: App[object], kind: str, name: str, rows: Rows, folder: Path) -> Path:
    """Write a new file of that format, numbered where there are others, and say where.

    Raises:
        AsiReproError: where it cannot be written.
    """
    if kind == "svg":
        text = app.export_screenshot(title=name)
    elif kind == "json":
        text = dump_json(list(rows))
    elif kind == "csv":
        text = csv_text(rows, list(dict.fromkeys(column for row in rows for column in row)))
    else:
        text = screen_lines(app)
    path = folder / f"asi-repro-{name}.{kind}"
    number = 1
    while path.exists():
        number += 1
        path = folder / f"asi-repro-{name}-{number}.{kind}"
    atomic_write(path, text)
    return path
