"""The short trainings of baselines by which recipes were chosen: recipe.json in artifacts/sweeps/SCALE.

That of the capability probes was chosen likewise: probe_recipe.json there.
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean
from typing import Optional

from pydantic import Field

from asi_repro.config.train import Recipe
from asi_repro.results.training import TrainingResult
from asi_repro.store.records import Record, read_record

RECIPE, PROBE_RECIPE = "recipe.json", "probe_recipe.json"


class Trial(Record):
    """One short training of a baseline."""

    model: str = Field(description="The baseline.")
    probe: Optional[str] = Field(default=None, description="The synthetic task; null: text.")
    learning_rate: float = Field(gt=0, description="Highest learning rate.")
    initializer_range: float = Field(gt=0, description="Standard deviation of the frame's initial weights.")
    seed: int = Field(ge=0, description="Seed of the training.")
    steps: int = Field(ge=1, description="Optimizer steps.")
    tokens: int = Field(ge=1, description="Tokens seen.")
    loss: Optional[float] = Field(
        description="Mean loss of the last tenth of the steps; of a probe the share of wrong answers in the "
        "test; null: it diverged."
    )
    tokens_per_second: Optional[float] = Field(description="Per second of processor time.")
    hardware: str = Field(description="The machine.")
    key: str = Field(description="SHA-256 over everything that the loss depends on.")

    @property
    def setting(self) -> tuple[str, str | None, float, float, int, int]:
        """What was tried."""
        return self.model, self.probe, self.learning_rate, self.initializer_range, self.seed, self.steps

    @classmethod
    def of(
        cls, initializer_range: float, recipe: Recipe, result: TrainingResult, environment: bytes
    ) -> Trial:
        """The trial that a training was."""
        machine = json.loads(environment)
        speed = machine["tokens_per_second"]
        loss = result.last_tenth_loss if result.completed else None
        return cls(
            model=result.name,
            learning_rate=recipe.learning_rate,
            initializer_range=initializer_range,
            seed=result.seed,
            steps=recipe.steps,
            tokens=result.tokens,
            loss=None if loss is None else round(loss, 4),
            tokens_per_second=None if speed is None else float(f"{speed:.4g}"),
            hardware=machine["hardware"],
            key=result.key,
        )


class Trials(Record):
    """All of them."""

    corpus: str = Field(description="The text.")
    trials: list[Trial] = Field(min_length=1, description="In the order in which they were made.")

    def ranked(self) -> list[tuple[float, float, float]]:
        """(mean loss over the baselines, learning rate, initial scale), the lowest loss first.

        A setting with which a baseline diverged, or that not all of them were tried with, is left out.
        """
        models = {(trial.model, trial.probe) for trial in self.trials}
        found: dict[tuple[float, float], dict[tuple[str, str | None], float]] = {}
        for trial in self.trials:
            if trial.loss is not None:
                key = trial.learning_rate, trial.initializer_range
                found.setdefault(key, {})[trial.model, trial.probe] = trial.loss
        whole = {key: losses for key, losses in found.items() if set(losses) == models}
        return sorted((fmean(losses.values()), *key) for key, losses in whole.items())


def read_trials(path: Path) -> Trials:
    """The trials in a file.

    Raises:
        MissingInput: where it is not there.
        DataError: where it is not that.
    """
    return read_record(path, Trials, missing="no recipe was tried", make="python scripts/choose_recipe.py")
