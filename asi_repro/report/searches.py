"""What the loop wrote of a search of our own, `discoveries.json` of a recorded run, read and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from pydantic import BaseModel, ConfigDict, Field

from asi_repro.store.records import read_record

SCHEMA = 1


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, allow_inf_nan=False)


class Bounds(_Part):
    """An estimate with its 95 % interval."""

    estimate: float
    low: float
    high: float


class Rate(_Part):
    """Discoveries per `unit` of compute, and R² of a line through their cumulative count over it."""

    unit: str
    interval: Bounds
    line_r2: Optional[float]


class Step(_Part):
    """Discoveries and best fitness after so many experiments."""

    experiments: int = Field(ge=1)
    discoveries: int = Field(ge=0)
    best_score: Optional[float]


class Setting(_Part):
    """How the models of the first stage were trained and scored."""

    scale: str
    steps: int
    tokens: int
    corpus: str
    tasks: int
    limit: Optional[int]


class Search(_Part):
    """A search of our own; `verified` counts what passed the second stage."""

    name: str
    arm: str
    discovery: str
    experiments: int
    discoveries: int
    verified: int
    failed: int
    rates: list[Rate] = Field(min_length=1)
    setting: Optional[Setting]
    curve: list[Step] = Field(min_length=1)


def read_search(path: Path) -> Search:
    """A search as the loop wrote it.

    Raises:
        MissingInput: where it is not there.
        DataError: where it is damaged or of another version.
    """
    remake = f"replay it again: `asi-repro discover --recorded {path.parent.name}`"
    return read_record(
        path,
        _Versioned,
        missing="there are no results of our own discovery run",
        make=remake,
        damaged="the file does not contain the results of a discovery run",
    )


class _Versioned(Search):
    schema_: int = Field(alias="schema", ge=SCHEMA, le=SCHEMA)
