"""All trained and evaluated models of a scale, as they are on disk, and which of them may be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import numpy as np
from pydantic import BaseModel, ValidationError

from asi_repro.errors import DataError, MissingInput
from asi_repro.results.evaluation import EvaluationResult, TaskRecord, read_result
from asi_repro.results.layout import BASELINES, EVALUATION, REFERENCE
from asi_repro.results.training import ENVIRONMENT, Point, TrainingResult, read_curve, read_training

_HINT = "asi-repro sweep"


class Machine(BaseModel):
    """The part of environment.json that a comparison of times needs.

    Attributes:
        hardware: what the device calls itself.
        step_seconds: of one optimizer step: processor time on a CPU, wall time on CUDA.
        tokens_per_second: over that time.
        mfu: share of the device's peak, see `environment_record`; None where that is not known.
    """

    hardware: str
    step_seconds: float
    tokens_per_second: Optional[float] = None
    mfu: Optional[float] = None

    @property
    def speed(self) -> str:
        """Both in words; empty where they are not known."""
        if self.tokens_per_second is None:
            return ""
        share = "" if self.mfu is None else f" ({self.mfu:.1%} of peak)"
        return f"{self.tokens_per_second:,.0f} tokens/s{share}"


@dataclass(frozen=True)
class Trial:
    """One seed of a model.

    Attributes:
        machine: where and how fast it was trained; None where a training was restored from DVC's cache.
    """

    training: TrainingResult
    curve: list[Point]
    evaluation: EvaluationResult | None
    machine: Machine | None = None


@dataclass(frozen=True)
class Model:
    """All seeds of a model, in their order.

    Attributes:
        name: slug.
        trials: completed trainings.
        stopped: (seed, reason) of those that a guard stopped.
    """

    name: str
    trials: list[Trial]
    stopped: list[tuple[int, str]]

    @property
    def baseline(self) -> bool:
        """Whether it is one of the baselines."""
        return self.name in BASELINES

    @property
    def program(self) -> str | None:
        """SHA-256 of its program; None for a baseline, and where every training was stopped."""
        return self.trials[0].training.program_sha256 if self.trials else None

    @property
    def evaluated(self) -> list[EvaluationResult]:
        """The scores of the seeds that have some."""
        return [trial.evaluation for trial in self.trials if trial.evaluation is not None]

    def items(self, task: str, metric: str | None = None) -> Any:
        """Scores (seeds, items) on a task by a metric, its main one by default."""
        rows = [record.per_item[metric or record.main_metric] for record in self.records(task)]
        return np.asarray(rows, dtype=np.float64)

    def records(self, task: str) -> list[TaskRecord]:
        """The task's record of each seed that has scores."""
        return [record for one in self.evaluated for record in one.tasks if record.task == task]

    @property
    def blocks(self) -> Any:
        """Validation losses (seeds, blocks), or None where a seed has none."""
        found = [evaluation.validation for evaluation in self.evaluated]
        if not found or any(record is None for record in found):
            return None
        return np.asarray([record.block_losses for record in found if record is not None])


def load_models(trained: Path, evaluated: Path) -> list[Model]:
    """Every model below the folders of a scale, in name order.

    Raises:
        MissingInput: where there is none.
        DataError: where a result is damaged.
    """
    folders: dict[str, list[Path]] = {}
    for path in sorted(trained.glob("*/seed-*/result.json"), key=lambda p: (p.parts[-3], _seed(p.parent))):
        folders.setdefault(path.parent.parent.name, []).append(path.parent)
    if not folders:
        raise MissingInput("there are no trained models", where=str(trained), hint=_HINT)
    return [_model(name, places, evaluated) for name, places in folders.items()]


def comparable(models: Sequence[Model]) -> tuple[list[Model], list[Model]]:
    """Models trained as DeltaNet was (else as the first one was), and those trained otherwise.

    A comparison at equal tokens of unequal trainings would be none.
    """
    trained = [model for model in models if model.trials]
    measure = next((model for model in trained if model.name == REFERENCE), trained[0] if trained else None)
    if measure is None:
        return list(models), []
    wanted = _conditions(measure.trials[0])
    same = [model for model in models if all(_conditions(trial) == wanted for trial in model.trials)]
    return same, [model for model in models if model not in same]


def _conditions(trial: Trial) -> dict[str, Any]:
    names = ("recipe", "corpus", "scale", "auxiliary_loss_weight", "dtype_policy")
    return {name: trial.training.identity[name] for name in names}


def _model(name: str, places: Sequence[Path], evaluated: Path) -> Model:
    trials: list[Trial] = []
    stopped: list[tuple[int, str]] = []
    for folder in places:
        training = read_training(folder)
        if training.stop is not None:
            stopped.append((training.seed, training.stop.reason))
            continue
        path = evaluated / name / folder.name / EVALUATION
        evaluation = read_result(path) if path.is_file() else None
        if evaluation is not None and evaluation.weights_sha256 != training.weights_sha256:
            raise DataError(
                "the scores are of other weights than the trained ones",
                where=str(path),
                hint=f"run `asi-repro sweep {name} --only evaluate`",
            )
        trials.append(Trial(training, read_curve(folder), evaluation, machine_of(folder)))
    return Model(name, trials, stopped)


def machine_of(folder: Path) -> Machine | None:
    """Where and how fast a model was trained, or None where its folder does not say."""
    try:
        return Machine.model_validate_json((folder / ENVIRONMENT).read_bytes())
    except (OSError, ValidationError):
        return None


def _seed(folder: Path) -> int:
    number = folder.name.removeprefix("seed-")
    return int(number) if number.isdigit() else 0
