"""The group `discover.operators` of params.yaml."""

from __future__ import annotations

from pydantic import Field, field_validator

from asi_repro.config.base import Settings

# The paper has no such arm; these weights favour new paths and fusions over single numbers.
WEIGHTS: dict[str, float] = {
    "add_path": 3.0,
    "remove_path": 1.0,
    "replace_path": 2.0,
    "duplicate_path": 1.0,
    "promote_path": 0.5,
    "replace_fusion": 2.0,
    "replace_part": 2.0,
    "replace_norm": 1.0,
    "replace_stem": 1.0,
    "add_stage": 1.0,
    "remove_stage": 0.5,
    "change_hyperparameter": 2.5,
    "change_activation": 0.5,
    "cross_path": 2.0,
    "cross_slot": 1.5,
}


class OperatorSettings(Settings):
    """How the control arm changes programs."""

    edits: list[float] = Field(
        default_factory=lambda: [0.5, 0.35, 0.15],
        min_length=1,
        max_length=6,
        description="Relative probability of one, two, three edits in a proposal.",
    )
    weights: dict[str, float] = Field(
        default_factory=lambda: dict(WEIGHTS),
        description="Relative probability of each operator; 0 for never.",
    )
    max_paths: int = Field(default=4, ge=1, le=8, description="Paths a mixer may have.")
    max_stages: int = Field(default=2, ge=0, le=6, description="Stages between fusion and norm.")
    max_cost: int = Field(
        default=5, ge=2, description="Sum of the paths' costs: delta rules 2, other recurrences 1, filters 0."
    )
    tries: int = Field(default=200, ge=1, description="Draws until the program is one not known yet.")

    @field_validator("edits")
    @classmethod
    def _some_edit(cls, value: list[float]) -> list[float]:
        if min(value) < 0 or not sum(value):
            raise ValueError("probabilities are at least 0 and not all 0")
        return value

    @field_validator("weights")
    @classmethod
    def _known(cls, value: dict[str, float]) -> dict[str, float]:
        if unknown := sorted(set(value) - set(WEIGHTS)):
            raise ValueError(f"no operator {unknown[0]}; there are {', '.join(WEIGHTS)}")
        full = {**WEIGHTS, **value}
        if min(full.values()) < 0 or not sum(full.values()):
            raise ValueError("weights are at least 0 and not all 0")
        return full
