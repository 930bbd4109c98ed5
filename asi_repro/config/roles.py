"""The group `discover.roles` of params.yaml: how the roles work."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field, model_validator

from asi_repro.config.base import Settings

PARTS = ("innovation", "complexity", "correctness", "convergence")
Base = Literal["own", "added", "release"]
BASES: tuple[Base, ...] = get_args(Base)


class JudgeWeights(Settings):
    """Weights of the Judge's parts; they sum to one. The paper does not state any: equal ones are ours."""

    innovation: float = Field(default=0.25, ge=0, le=1)
    complexity: float = Field(default=0.25, ge=0, le=1)
    correctness: float = Field(default=0.25, ge=0, le=1)
    convergence: float = Field(default=0.25, ge=0, le=1)

    @model_validator(mode="after")
    def _sum_to_one(self) -> JudgeWeights:
        total = sum(getattr(self, part) for part in PARTS)
        if abs(total - 1) > 1e-9:
            raise ValueError(f"the weights sum to {total:g}, not to 1")
        return self


class RolesSettings(Settings):
    """What the roles read and how often they ask. Models and temperatures are in the section `llm`."""

    neighbours: int = Field(default=5, ge=1, le=50, description="Nearest motivations the novelty check sees.")
    recall: int = Field(default=3, ge=0, le=20, description="Entries recalled from the cognition base.")
    cognition: list[Base] = Field(
        default=["own", "added"],
        description="Which entries: the project's own, those added to cognition/, the release's.",
    )
    drafts: int = Field(
        default=3, ge=1, le=10, description="Times a Researcher or Engineer is asked for a readable program."
    )
    judge_samples: int = Field(default=3, ge=1, le=20, description="Times the Judge is asked.")
    judge_weights: JudgeWeights = Field(default_factory=JudgeWeights)
    log_characters: int = Field(
        default=6000, ge=200, le=100_000, description="Of a failed program's log, from its end."
    )
