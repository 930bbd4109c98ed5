"""Training speed against sequence length, as `benchmarks/bench_train.py --lengths --save` recorded it."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from asi_repro.store.files import atomic_write
from asi_repro.store.json_text import dump_json
from asi_repro.store.records import Record, read_record

SPEED = "speed.json"


class SpeedRow(Record):
    """One model at one length."""

    model: str = Field(description="What was trained.")
    length: int = Field(ge=1, description="Tokens of the one sequence of a step.")
    tokens_per_second: float = Field(gt=0, description="Tokens a second of processor time.")


class Speeds(Record):
    """A measurement."""

    about: str = Field(description="What was measured, and how.")
    hardware: str = Field(description="The machine.")
    torch: str = Field(description="Version of torch.")
    threads: int = Field(description="CPU threads.")
    rows: list[SpeedRow] = Field(min_length=1, description="The numbers.")


def write_speeds(speeds: Speeds, path: Path) -> None:
    """Write them as JSON."""
    atomic_write(path, dump_json(speeds.model_dump()))


def read_speeds(path: Path) -> Speeds:
    """What `write_speeds` wrote.

    Raises:
        MissingInput: where it is not there.
        DataError: where it is not that.
    """
    return read_record(
        path, Speeds, missing="speed was not measured", make="benchmarks/bench_train.py --save"
    )
