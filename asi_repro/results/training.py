"""What a training leaves behind: result.json and curve.csv (always the same) and environment.json (not)."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any, Literal, Optional

from pydantic import BaseModel, Field

from asi_repro.errors import DataError, MissingInput
from asi_repro.store.checksums import check_sums
from asi_repro.store.files import atomic_write
from asi_repro.store.json_text import dump_json
from asi_repro.store.records import Record, read_record
from asi_repro.text import csv_text

RESULT, ENVIRONMENT, CURVE, WEIGHTS = "result.json", "environment.json", "curve.csv", "model.safetensors"
UNSUMMED = (ENVIRONMENT, WEIGHTS)  # the result has the hash of the weights
REMAKE = "train it again: asi-repro train NAME --force"


class Point(Record):
    """One row of the loss curve."""

    step: int = Field(ge=1, description="Optimizer steps done.")
    tokens: int = Field(ge=1, description="Tokens seen.")
    loss: Optional[float] = Field(description="Loss of this step in nats per token; null where it is NaN.")
    mean_loss: Optional[float] = Field(description="Mean loss of the steps since the point before.")
    learning_rate: float = Field(description="Learning rate of this step.")
    grad_norm: Optional[float] = Field(description="Norm of the gradients before clipping.")
    auxiliary_loss: Optional[float] = Field(description="The program's own scalar, unweighted; null without.")


class StopRecord(Record):
    """Why a training was stopped."""

    reason: Literal["nan", "leak", "slow"] = Field(description="Which guard stopped it.")
    step: int = Field(ge=1, description="At which step.")
    detail: str = Field(max_length=400, description="The numbers.")


class Facts(Record):
    """What the loop reports, from a sandbox or not: checked here before anything is believed."""

    curve: list[Point]
    stop: Optional[StopRecord]
    parameters: int = Field(ge=1)
    flops_per_token: float = Field(ge=0)
    peak_flops_per_second: Optional[float] = Field(gt=0)
    unsaved_state: list[str] = Field(max_length=10_000)
    timed_steps: int = Field(ge=0)
    step_seconds: float = Field(ge=0)
    train_seconds: float = Field(ge=0)
    start_seconds: float = Field(ge=0)
    world_size: int = Field(ge=1)
    hardware: Optional[str] = Field(max_length=200)


class TrainingResult(Record):
    """The outcome of one training; holds nothing that differs between two runs on one kind of machine."""

    schema_version: Literal[1] = 1
    name: str = Field(description="Name of the model's folder and stages.")
    title: str = Field(description="What a person calls it. Untrusted where it is an architecture's.")
    index: Optional[int] = Field(description="Experiment index; null for a baseline.")
    program_sha256: Optional[str] = Field(description="SHA-256 of the program; null for a baseline.")
    scale: str = Field(description="Size of the model.")
    seed: int = Field(description="Seed of the training.")
    key: str = Field(description="SHA-256 over `identity`.")
    identity: dict[str, Any] = Field(description="Everything that the loss curve depends on.")
    status: Literal["completed", "stopped"] = Field(description="Whether it went to its last step.")
    stop: Optional[StopRecord] = Field(description="Why it was stopped.")
    leak_guard: bool = Field(description="Whether DeltaNet's curve was there to compare with.")
    steps: int = Field(description="Optimizer steps done.")
    tokens: int = Field(description="Tokens seen.")
    parameters: int = Field(description="Parameters of the model.")
    flops_per_token: float = Field(
        description="FLOPs of a training token, forward and backward, by torch's formulas: products and "
        "convolutions; what is elementwise counts zero."
    )
    flops: float = Field(description="FLOPs of the whole training by that count.")
    final_loss: Optional[float] = Field(description="Loss of the last step in nats per token.")
    last_tenth_loss: Optional[float] = Field(description="Mean loss of the last tenth of the steps.")
    auxiliary_loss: Optional[float] = Field(description="The program's own scalar at the last point.")
    unsaved_state: list[str] = Field(
        description="Numbers that the program changed while it trained and that its weights do not hold."
    )
    weights_sha256: Optional[str] = Field(description="SHA-256 of model.safetensors; null where stopped.")

    @property
    def completed(self) -> bool:
        """Whether there is a trained model."""
        return self.status == "completed"


def write_curve(curve: list[Point], path: Path) -> None:
    """Write the curve as CSV: missing numbers are empty cells, others read back equal."""
    atomic_write(path, csv_text([point.model_dump() for point in curve], list(Point.model_fields)))


def read_curve(folder: Path) -> list[Point]:
    """The curve of a training.

    Raises:
        MissingInput: where it is not there.
        DataError: where a cell is not a number.
    """
    path = folder / CURVE
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        whole = ("step", "tokens")
        return [
            Point(**{k: int(v) if k in whole else float(v) if v else None for k, v in row.items()})  # type: ignore[arg-type]
            for row in rows
        ]
    except OSError as error:
        raise MissingInput(
            f"there is no loss curve: {error.strerror}", where=str(path), hint=REMAKE
        ) from error
    except (ValueError, TypeError, csv.Error) as error:
        raise DataError("the file is not a loss curve", where=str(path), hint=REMAKE) from error


def read_training(folder: Path) -> TrainingResult:
    """The result of a training.

    Raises:
        MissingInput: where it is not there.
        DataError: where it is not one.
    """
    if (folder / RESULT).is_file():
        check_sums(folder, hint=REMAKE)
    return read_record(
        folder / RESULT, TrainingResult, missing="not trained", make="asi-repro train NAME", remake=REMAKE
    )


def last_tenth(curve: list[Point], steps: int) -> float | None:
    """The mean loss of the last tenth of `steps` (at least one), from the points' means over their steps."""
    total, weight, before = 0.0, 0, 0
    first = steps - max(steps // 10, 1)
    for point in curve:
        inside = point.step - max(before, first)
        if inside > 0:
            if point.mean_loss is None:
                return None
            total, weight = total + point.mean_loss * inside, weight + inside
        before = point.step
    return total / weight if weight and math.isfinite(total) else None


def write_json(value: Any, path: Path) -> None:
    """Write a record or plain JSON with one byte form."""
    atomic_write(path, dump_json(value.model_dump() if isinstance(value, BaseModel) else value))
