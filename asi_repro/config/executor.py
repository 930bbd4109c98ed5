"""The section `executor` of params.yaml: where tasks run."""

from __future__ import annotations

from typing import Literal, Optional

from pydantic import Field, field_validator

from asi_repro.config.base import Settings
from asi_repro.config.train import SCALE_NAMES


class Needs(Settings):
    """What one task of a scale needs."""

    cpus: float = Field(default=1.0, gt=0, description="CPUs.")
    gpus: float = Field(default=0.0, ge=0, description="GPUs, with --device cuda; 0.5: two tasks share one.")
    processes: Optional[int] = Field(
        default=None,
        ge=1,
        description="Processes of one training (torchrun, no sandbox); null: one a GPU.",
    )
    memory_gib: float = Field(default=2.0, ge=0, description="Main memory in GiB.")

    def processes_on(self, device: str) -> int:
        """Processes of one training on a device."""
        if self.processes is not None:
            return self.processes
        return max(int(self.gpus), 1) if device == "cuda" else 1


class ExecutorSettings(Settings):
    """Where tasks run. Changes no result."""

    name: Literal["local", "ray"] = Field(default="local", description="local or ray.")
    ray_address: Optional[str] = Field(
        default=None, description="Ray's address; null takes RAY_ADDRESS, else Ray on this machine."
    )
    retries: int = Field(default=3, ge=0, description="Retries of a task whose node dies.")
    resources: dict[str, Needs] = Field(
        default_factory=lambda: {
            "smoke": Needs(),
            "laptop": Needs(),
            "20m": Needs(cpus=4.0, gpus=1.0, memory_gib=16.0),
            "340m": Needs(cpus=8.0, gpus=1.0, memory_gib=64.0),
        },
        description="Needs of one training, evaluation or check by scale.",
    )

    @field_validator("resources")
    @classmethod
    def _known_scales(cls, value: dict[str, Needs]) -> dict[str, Needs]:
        if unknown := sorted(set(value) - set(SCALE_NAMES)):
            raise ValueError(f"no scale {unknown[0]!r}; there are {', '.join(SCALE_NAMES)}")
        return value

    def needs(self, scale: str | None = None) -> Needs:
        """What a task of a scale needs; what the smoke scale does where none is given."""
        return self.resources.get(scale or "smoke", Needs())
