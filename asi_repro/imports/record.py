"""import.json: where an imported run came from, and what was odd about it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from asi_repro.archive.node_model import GHOST
from asi_repro.imports.layout import FILE
from asi_repro.imports.model import Notice
from asi_repro.store.records import Record, read_record


class ImportRecord(Record):
    """import.json: where a run came from, beside its tables."""

    schema_: Annotated[int, Field(alias="schema", ge=1, le=1)] = 1
    system: str
    score: str
    direction: str
    direction_from: str
    statuses: dict[str, int]
    notices: list[Notice]

    @property
    def experiments(self) -> int:
        """Experiments with a record of their own: ghosts are not among them."""
        return sum(count for status, count in self.statuses.items() if status != GHOST)


def read_import(folder: Path) -> ImportRecord:
    """The import.json of a run.

    Raises:
        MissingInput: where there is none.
        DataError: where it is damaged.
    """
    return read_record(
        folder / FILE,
        ImportRecord,
        missing="this is not an imported run",
        make="`asi-repro import DIR --run NAME` makes one",
    )


def notices(folder: Path) -> list[Notice]:
    """What was noted when a run was imported."""
    return read_import(folder).notices
