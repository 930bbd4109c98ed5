"""Speeds that were measured once and that Git holds with the name of the machine; no stage makes them again.

- artifacts/sweeps/speed.json: against sequence length, by `benchmarks/bench_train.py --lengths --save`;
- artifacts/sweeps/SCALE/times.json: a training step of each model, by `asi-repro results --record-times`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from pydantic import Field

from asi_repro.errors import MissingInput
from asi_repro.results.trained_models import Model
from asi_repro.store.records import Record, read_record

SPEED, TIMES = "speed.json", "times.json"


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


def read_speeds(path: Path) -> Speeds:
    """The measurement in a file.

    Raises:
        MissingInput: where it is not there.
        DataError: where it is not that.
    """
    return read_record(
        path, Speeds, missing="speed was not measured", make="benchmarks/bench_train.py --save"
    )


class StepTimes(Record):
    """How long a training step of each model took in a sweep."""

    hardware: list[str] = Field(description="The machines that trained.")
    step_seconds: dict[str, float] = Field(
        min_length=1,
        description="Seconds of an optimizer step by model, a mean over seeds: processor time on a CPU.",
    )


def step_times(models: Sequence[Model]) -> StepTimes:
    """The times of trained models.

    Raises:
        MissingInput: where no training says its own.
    """
    seen = {model.name: [t.machine for t in model.trials if t.machine is not None] for model in models}
    if not any(seen.values()):
        raise MissingInput(
            "no training here says how long it took", hint="trainings from DVC's cache do not; train again"
        )
    return StepTimes(
        hardware=sorted({machine.hardware for found in seen.values() for machine in found}),
        step_seconds={
            name: float(f"{fmean(machine.step_seconds for machine in found):.6g}")
            for name, found in seen.items()
            if found
        },
    )


def read_times(folder: Path) -> StepTimes:
    """The times that were recorded in a folder.

    Raises:
        MissingInput: where it is not there.
        DataError: where it is not that.
    """
    return read_record(
        folder / TIMES, StepTimes, missing="no times of a sweep", make="asi-repro results --record-times"
    )
