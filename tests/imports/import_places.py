"""What the tests of imports share: the runs in data/, a project to import them into, and neutral files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from asi_repro.imports.folder import Imported, write_import
from asi_repro.imports.formats import read_run

DATA = Path(__file__).resolve().parent / "data"
HEADER = {"format": "asi_repro.run/1", "system": "Ours", "score": "loss", "direction": "minimize"}


def make_project(folder: Path) -> Path:
    """A folder that `asi-repro` takes for a project."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dvc.yaml").write_text("stages: {}\n")
    shutil.copy(DATA.parents[2] / "params.yaml", folder)
    return folder


def write_neutral(path: Path, nodes: Iterable[dict[str, Any]], **header: Any) -> Path:
    """A file of neutral JSON lines."""
    lines = [json.dumps({**HEADER, **header}), *(json.dumps(node) for node in nodes)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def imported(place: Path, folder: Path, format_: str | None = None) -> Imported:
    """A run imported into a folder."""
    return write_import(read_run(place, format_), folder)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }
