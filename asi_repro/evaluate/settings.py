"""Settings of evaluation in params.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from pydantic import Field

from asi_repro.config import Settings, load_section
from asi_repro.data.benchmarks import DEFAULT_TASKS


class EvaluateSettings(Settings):
    """What trained models are scored on."""

    tasks: list[str] = Field(
        default_factory=lambda: list(DEFAULT_TASKS), min_length=1, description="Benchmarks, by name."
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


def load_evaluate_settings(root: Path) -> EvaluateSettings:
    """The section `evaluate` of `root`/params.yaml; the defaults where there is none.

    Raises:
        DataError: where params.yaml is not valid.
    """
    return load_section(root, "evaluate", EvaluateSettings)
