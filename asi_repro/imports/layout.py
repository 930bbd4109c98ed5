"""Where the parts of an imported run are in its folder."""

from __future__ import annotations

from pathlib import Path

FILE, ARCHIVE, HISTORY = "import.json", "archive", "history.bundle"


def is_import(folder: Path) -> bool:
    """Whether the folder of a run is that of an imported one."""
    return (folder / FILE).is_file()
