"""The cognition base: entries distilled from papers, which the Researcher drew on."""

from __future__ import annotations

import re
from typing import Any

from asi_repro.archive.reader import Archive
from asi_repro.errors import NotFound

TEXTS = (
    "design_insight",
    "experimental_trigger_patterns",
    "background",
    "algorithmic_innovation",
    "implementation_guidance",
)
_HEADING = re.compile(r"^\s*#*\s*(?:DESIGN_INSIGHT[\w ]*:)?\s*")


def entries(archive: Archive) -> list[dict[str, Any]]:
    """Every entry with id, file, position, title and its texts, in the order of the archive."""
    return [_with_title(row) for row in archive.table("cognition").to_pylist()]


def find_entry(archive: Archive, key: str) -> dict[str, Any] | None:
    """The entry of that id; None where `key` does not look like one.

    Raises:
        NotFound: for an id that is not there, where the file or the position is wrong.
    """
    every = archive.table("cognition", ["id"])["id"].to_pylist()
    if key in every:
        return _with_title(archive.table("cognition").slice(every.index(key), 1).to_pylist()[0])
    if "#" not in key or " " in key:
        return None
    file = key.partition("#")[0]
    same = [other for other in every if other.partition("#")[0] == file]
    hint = f"there are: {', '.join(same[:12])}" if same else "`asi-repro cognition` lists every entry"
    raise NotFound(f"the cognition base has no entry {key!r}", hint=hint)


def entry_title(archive: Archive, key: str) -> str:
    """The first line of an entry's insight, without its heading marks.

    Raises:
        KeyError: where there is no such entry.
    """
    table = archive.table("cognition", ["id", "design_insight"])
    for found, insight in zip(table["id"].to_pylist(), table["design_insight"].to_pylist(), strict=True):
        if found == key:
            return _title(insight)
    raise KeyError(key)


def _with_title(row: dict[str, Any]) -> dict[str, Any]:
    return {"title": _title(row["design_insight"]), **row}


def _title(insight: str) -> str:
    line = next((line for line in insight.splitlines() if line.strip()), "")
    bare = _HEADING.sub("", line).strip().strip("*")
    if bare.startswith("[") and bare.endswith("]"):
        bare = bare[1:-1]
    return bare or line.strip()
