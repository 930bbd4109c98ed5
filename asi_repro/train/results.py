"""All trained and evaluated models of a scale, one row a model, compared with DeltaNet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from asi_repro.errors import DataError, MissingInput
from asi_repro.evaluate.result import EvaluationResult, read_result
from asi_repro.train.evaluating import EVALUATION
from asi_repro.train.result import Point, TrainingResult, read_curve, read_training
from asi_repro.train.significance import (
    Difference,
    holm,
    mean_interval,
    paired_bootstrap,
    two_sample_bootstrap,
    window_at_flops,
    winners_curse,
)
from asi_repro.train.spec import BASELINES, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_HINT = "asi-repro sweep"
_MIN_WINDOW = 2


@dataclass(frozen=True)
class Trial:
    """One seed of a model."""

    training: TrainingResult
    curve: list[Point]
    evaluation: EvaluationResult | None


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
    def evaluated(self) -> list[EvaluationResult]:
        """The scores of the seeds that have some."""
        return [trial.evaluation for trial in self.trials if trial.evaluation is not None]

    def items(self, task: str) -> Any:
        """Scores (seeds, items) on a task by its main metric."""
        rows = []
        for evaluation in self.evaluated:
            record = next(record for record in evaluation.tasks if record.task == task)
            rows.append(record.per_item[record.main_metric])
        return np.asarray(rows, dtype=np.float64)

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
        raise MissingInput("no trained models", where=str(trained), hint=_HINT)
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


def build_results(
    models: Sequence[Model],
    *,
    seed: int,
    resamples: int,
    paper: Mapping[str, Mapping[str, float]] | None = None,
) -> dict[str, Any]:
    """The table, the comparisons with DeltaNet and the rank agreement with the paper.

    Args:
        models: what `load_models` found.
        seed: of the resampling.
        resamples: draws of each bootstrap.
        paper: for each of our names the columns of Table 2 (test_score_20m, test_score_340m).
    """
    models, others = comparable(models)
    first = next((model.trials[0].training for model in models if model.trials), None)
    reference = next((model for model in models if model.name == REFERENCE), None)
    tasks = _shared_tasks(models)
    rows = [_row(model, tasks) for model in models]
    found: dict[str, Any] = {
        "scale": first.scale if first else None,
        "tokens": max((t.training.tokens for m in models for t in m.trials), default=0),
        "corpus": first.identity["corpus"]["title"] if first else None,
        "corpus_stand_in": bool(first.identity["corpus"]["stand_in"]) if first else None,
        "tasks": tasks,
        "models": rows,
        "not_compared": [model.name for model in others],
        "against": REFERENCE,
        "resamples": resamples,
    }
    if reference is not None and reference.trials:
        _compare_all(found, models, reference, tasks, seed, resamples)
    if paper:
        found["rank_agreement"] = _rank_agreement(rows, paper, seed, resamples, found)
    return found


def _compare_all(
    found: dict[str, Any],
    models: Sequence[Model],
    reference: Model,
    tasks: list[str],
    seed: int,
    resamples: int,
) -> None:
    rows = {row["name"]: row for row in found["models"]}
    others = [model for model in models if model is not reference and model.trials]
    kinds: dict[str, Callable[[Model, np.random.Generator], Difference | None]] = {
        "score": lambda model, rng: _score_difference(model, reference, tasks, rng, resamples),
        "validation_loss": lambda model, rng: _loss_difference(model, reference, rng, resamples),
        "loss_at_equal_flops": lambda model, rng: _flops_difference(model, reference, rng, resamples),
    }
    for number, (kind, compare) in enumerate(kinds.items()):
        made: dict[str, Difference] = {}
        for model in others:
            rng = np.random.default_rng([seed, number, *model.name.encode()])
            if (difference := compare(model, rng)) is not None:
                made[model.name] = difference
        names = [model.name for model in others if model.name in made and not model.baseline]
        adjusted = dict(zip(names, holm([made[name].p_value for name in names]), strict=True))
        for name, difference in made.items():
            rows[name].setdefault("against", {})[kind] = {
                **asdict(difference),
                # Over architectures only: a baseline is not a discovery.
                "holm_p_value": adjusted.get(name),
            }
    found["winners_curse"] = _curse(others, reference, tasks, seed, resamples)


def _score_difference(
    model: Model, reference: Model, tasks: list[str], rng: np.random.Generator, resamples: int
) -> Difference | None:
    if not (model.evaluated and reference.evaluated and tasks):
        return None
    strata = [(model.items(task), reference.items(task)) for task in tasks]
    return paired_bootstrap(strata, rng=rng, resamples=resamples)


def _loss_difference(
    model: Model, reference: Model, rng: np.random.Generator, resamples: int
) -> Difference | None:
    ours, theirs = model.blocks, reference.blocks
    if ours is None or theirs is None or ours.shape[1] != theirs.shape[1]:
        return None
    return paired_bootstrap([(ours, theirs)], rng=rng, resamples=resamples)


def _flops_difference(
    model: Model, reference: Model, rng: np.random.Generator, resamples: int
) -> Difference | None:
    """Training losses read off both curves where both have cost what the cheaper training cost in all."""
    trials = [*model.trials, *reference.trials]
    budget = min(trial.training.flops for trial in trials)
    windows = []
    for side in (model, reference):
        losses: list[float] = []
        for trial in side.trials:
            points = [point for point in trial.curve if point.mean_loss is not None]
            per_step = trial.training.flops / trial.training.steps
            losses += window_at_flops(
                [point.step for point in points],
                [float(point.mean_loss or 0) for point in points],
                per_step,
                budget,
            )
        windows.append(losses)
    if min(map(len, windows)) < _MIN_WINDOW:
        return None
    return two_sample_bootstrap(windows[0], windows[1], rng=rng, resamples=resamples)


def _curse(
    others: Sequence[Model], reference: Model, tasks: list[str], seed: int, resamples: int
) -> dict[str, Any] | None:
    architectures = [model for model in others if not model.baseline and model.evaluated]
    if not architectures or not tasks or not reference.evaluated:
        return None
    differences = [
        np.stack([model.items(task).mean(axis=0) for model in architectures])
        - reference.items(task).mean(axis=0)
        for task in tasks
    ]
    rng = np.random.default_rng([seed, 99])
    return asdict(winners_curse(differences, rng=rng, resamples=resamples))


def _rank_agreement(
    rows: Sequence[dict[str, Any]],
    paper: Mapping[str, Mapping[str, float]],
    seed: int,
    resamples: int,
    found: dict[str, Any],
) -> list[dict[str, Any]]:
    """Spearman's correlation of our scores with each column of Table 2, over the models in both."""
    from asi_repro.statistics import spearman_interval

    agreements = []
    for number, column in enumerate(("test_score_20m", "test_score_340m")):
        pairs = [
            (row["score"]["mean"], paper[row["name"]][column])
            for row in rows
            if row["score"] is not None and row["name"] in paper
        ]
        record: dict[str, Any] = {
            "column": column,
            "models": len(pairs),
            "spearman": None,
            "low": None,
            "high": None,
        }
        if len(pairs) >= 5 and len({ours for ours, _ in pairs}) > 1:
            ours, theirs = zip(*pairs, strict=True)
            rng = np.random.default_rng([seed, 200 + number])
            interval = spearman_interval(ours, theirs, rng=rng, resamples=resamples)
            record |= {"spearman": interval.estimate, "low": interval.low, "high": interval.high}
        record["sentence"] = _sentence(record, found)
        agreements.append(record)
    return agreements


def _sentence(record: dict[str, Any], found: dict[str, Any]) -> str:
    where = (
        f"at scale {found['scale']} after {found['tokens']:,} tokens of {found['corpus']}, "
        f"{len(found['tasks'])} tasks"
    )
    if record["spearman"] is None:
        return f"Not run: {record['models']} models {where} are too few to rank against Table 2."
    verdict = (
        "agrees with"
        if record["low"] > 0
        else "goes against"
        if record["high"] < 0
        else "tells nothing about"
    )
    return (
        f"Our ranking of {record['models']} architectures {where} {verdict} Table 2's {record['column']}: "
        f"Spearman {record['spearman']:.2f} [{record['low']:.2f}, {record['high']:.2f}]. It says nothing of "
        "larger scales."
    )


def _row(model: Model, tasks: list[str]) -> dict[str, Any]:
    trainings = [trial.training for trial in model.trials]
    evaluated = model.evaluated
    scores = (
        [float(np.mean([one.main_scores()[task] for task in tasks])) for one in evaluated] if tasks else []
    )
    validation = [one.validation.loss for one in evaluated if one.validation is not None]
    losses = [training.last_tenth_loss for training in trainings if training.last_tenth_loss is not None]
    first = trainings[0] if trainings else None
    return {
        "name": model.name,
        "title": first.title if first else model.name,
        "index": first.index if first else None,
        "baseline": model.baseline,
        "seeds": len(trainings),
        "stopped": [{"seed": seed, "reason": reason} for seed, reason in model.stopped],
        "parameters": first.parameters if first else None,
        "flops_per_token": first.flops_per_token if first else None,
        "tokens": first.tokens if first else None,
        "loss": _estimate(losses),
        "score": _estimate(scores),
        "validation_loss": _estimate(validation),
        "tasks": {task: _estimate([one.main_scores()[task] for one in evaluated]) for task in tasks},
    }


def _estimate(values: Sequence[float]) -> dict[str, Any] | None:
    return asdict(mean_interval(values)) if values else None


def _shared_tasks(models: Sequence[Model]) -> list[str]:
    """Tasks that every evaluated seed has, with scores of each item."""
    found: list[str] | None = None
    for model in models:
        for evaluation in model.evaluated:
            here = [record.task for record in evaluation.tasks if record.main_metric in record.per_item]
            found = here if found is None else [task for task in found if task in here]
    return found or []


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
                "scores of other weights than the trained ones",
                where=str(path),
                hint=f"asi-repro sweep {name} --only evaluate",
            )
        trials.append(Trial(training, read_curve(folder), evaluation))
    return Model(name, trials, stopped)


def _seed(folder: Path) -> int:
    number = folder.name.removeprefix("seed-")
    return int(number) if number.isdigit() else 0
