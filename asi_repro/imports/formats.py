"""Which adapter reads a folder: found by looking at it, or named."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from asi_repro.errors import DataError, NotFound
from asi_repro.imports import asi_evolve, autoresearch, journal, neutral, openevolve, shinka
from asi_repro.imports.model import ImportedRun
from asi_repro.imports.reading import Reader

# Each has FORMAT, `recognise(reader)` and `read(reader)`. In the order in which they are asked.
_MODULES = (neutral, openevolve, shinka, asi_evolve, journal, autoresearch)
ADAPTERS: dict[str, ModuleType] = {module.FORMAT: module for module in _MODULES}


def read_run(place: Path, format_: str | None = None) -> ImportedRun:
    """The run at a place.

    Args:
        place: the folder that a system wrote, or a file of neutral JSON lines.
        format_: name of the adapter; found by looking where None.

    Raises:
        NotFound: for a format that there is not.
        DataError: where no format, or more than one, is recognised, or the run cannot be read.
        MissingInput: where there is nothing.
    """
    if format_ is not None and format_ not in ADAPTERS:
        raise NotFound(f"there is no format {format_!r}", hint=f"formats: {', '.join(ADAPTERS)}")
    if place.is_file():
        return neutral.read_file(place)
    reader = Reader(place)
    if format_ is not None:
        return _read(format_, reader)
    found = [name for name, adapter in ADAPTERS.items() if adapter.recognise(reader)]
    if len(found) == 1:
        return _read(found[0], reader)
    said = f"the folder looks like {' and '.join(found)}" if found else "no known system wrote this folder"
    raise DataError(
        said,
        where=str(place),
        hint=f"name the folder that holds the run itself, or choose with --format: {', '.join(ADAPTERS)}",
    )


def _read(name: str, reader: Reader) -> ImportedRun:
    found = ADAPTERS[name].read(reader)
    assert isinstance(found, ImportedRun)
    if reader.links:
        found.note(
            "ignored", f"{len(reader.links)} symbolic links were not followed, such as {min(reader.links)}"
        )
    return found
