"""The rows of the capability probes: one small file a model, task and seed, artifacts/sweeps/laptop/probes.

As a sweep's rows they carry the key of what was run and a checksum of themselves. A model that fails or
diverges has a row that says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Optional

from pydantic import Field

from asi_repro.errors import DataError
from asi_repro.results.sweep_rows import Standing, read_summed, restore_hint
from asi_repro.store.checksums import with_checksum
from asi_repro.store.files import atomic_write
from asi_repro.store.json_text import dump_json
from asi_repro.store.records import Record

PROBES_FOLDER = "probes"
PASSED = 0.9
_NAME = re.compile(r"[A-Za-z0-9_-]+")
Share = Annotated[float, Field(ge=0, le=1)]


class ProbeRow(Record):
    """One model on one task."""

    schema_version: Literal[1] = 1
    name: str = Field(pattern=_NAME.pattern, max_length=80, description="Name of the model.")
    task: str = Field(pattern=_NAME.pattern, max_length=40, description="Name of the task.")
    seed: int = Field(ge=0, description="Seed of the model and of its training sequences.")
    key: str = Field(description="SHA-256 over everything that the answers depend on.")
    program: str = Field(description="SHA-256 of the program; the name of a baseline.")
    conditions: str = Field(description="SHA-256 of what all models share: frame, recipe, task.")
    trouble: str = Field(max_length=400, description="Why it did not end; empty where it did.")
    score: Optional[Share] = Field(description="Share of right answers in the test after the last step.")
    chance: Share = Field(description="That share of a guess.")
    asked: int = Field(ge=1, description="Answers asked in the test.")
    tokens: int = Field(ge=0, description="Tokens seen in training.")
    tokens_to_pass: Optional[int] = Field(
        description="Those at the first test with nine of ten right; null: not reached (censored)."
    )
    curve: dict[Annotated[str, Field(pattern="^[0-9]{1,9}$")], Share] = Field(
        description="Accuracy in the test by training tokens."
    )
    parameters: Optional[int] = Field(description="Of the model; null where it did not come to be.")
    cpu_seconds: float = Field(ge=0, description="Processor time of training and test.")
    hardware: str = Field(description="The machine.")

    def standing(self, *, key: str, program: str, conditions: str) -> Standing:
        """Of the very code that runs, of the same probe by earlier code, or of another probe."""
        if self.program != program or self.conditions != conditions:
            return "other"
        return "current" if self.key == key else "earlier"


def probe_path(folder: Path, name: str, task: str, seed: int) -> Path:
    """Where a row of a sweep's folder is.

    Raises:
        DataError: for a name that is no plain file name.
    """
    if not _NAME.fullmatch(name):
        raise DataError(f"{name!r} is not the name of a model")
    return folder / PROBES_FOLDER / f"{name}.{task}.seed-{seed}.json"


def write_probe(row: ProbeRow, folder: Path) -> None:
    """Write a row into a sweep's folder, whole or not at all."""
    path = probe_path(folder, row.name, row.task, row.seed)
    atomic_write(path, dump_json(with_checksum(row.model_dump())))


def read_probe(path: Path) -> ProbeRow:
    """What `write_probe` wrote.

    Raises:
        DataError: where it is not that, was edited, or lies under another's name.
    """
    row = read_summed(path, ProbeRow)
    if path.name != probe_path(path.parent.parent, row.name, row.task, row.seed).name:
        raise DataError(
            f"the row is of {row.name} on {row.task}, seed {row.seed}",
            where=str(path),
            hint=restore_hint(path),
        )
    return row


def read_probes(folder: Path) -> tuple[list[ProbeRow], list[DataError]]:
    """The rows of a sweep's folder in order of name, task and seed, and what is wrong with the others."""
    rows: list[ProbeRow] = []
    damaged: list[DataError] = []
    for path in probe_paths(folder):
        try:
            rows.append(read_probe(path))
        except DataError as error:
            damaged.append(error)
    return sorted(rows, key=lambda row: (row.name, row.task, row.seed)), damaged


def probe_paths(folder: Path) -> Iterator[Path]:
    """The files of the rows of a sweep's folder."""
    yield from sorted((folder / PROBES_FOLDER).glob("*.json"))
