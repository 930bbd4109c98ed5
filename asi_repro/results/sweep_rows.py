"""The rows of a recorded sweep: one small file a finished model and seed, artifacts/sweeps/SCALE/rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any, Literal, Optional

from pydantic import Field

from asi_repro.errors import DataError
from asi_repro.results.evaluation import BITS, MARGIN, EvaluationResult, read_result
from asi_repro.results.layout import BASELINES, EVALUATION
from asi_repro.results.recorded_rows import Freshness, RecordedRow, RowFiles, shared_conditions
from asi_repro.results.trained_models import Machine, machine_of
from asi_repro.results.training import CURVE, read_curve, read_training
from asi_repro.store.files import sha256_bytes, sha256_file
from asi_repro.store.json_text import dump_json
from asi_repro.store.records import Record

ROWS = "rows"
_DIGITS = 4
_TRAINED = {"name", "index", "seed", "scale", "key", "status", "leak_guard", "tokens", "parameters"}


class TaskScore(Record):
    """One task."""

    items: int = Field(ge=1, description="Items scored.")
    accuracy: float = Field(description="Its main score.")
    chance: Optional[float] = Field(description="That score of a guess.")
    answer_bits_per_byte: Optional[float] = Field(description="Bits for a byte of the right answer.")
    answer_margin: Optional[float] = Field(description="Bits that a byte of the wrong answers takes more.")


class SweepRow(RecordedRow):
    """One finished training with its scores."""

    index: Optional[int] = Field(description="Experiment index; null for a baseline.")
    scale: str = Field(description="Size of the model.")
    score_code: str = Field(description="SHA-256 of the code that scored it.")
    status: Literal["completed", "stopped"] = Field(description="Whether it went to its last step.")
    stop: str = Field(max_length=400, description="Why it was stopped; empty where it was not.")
    leak_guard: bool = Field(description="Whether DeltaNet's curve was there to compare with.")
    tokens: int = Field(ge=1, description="Tokens seen.")
    parameters: int = Field(ge=1, description="Parameters of the model.")
    flops_per_token: float = Field(ge=0, description="FLOPs of a training token.")
    loss: Optional[float] = Field(description="Mean training loss of the last tenth of the steps.")
    curve: dict[Annotated[str, Field(pattern="^[0-9]{1,9}$")], float] = Field(
        description="Mean loss since the point before, by step."
    )
    curve_sha256: str = Field(description="SHA-256 of the whole curve.csv.")
    validation_loss: Optional[float] = Field(description="Nats a token of held-out text.")
    validation_tokens: int = Field(ge=0, description="Tokens of that text.")
    tasks: dict[str, TaskScore] = Field(description="The benchmarks.")
    tokens_per_second: Optional[float] = Field(description="Training, per second of processor time.")
    mfu: Optional[float] = Field(
        default=None, description="Share of the machine's peak; null where it was not measured."
    )

    @property
    def baseline(self) -> bool:
        """Whether it is one of the baselines."""
        return self.name in BASELINES

    @property
    def completed(self) -> bool:
        """Whether there is a trained model's loss."""
        return self.status == "completed"

    @property
    def answer_bits(self) -> float | None:
        """Mean over the tasks of the bits for a byte of the right answer."""
        found = [task.answer_bits_per_byte for task in self.tasks.values()]
        return (
            fmean(one for one in found if one is not None) if any(one is not None for one in found) else None
        )

    @property
    def accuracy(self) -> float | None:
        """Mean of the tasks' main scores."""
        return fmean(task.accuracy for task in self.tasks.values()) if self.tasks else None

    def freshness(self, *, score_code: str = "", **of: str) -> Freshness:
        """Of the very code that runs, of the same training by earlier code, or of another training."""
        found = super().freshness(**of)
        return "earlier" if found == "current" and self.score_code != score_code else found


def conditions_of(identity: Mapping[str, Any], evaluation: Mapping[str, Any]) -> str:
    """SHA-256 of how a model is trained and scored: recipe, frame, text, items; not code and versions.

    Args:
        identity: see `Spec.identity`.
        evaluation: settings, items and held-out text of the scores.
    """
    shared = {"training": shared_conditions(identity), "evaluation": dict(evaluation)}
    return sha256_bytes(dump_json(shared).encode())


def make_row(
    trained: Path,
    evaluated: Path,
    *,
    evaluation: Mapping[str, Any],
    score_code: str,
    train_seconds: float,
    evaluate_seconds: float,
) -> SweepRow:
    """The row of a finished training.

    Args:
        trained: folder of the training.
        evaluated: folder of its scores; a training that was stopped needs none.
        evaluation: how it was scored, see `conditions_of`.
        score_code: SHA-256 of the code that scored it.
        train_seconds, evaluate_seconds: processor time that was spent on it just now; of a training that was
            there already, that of its steps is taken.

    Raises:
        MissingInput: where training or scores are not there.
        DataError: where they are damaged, or the scores are of other weights.
    """
    training, curve = read_training(trained), read_curve(trained)
    scores = read_result(evaluated / EVALUATION) if training.completed else None
    if scores is not None and scores.weights_sha256 != training.weights_sha256:
        raise DataError("the scores are of other weights than the trained ones", where=str(evaluated))
    machine = machine_of(trained) or Machine(hardware="not recorded", step_seconds=0.0)
    text = scores.validation if scores is not None else None
    return SweepRow(
        **training.model_dump(include=_TRAINED),
        program=training.identity["model"],
        conditions=conditions_of(training.identity, evaluation),
        score_code=score_code,
        stop="" if training.stop is None else f"{training.stop.reason}: {training.stop.detail}"[:400],
        flops_per_token=float(f"{training.flops_per_token:.6g}"),
        loss=_rounded(training.last_tenth_loss),
        curve={str(p.step): round(p.mean_loss, _DIGITS) for p in curve if p.mean_loss is not None},
        curve_sha256=sha256_file(trained / CURVE),
        validation_loss=None if text is None else _rounded(text.loss),
        validation_tokens=0 if text is None else text.tokens,
        tasks=_task_scores(scores),
        tokens_per_second=_significant(machine.tokens_per_second),
        mfu=_significant(machine.mfu),
        cpu_seconds=round(max(train_seconds, machine.step_seconds * training.steps) + evaluate_seconds, 1),
        hardware=machine.hardware,
    )


_FILES = RowFiles(SweepRow, ROWS)
row_path, row_paths, write_row = _FILES.path, _FILES.paths, _FILES.write
read_row, read_rows = _FILES.read, _FILES.read_all


def _task_scores(scores: EvaluationResult | None) -> dict[str, TaskScore]:
    found = {}
    for record in scores.tasks if scores is not None else ():
        metric = {name: one.value for name, one in record.metrics.items()}
        found[record.task] = TaskScore(
            items=record.items,
            accuracy=round(metric[record.main_metric], _DIGITS),
            chance=_rounded(record.chance),
            answer_bits_per_byte=_rounded(metric.get(BITS)),
            answer_margin=_rounded(metric.get(MARGIN)),
        )
    return found


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def _significant(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
