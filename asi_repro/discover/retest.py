"""The winners of a run trained again with fresh seeds: how many stay winners (the winner's curse, measured).

The loop trains each program once and keeps the best, so part of what the best are better by is luck. Here
the baseline and the best that beat it are trained with seeds that chose nothing. That also measures the
noise: the standard deviation of a seed around its program's mean, pooled over programs, says how many
differences of the run are larger than noise makes them. What programs share in a seed, the order of the
text, is counted as noise, so the tests err towards no difference.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from scipy import stats

from asi_repro.archive.tables import read_parquet
from asi_repro.discover.arms import stage_lab
from asi_repro.discover.lab.live import LiveLabs
from asi_repro.discover.loop.schedule import ROOT
from asi_repro.discover.run.folder import DiscoveryRun
from asi_repro.discover.types import Lab, LabFailure, LeakSuspected
from asi_repro.errors import AsiReproError, DataError, MissingInput
from asi_repro.executor.base import Executor
from asi_repro.results.digits import nine_digits
from asi_repro.results.reliability import LEVEL, pooled_deviation, pooled_test
from asi_repro.results.retest import RETEST, Gain, Metric, Noise, Retest, Training, Winner
from asi_repro.results.significance import holm
from asi_repro.store.files import atomic_write
from asi_repro.store.json_text import dump_json
from asi_repro.traces.spans import Trace

COLUMNS: dict[Metric, str] = {"loss": "train_loss", "benchmark": "benchmark"}


OnTraining = Callable[[Training], None]


@dataclass(frozen=True)
class Job:
    """One training to do, in the run of a folder; without labs it is taken from the run's record alone."""

    folder: Path
    labs: LiveLabs | None
    index: int
    seed: int
    program: str


def run_job(job: Job, stop: threading.Event) -> Training:
    """Train and score in the run's first stage, or take the result from the run's record.

    Raises:
        MissingInput: where the record lacks it.
    """
    return _result(stage_lab(DiscoveryRun(job.folder), job.labs, "exploration"), job)


def _result(lab: Lab, job: Job) -> Training:
    try:
        found = lab.run(job.program, job.seed, Trace(f"retest-{job.index}-{job.seed}"))
    except LabFailure as error:
        return Training(index=job.index, seed=job.seed, failed=error.reason)
    except LeakSuspected as error:
        return Training(index=job.index, seed=job.seed, failed=error.detail)
    return Training(index=job.index, seed=job.seed, loss=found.train_loss, benchmark=found.benchmark)


def plan_retest(run: DiscoveryRun, *, top: int, seeds: int, labs: LiveLabs | None) -> list[Job]:
    """The trainings: the baseline and the best `top` of those that beat it, with seeds the run did not use.

    All are compared with the baseline, so it has √winners times as many seeds (Dunnett 1955).

    Raises:
        MissingInput: where the run has no archive.
        DataError: where no experiment beats the baseline.
    """
    rows = _fitness(run)
    winners = sorted((r for r in rows.values() if r["beats_baseline"]), key=lambda r: -r["fitness"])[:top]
    if not winners:
        raise DataError("no experiment of the run beats the baseline", where=str(run.folder))
    first = max(run.discover.exploration.seed, run.discover.verification.seed) + 1
    programs = _column(run, "source")
    times = {ROOT: math.ceil(seeds * math.sqrt(len(winners)))} | {row["index"]: seeds for row in winners}
    return [
        Job(run.folder, labs, index, first + number, programs[index])
        for index, count in times.items()
        for number in range(count)
    ]


def retest_run(run: DiscoveryRun, jobs: Sequence[Job], executor: Executor, progress: OnTraining) -> Retest:
    """Do the jobs and write `retest.json`; what the run's record has is not trained again.

    Raises:
        MissingInput: where the record lacks a training, and there are no labs.
        AsiReproError: where a training could not be done for no fault of its program.
    """
    found: list[Training] = []

    def take(_: Job, training: Training) -> None:
        found.append(training)
        progress(training)

    recorded, left = stage_lab(run, None, "exploration"), []
    for job in jobs:
        try:
            take(job, _result(recorded, job))
        except MissingInput:
            if job.labs is None:
                raise
            left.append(job)
    if left and (lost := executor.run(run_job, left, on_result=take)):
        if isinstance(lost[0].error, AsiReproError):
            raise lost[0].error
        raise AsiReproError(f"{len(lost)} trainings were lost: {lost[0].reason}", where=str(run.folder))
    made = judge(run, found)
    atomic_write(run.folder / RETEST, dump_json(nine_digits(made.model_dump(by_alias=True))))
    return made


def judge(run: DiscoveryRun, trainings: Sequence[Training]) -> Retest:
    """What trainings with fresh seeds say of a run."""
    rows, names = _fitness(run), _column(run, "name", "experiments")
    trainings = sorted(trainings, key=lambda one: (one.index, one.seed))
    noise = {metric: found for metric in COLUMNS if (found := _noise(rows, trainings, metric))}
    order = sorted({t.index for t in trainings} - {ROOT}, key=lambda index: (-rows[index]["fitness"], index))
    return Retest(
        run=run.folder.name,
        experiments=len(rows) - 1,
        beats=sum(row["beats_baseline"] for row in rows.values()),
        beats_by_chance=(len(rows) - 1) / 4,
        seeds=sorted({t.seed for t in trainings}),
        noise=noise,
        winners=[_winner(index, names[index], rows, trainings, noise) for index in order],
        trainings=trainings,
    )


def _fitness(run: DiscoveryRun) -> dict[int, dict[str, Any]]:
    path = run.folder / "archive" / "fitness.parquet"
    if not path.is_file():
        raise MissingInput(
            "the run has no archive", where=str(path), hint="`asi-repro discover` writes it when it ends"
        )
    return {row["index"]: row for row in read_parquet(path).to_pylist()}


def _column(run: DiscoveryRun, column: str, table: str = "programs") -> dict[int, Any]:
    rows = read_parquet(run.folder / "archive" / f"{table}.parquet")
    return dict(zip(rows["index"].to_pylist(), rows[column].to_pylist(), strict=True))


def _better(metric: Metric, ours: float, baseline: float) -> float:
    """How much better than the baseline: lower in loss, higher in accuracy."""
    return baseline - ours if metric == "loss" else ours - baseline


def _by_index(trainings: Sequence[Training], metric: Metric) -> dict[int, dict[int, float]]:
    found: dict[int, dict[int, float]] = {}
    for training in trainings:
        if (value := getattr(training, metric)) is not None:
            found.setdefault(training.index, {})[training.seed] = value
    return found


def _noise(rows: dict[int, dict[str, Any]], trainings: Sequence[Training], metric: Metric) -> Noise | None:
    groups = [list(by_seed.values()) for by_seed in _by_index(trainings, metric).values()]
    deviation, freedom = pooled_deviation(groups)
    if not freedom:
        return None
    column = COLUMNS[metric]
    baseline = rows[ROOT][column]
    gains = [_better(metric, row[column], baseline) for index, row in rows.items() if index != ROOT]
    p_values = [_one_sided([gain], [0.0], deviation, freedom) for gain in gains]
    known = [p for p in p_values if p is not None]
    return Noise(
        deviation=deviation,
        freedom=freedom,
        better=sum(gain > 0 for gain in gains),
        beyond=sum(p < LEVEL for p in known),
        beyond_by_chance=LEVEL * len(gains),
        beyond_corrected=sum(p < LEVEL for p in holm(known)),
    )


def _one_sided(ours: list[float], theirs: list[float], deviation: float, freedom: int) -> float | None:
    """P of `ours` being higher."""
    estimate, p_value = pooled_test(ours, theirs, deviation, freedom)
    if p_value is None:
        return None
    return p_value / 2 if estimate > 0 else 1 - p_value / 2


def _winner(
    index: int,
    name: str,
    rows: dict[int, dict[str, Any]],
    trainings: Sequence[Training],
    noise: dict[Metric, Noise],
) -> Winner:
    claimed = {m: _better(m, rows[index][column], rows[ROOT][column]) for m, column in COLUMNS.items()}
    again = {m: gain for m, known in noise.items() if (gain := _gain(index, m, trainings, known)) is not None}
    return Winner(index=index, name=name, claimed=claimed, again=again)


def _gain(index: int, metric: Metric, trainings: Sequence[Training], noise: Noise) -> Gain | None:
    values = _by_index(trainings, metric)
    ours, baseline = (
        [_better(metric, value, 0.0) for value in values.get(one, {}).values()] for one in (index, ROOT)
    )
    if not ours or not baseline:
        return None
    mean = fmean(ours) - fmean(baseline)
    reach = float(stats.t.ppf(0.975, noise.freedom)) * noise.deviation
    reach *= math.sqrt(1 / len(ours) + 1 / len(baseline))
    p_value = _one_sided(ours, baseline, noise.deviation, noise.freedom)
    return Gain(
        mean=mean,
        low=mean - reach,
        high=mean + reach,
        p_value=1.0 if p_value is None else p_value,
        seeds=len(ours),
    )
