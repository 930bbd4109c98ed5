"""Models against DeltaNet: differences with intervals, the winner's curse, ranks against the paper's."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from asi_repro.errors import DataError
from asi_repro.results.differences import Difference, Spread, WinnersCurse
from asi_repro.results.digits import LOSS_NOISE
from asi_repro.results.evaluation import BITS, MARGIN
from asi_repro.results.layout import REFERENCE
from asi_repro.results.leaking import NOT_CHECKED, without_leaking
from asi_repro.results.significance import (
    holm,
    mean_interval,
    paired_bootstrap,
    welch,
    window_at_flops,
    winners_curse,
)
from asi_repro.results.statistics import spearman_interval
from asi_repro.results.table import Agreement, CurvePoint, ModelRow, Results, Summary
from asi_repro.results.trained_models import Model, comparable

SCORE, VALIDATION, EQUAL_FLOPS = "score", "validation_loss", "loss_at_equal_flops"
COLUMNS = ("test_score_20m", "test_score_340m")
_MIN_RANKED = 5


def build_results(
    models: Sequence[Model],
    *,
    seed: int,
    resamples: int,
    paper: Mapping[str, Mapping[str, float]] | None = None,
    leaking: Collection[str] | None = None,
) -> Results:
    """The table, the comparisons with DeltaNet and the rank agreement with the paper.

    Args:
        models: what `load_models` found; at least one.
        seed: of the resampling.
        resamples: draws of each bootstrap.
        paper: for each of our names the columns of Table 2 (test_score_20m, test_score_340m).
        leaking: SHA-256 of the programs that see later tokens; None where that is not known.

    Raises:
        DataError: where guards stopped every training, or all that is left sees later tokens.
    """
    models, others = comparable(models)
    if not any(model.trials for model in models):
        raise DataError(
            "every training was stopped by a guard, so there is nothing to compare",
            hint="the field stop of each result.json gives the reason",
        )
    models, seeing = without_leaking(models, leaking)
    if not any(model.trials for model in models):
        raise DataError(
            "every trained program sees later tokens, so there is nothing to compare",
            hint="run `asi-repro sweep` for the baselines",
        )
    tasks = _shared_tasks(models)
    reference = next((model for model in models if model.name == REFERENCE and model.trials), None)
    against = _differences(models, reference, tasks, seed, resamples) if reference else {}
    continuous = {metric: _shared_tasks(models, metric) for metric in (BITS, MARGIN)}
    rows = [_row(model, tasks, continuous, against.get(model.name, {})) for model in models]
    summary = _summary(models, rows, tasks, None if seeing is None else len(seeing))
    summary |= {
        "leaking": None if seeing is None else [model.name for model in seeing],
        "not_compared": [model.name for model in others],
        "against": REFERENCE,
        "resamples": resamples,
        "winners_curse": _curse(models, reference, tasks, seed, resamples) if reference else None,
    }
    if paper:
        summary["rank_agreement"] = [
            _agreement(rows, paper, column, [seed, 200 + number], resamples, summary)
            for number, column in enumerate(COLUMNS)
        ]
    return Results(summary=Summary(**summary), models=rows, curves=_curves(models))


def _summary(
    models: Sequence[Model], rows: Sequence[ModelRow], tasks: list[str], left_out: int | None
) -> dict[str, Any]:
    first = next(trial.training for model in models for trial in model.trials)
    corpus = first.identity["corpus"]
    records = {task: record for model in models for task in tasks for record in model.records(task)[:1]}
    chances = [record.chance for record in records.values()]
    architectures = sum(not row.baseline for row in rows)
    baselines = len(rows) - architectures
    found = {
        "scale": first.scale,
        "tokens": first.tokens,
        "corpus": corpus["title"],
        "corpus_stand_in": bool(corpus["stand_in"]),
        "tasks": tasks,
        "items": {task: record.items for task, record in records.items()},
        "chance": float(np.mean([float(c or 0.0) for c in chances])) if chances else None,
        "chances": {task: record.chance for task, record in records.items() if record.chance is not None},
        "majorities": {
            task: record.majority for task, record in records.items() if record.majority is not None
        },
    }
    stand_in = ", which is not the paper's corpus" if corpus["stand_in"] else ""
    found["about"] = (
        f"{architectures} architecture{'s' * (architectures != 1)} and {baselines} "
        f"baseline{'s' * (baselines != 1)} at scale {first.scale} after {first.tokens:,} tokens of "
        f"{corpus['title']}{stand_in}. Not a reproduction of the paper's results, which are of larger models "
        "trained on far more text."
    )
    if left_out:
        found["about"] += f" Left out for seeing later tokens: {left_out}."
    elif left_out is None and architectures:
        found["about"] += f" {NOT_CHECKED}."
    return found


def _differences(
    models: Sequence[Model], reference: Model, tasks: list[str], seed: int, resamples: int
) -> dict[str, dict[str, Difference]]:
    """For each model what it is compared by, Holm's correction over the architectures."""
    others = [model for model in models if model is not reference and model.trials]
    continuous = _shared_tasks(models, BITS)
    made = {
        SCORE: _paired(
            [(model, [model.items(task) for task in tasks]) for model in others if model.evaluated],
            [reference.items(task) for task in tasks] if reference.evaluated else [],
            np.random.default_rng([seed, 0]),
            resamples,
        ),
        BITS: _paired(
            [(one, [one.items(task, BITS) for task in continuous]) for one in others if one.evaluated],
            [reference.items(task, BITS) for task in continuous] if reference.evaluated else [],
            np.random.default_rng([seed, 2]),
            resamples,
            equal_within=LOSS_NOISE,
        ),
        VALIDATION: _paired(
            [(model, [model.blocks]) for model in others if model.blocks is not None],
            [reference.blocks] if reference.blocks is not None else [],
            np.random.default_rng([seed, 1]),
            resamples,
            equal_within=LOSS_NOISE,
        ),
        EQUAL_FLOPS: _at_equal_flops(others, reference),
    }
    found: dict[str, dict[str, Difference]] = {}
    for kind, differences in made.items():
        tested = {
            model.name: difference.p_value
            for model in others
            if not model.baseline
            and (difference := differences.get(model.name)) is not None
            and difference.p_value is not None
        }
        adjusted = dict(zip(tested, holm(list(tested.values())), strict=True))
        for name, difference in differences.items():
            # Over architectures only: a baseline is not a discovery.
            compared = difference.model_copy(update={"holm_p_value": adjusted.get(name)})
            found.setdefault(name, {})[kind] = compared
    return found


def _paired(
    models: Sequence[tuple[Model, list[Any]]],
    reference: list[Any],
    rng: np.random.Generator,
    resamples: int,
    **options: float,
) -> dict[str, Difference]:
    """Those that answered the reference's own items, against it."""
    shapes = [task.shape[1] for task in reference]
    same = [(model, tasks) for model, tasks in models if [task.shape[1] for task in tasks] == shapes]
    if not same or not reference:
        return {}
    found = paired_bootstrap([tasks for _, tasks in same], reference, rng=rng, resamples=resamples, **options)
    return {model.name: difference for (model, _), difference in zip(same, found, strict=True)}


def _at_equal_flops(others: Sequence[Model], reference: Model) -> dict[str, Difference]:
    """Training losses read off both curves where both have cost what the cheaper training cost in all."""
    found = {}
    for model in others:
        budget = min(trial.training.flops for trial in [*model.trials, *reference.trials])
        ours, theirs = _windows(model, budget), _windows(reference, budget)
        if ours and theirs:
            found[model.name] = welch(ours, theirs)
    return found


def _windows(model: Model, budget: float) -> list[float]:
    """For each seed the mean loss of the last tenth of the steps that the budget pays for."""
    losses = []
    for trial in model.trials:
        points = [(point.step, point.mean_loss) for point in trial.curve if point.mean_loss is not None]
        per_step = trial.training.flops / trial.training.steps
        window = window_at_flops([s for s, _ in points], [loss for _, loss in points], per_step, budget)
        losses += [float(np.mean(window))] if window else []
    return losses


def _curse(
    models: Sequence[Model], reference: Model, tasks: list[str], seed: int, resamples: int
) -> WinnersCurse | None:
    architectures = [model for model in models if not model.baseline and model.evaluated]
    if not architectures or not tasks or not reference.evaluated:
        return None
    shapes = [reference.items(task).shape[1] for task in tasks]
    same = [m for m in architectures if [m.items(task).shape[1] for task in tasks] == shapes]
    if not same:
        return None
    differences = [
        np.stack([model.items(task).mean(axis=0) for model in same]) - reference.items(task).mean(axis=0)
        for task in tasks
    ]
    rng = np.random.default_rng([seed, 99])
    return winners_curse(differences, rng=rng, resamples=resamples)


def _agreement(
    rows: Sequence[ModelRow],
    paper: Mapping[str, Mapping[str, float]],
    column: str,
    seed: list[int],
    resamples: int,
    summary: Mapping[str, Any],
) -> Agreement:
    """Spearman's correlation of our scores with a column of Table 2, over the models in both."""
    pairs = [
        (row.score.mean, paper[row.name][column])
        for row in rows
        if row.score is not None and row.name in paper
    ]
    where = (
        f"at scale {summary['scale']} after {summary['tokens']:,} tokens of {summary['corpus']}, "
        f"{len(summary['tasks'])} tasks"
    )
    if len(pairs) < _MIN_RANKED or len({ours for ours, _ in pairs}) < 2:
        sentence = f"Not run: {len(pairs)} models {where} are too few to rank against Table 2."
        return Agreement(column=column, models=len(pairs), sentence=sentence)
    ours, theirs = zip(*pairs, strict=True)
    found = spearman_interval(ours, theirs, rng=np.random.default_rng(seed), resamples=resamples)
    verdict = "agrees with" if found.low > 0 else "goes against" if found.high < 0 else "tells nothing about"
    sentence = (
        f"Our ranking of {len(pairs)} architectures {where} {verdict} Table 2's {column}: Spearman "
        f"{found.estimate:.2f} [{found.low:.2f}, {found.high:.2f}]. It says nothing of larger scales."
    )
    return Agreement(
        column=column,
        models=len(pairs),
        spearman=float(found.estimate),
        low=float(found.low),
        high=float(found.high),
        sentence=sentence,
    )


def _row(
    model: Model, tasks: list[str], continuous: Mapping[str, list[str]], against: dict[str, Difference]
) -> ModelRow:
    trainings = [trial.training for trial in model.trials]
    evaluated = model.evaluated
    main = [one.main_scores() for one in evaluated]
    first = trainings[0] if trainings else None
    return ModelRow(
        name=model.name,
        title=first.title if first else model.name,
        index=first.index if first else None,
        baseline=model.baseline,
        seeds=len(trainings),
        stopped=" ".join(f"{seed}:{reason}" for seed, reason in model.stopped),
        parameters=first.parameters if first else None,
        flops_per_token=first.flops_per_token if first else None,
        tokens=first.tokens if first else None,
        loss=_spread([one.last_tenth_loss for one in trainings if one.last_tenth_loss is not None]),
        validation_loss=_spread([one.validation.loss for one in evaluated if one.validation is not None]),
        score=_spread([float(np.mean([one[task] for task in tasks])) for one in main]) if tasks else None,
        answer_bits_per_byte=_mean_over_tasks(model, BITS, continuous[BITS]),
        answer_margin=_mean_over_tasks(model, MARGIN, continuous[MARGIN]),
        tasks={task: spread for task in tasks if (spread := _spread([one[task] for one in main]))},
        against=against,
    )


def _mean_over_tasks(model: Model, metric: str, tasks: list[str]) -> Spread | None:
    """The mean of a metric over tasks, for each seed; None where no task has it."""
    means = [
        float(np.mean([record.metrics[metric].value for record in one.tasks if record.task in tasks]))
        for one in model.evaluated
        if tasks
    ]
    return _spread(means)


def _spread(values: Sequence[float]) -> Spread | None:
    return mean_interval(values) if values else None


def _shared_tasks(models: Sequence[Model], metric: str | None = None) -> list[str]:
    """Tasks that every evaluated seed has with scores of each item, by a metric or by their main ones."""
    found: list[str] | None = None
    for model in models:
        for evaluation in model.evaluated:
            here = [one.task for one in evaluation.tasks if (metric or one.main_metric) in one.per_item]
            found = here if found is None else [task for task in found if task in here]
    return found or []


def _curves(models: Sequence[Model]) -> list[CurvePoint]:
    return [
        CurvePoint(
            name=model.name,
            seed=trial.training.seed,
            step=point.step,
            tokens=point.tokens,
            loss=point.mean_loss,
        )
        for model in models
        for trial in model.trials
        for point in trial.curve
        if point.mean_loss is not None
    ]
