"""provenance.json: what a result was made from, beside the result.

The last digits of what is measured differ between machines. DVC hashes this file in its place (.dvcignore):
dvc.lock is then the same everywhere, and still changes with everything that a result depends on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Optional

from pydantic import Field

from asi_repro.store.files import sha256_bytes
from asi_repro.store.json_text import dump_json
from asi_repro.store.records import Record, read_record, write_record

PROVENANCE = "provenance.json"
Kind = Literal["training", "scores", "certificates"]


class Provenance(Record):
    """Everything that a result depends on. Two results of equal provenance agree but for rounding."""

    schema_version: Literal[1] = 1
    kind: Kind = Field(description="What the result is.")
    programs: dict[str, str] = Field(description="SHA-256 of each program by name; a baseline's is its name.")
    data: dict[str, Any] = Field(description="Hashes of the data, and the keys of results that went in.")
    settings: dict[str, Any] = Field(description="Every setting that it depends on.")
    seed: Optional[int] = Field(description="The seed; null where nothing is drawn.")
    versions: dict[str, str] = Field(description="Versions of the libraries that its code imports.")
    code: str = Field(description="SHA-256 over the modules of this package that it depends on.")
    machine: str = Field(description="Kind of processor.")

    @property
    def key(self) -> str:
        """SHA-256 over all of it."""
        return sha256_bytes(dump_json(self.model_dump()).encode())


def write_provenance(provenance: Provenance, folder: Path) -> None:
    """Write provenance.json into the folder of a result."""
    write_record(folder / PROVENANCE, provenance)


def read_provenance(folder: Path) -> Provenance:
    """What the result in `folder` was made from.

    Raises:
        MissingInput: where nothing says it.
        DataError: where it is damaged.
    """
    return read_record(
        folder / PROVENANCE, Provenance, missing="nothing says what it was made from", make="make it again"
    )
