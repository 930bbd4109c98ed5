"""The section `sweep` of params.yaml: sweeps over the whole gallery that are recorded row by row."""

from __future__ import annotations

from typing import Optional

from pydantic import Field

from asi_repro.config.base import Settings
from asi_repro.config.train import ScaleName


class RecordedSweepSettings(Settings):
    """What a recorded sweep of one scale consists of."""

    baseline_seeds: int = Field(default=3, ge=1, description="Trainings of each baseline.")
    architecture_seeds: int = Field(default=2, ge=1, description="Trainings of each architecture.")
    sample: int = Field(
        default=12,
        ge=0,
        description="Architectures, drawn at random, that have all their seeds before others have one: "
        "the reliability is known early.",
    )
    core_hours: float = Field(
        default=16.0, gt=0, description="What all of it may take, written down beforehand; it stops nothing."
    )
    limit: Optional[int] = Field(default=20, ge=1, description="Items a task; null for all.")
    validation_blocks: int = Field(default=512, ge=1, description="Blocks of the validation text.")


def _laptop() -> dict[ScaleName, RecordedSweepSettings]:
    return {"laptop": RecordedSweepSettings()}


class SweepSettings(Settings):
    """Recorded sweeps."""

    recorded: dict[ScaleName, RecordedSweepSettings] = Field(
        default_factory=_laptop,
        description="Scales whose finished models are rows in artifacts/sweeps/SCALE/rows.",
    )
