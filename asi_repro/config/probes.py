"""The section `probes` of params.yaml: small trainings on synthetic tasks, recorded as a sweep's rows are."""

from __future__ import annotations

from pydantic import Field, model_validator

from asi_repro.config.base import Settings
from asi_repro.config.train import Recipe


class ProbeSettings(Settings):
    """What a probe is. What is not said here is as in the recipe of the scale `laptop`."""

    steps: int = Field(default=200, ge=1, description="Optimizer steps.")
    batch: int = Field(default=32, ge=1, description="Sequences a step.")
    learning_rate: float = Field(default=1e-2, gt=0, description="Highest rate; chosen on baselines alone.")
    initializer_range: float = Field(
        default=0.3, gt=0, description="Deviation of the frame's initial weights; chosen on baselines alone."
    )
    evaluations: int = Field(default=8, ge=1, description="How often the test is taken; divides the steps.")
    test_sequences: int = Field(default=256, ge=1, description="Sequences of a test.")
    max_minutes: float = Field(default=10.0, gt=0, description="Wall time after which a probe is given up.")
    baseline_seeds: int = Field(default=2, ge=1, description="Seeds of each baseline.")
    sample_seeds: int = Field(default=2, ge=1, description="Seeds of each of a sample of the gallery.")
    core_hours: float = Field(
        default=6.0, gt=0, description="What all of it may take, written down beforehand; it stops nothing."
    )

    @model_validator(mode="after")
    def _divides(self) -> ProbeSettings:
        if self.steps % self.evaluations:
            raise ValueError("evaluations does not divide steps")
        return self

    def recipe(self, whole: Recipe, length: int) -> Recipe:
        """The training of one task: `whole` with these steps, its schedule in proportion."""
        changes = {
            "steps": self.steps,
            "warmup_steps": round(whole.warmup_steps * self.steps / whole.steps),
            "decay_steps": round(whole.decay_steps * self.steps / whole.steps),
            "learning_rate": self.learning_rate,
            "batch": self.batch,
            "micro_batch": self.batch,
            "length": length,
        }
        return Recipe(**{**whole.model_dump(), **changes})
