"""Rows that Git holds: one small JSON file a finished piece of work, with its key and a checksum of itself.

A row holds what later runs of the command need and nothing large: no weights, no program. By its key a row of
other code is known as such; by its checksum an edited one is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from pydantic import Field, ValidationError

from asi_repro.errors import DataError
from asi_repro.store.checksums import SUM, checked, with_checksum
from asi_repro.store.files import atomic_write
from asi_repro.store.json_text import dump_json
from asi_repro.store.records import Record, first_fault

NAME = re.compile(r"[A-Za-z0-9_-]+")
# What differs between the models of one sweep, and what may differ between the runs that fill it.
_NOT_CONDITIONS = ("model", "seed", "code", "versions", "machine")
Freshness = Literal["current", "earlier", "other"]


class RecordedRow(Record):
    """What all rows have."""

    schema_version: Literal[1] = 1
    name: str = Field(pattern=NAME.pattern, max_length=80, description="Name of the model.")
    seed: int = Field(ge=0, description="Seed of the model and of what it is trained on.")
    key: str = Field(description="SHA-256 over everything that the result depends on.")
    program: str = Field(description="SHA-256 of the program; the name of a baseline.")
    conditions: str = Field(description="SHA-256 of what all models that are compared share.")
    cpu_seconds: float = Field(ge=0, description="Processor time of all of it, as it was spent.")
    hardware: str = Field(description="The machine.")

    @property
    def place(self) -> tuple[str, ...]:
        """The words of its file's name before the seed, the model's name first."""
        return (self.name,)

    def freshness(self, *, key: str, program: str, conditions: str) -> Freshness:
        """Of the very code that runs, of the same work by earlier code, or of other work."""
        if self.program != program or self.conditions != conditions:
            return "other"
        return "current" if self.key == key else "earlier"


Row = TypeVar("Row", bound=RecordedRow)


@dataclass(frozen=True)
class RowFiles(Generic[Row]):
    """The files of one kind of row in the folder of a sweep.

    Attributes:
        model: the kind.
        subfolder: of the sweep's folder, where they lie.
    """

    model: type[Row]
    subfolder: str

    def path(self, folder: Path, *words: str | int) -> Path:
        """Where a row of a sweep's folder is.

        Args:
            words: its `place` and its seed.

        Raises:
            DataError: for a name that is no plain file name.
        """
        *place, seed = map(str, words)
        if not NAME.fullmatch(place[0]):
            raise DataError(f"{place[0]!r} is not the name of a model")
        return folder / self.subfolder / f"{'.'.join(place)}.seed-{seed}.json"

    def paths(self, folder: Path) -> list[Path]:
        """The files of the rows of a sweep's folder, sorted."""
        return sorted((folder / self.subfolder).glob("*.json"))

    def write(self, row: Row, folder: Path) -> None:
        """Write a row into a sweep's folder, whole or not at all."""
        path = self.path(folder, *row.place, row.seed)
        atomic_write(path, dump_json(with_checksum(row.model_dump())))

    def read(self, path: Path) -> Row:
        """What `write` wrote.

        Raises:
            DataError: where it is not that, was edited, or lies under another's name.
        """
        hint = f"restore it (git checkout {path.name}) or delete it: the sweep then trains that model again"
        where = {"where": str(path), "hint": hint}
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise DataError("the row cannot be read as JSON", **where) from error
        if isinstance(value, dict) and SUM not in value:
            raise DataError("the row has no checksum", **where)
        try:
            row = self.model.model_validate(checked(value, "the row is", **where))
        except ValidationError as error:
            raise DataError(f"the file is not a row: {first_fault(error)}", **where) from error
        if path.name != self.path(path.parent.parent, *row.place, row.seed).name:
            raise DataError(f"the row is of {' on '.join(row.place)} seed {row.seed}", **where)
        return row

    def read_all(self, folder: Path) -> tuple[list[Row], list[DataError]]:
        """The rows of a sweep's folder in order of place and seed, and what is wrong with the others."""
        rows: list[Row] = []
        damaged: list[DataError] = []
        for path in self.paths(folder):
            try:
                rows.append(self.read(path))
            except DataError as error:
                damaged.append(error)
        return sorted(rows, key=lambda row: (row.place, row.seed)), damaged


def shared_conditions(identity: Mapping[str, Any]) -> dict[str, Any]:
    """What all models that are compared share of an identity: not code and versions."""
    return {name: value for name, value in identity.items() if name not in _NOT_CONDITIONS}
