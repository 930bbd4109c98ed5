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
from typing import Any, Literal, Optional

from pydantic import Field
from scipy import stats

from asi_repro.archive.tables import read_parquet
from asi_repro.discover.lab.live import LiveLabs
from asi_repro.discover.loop.schedule import ROOT
from asi_repro.discover.run.folder import DiscoveryRun
from asi_repro.discover.teams import stage_lab
from asi_repro.discover.types import LabFailure, LeakSuspected
from asi_repro.errors import AsiReproError, DataError, MissingInput
from asi_repro.executor.base import Executor
from asi_repro.results.reliability import LEVEL, pooled_deviation, pooled_test
from asi_repro.results.significance import holm
from asi_repro.store.files import atomic_write
from asi_repro.store.json_text import dump_json
from asi_repro.store.records import Record, read_record
from asi_repro.traces.spans import Trace

FILE = "retest.json"
Metric = Literal["loss", "benchmark"]
COLUMNS: dict[Metric, str] = {"loss": "train_loss", "benchmark": "benchmark"}


class Training(Record):
    """One training with a fresh seed."""

    index: int = Field(description="Experiment.")
    seed: int = Field(description="Of initial parameters and order of the text.")
    loss: Optional[float] = Field(
        default=None, description="Mean of the last tenth of the steps, nats per token."
    )
    benchmark: Optional[float] = Field(default=None, description="Mean of the tasks' accuracies, 0 to 1.")
    failed: str = Field(default="", description="Why there are no numbers.")


class Noise(Record):
    """How far one seed lies from its program's mean, and what of the run is beyond it."""

    deviation: float = Field(description="Standard deviation of a seed, pooled over the programs.")
    freedom: int = Field(description="Its degrees of freedom.")
    better: int = Field(description="Experiments of the run that are better than the baseline at all.")
    beyond: int = Field(description="Those that are better by more than noise: one-sided p < 0.05.")
    beyond_by_chance: float = Field(description="How many would be on average if all were equal.")
    beyond_corrected: int = Field(description="Those with p < 0.05 after Holm's correction.")


class Gain(Record):
    """How much better than the baseline an experiment is on average over fresh seeds."""

    mean: float = Field(description="Difference of the two means.")
    low: float = Field(description="Its 95% interval, with the pooled deviation of a seed.")
    high: float = Field(description="Its 95% interval.")
    p_value: float = Field(description="One-sided, of being better.")
    seeds: int = Field(description="Of the experiment; the baseline has more.")


class Winner(Record):
    """An experiment that beat the baseline, trained again."""

    index: int = Field(description="Experiment.")
    name: str = Field(description="Of the experiment.")
    claimed: dict[Metric, float] = Field(description="Better than the baseline by, in the run itself.")
    again: dict[Metric, Gain] = Field(description="The same over fresh seeds; empty where all failed.")

    @property
    def stays(self) -> bool:
        """Whether it is better than the baseline in both on average over fresh seeds."""
        return bool(self.again) and all(gain.mean > 0 for gain in self.again.values())


class Retest(Record):
    """What came of it."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    run: str = Field(description="Its name.")
    experiments: int = Field(description="Finished experiments of the run, the baseline not counted.")
    beats: int = Field(description="Those that beat the baseline in both metrics.")
    beats_by_chance: float = Field(
        description="How many would on average if all were equal and the metrics independent: a quarter."
    )
    seeds: list[int] = Field(description="Fresh ones.")
    noise: dict[Metric, Noise] = Field(description="By metric; empty where no program has two seeds.")
    winners: list[Winner] = Field(description="The best by fitness of those that beat the baseline.")
    trainings: list[Training] = Field(description="All of them, the baseline's too.")

    @property
    def stay(self) -> int:
        """Winners that are better in both on average over fresh seeds."""
        return sum(winner.stays for winner in self.winners)

    def stay_beyond(self, metric: Metric) -> int:
        """Winners that are better by more than noise, p < 0.05 after Holm's correction over the winners."""
        found = [winner.again[metric].p_value for winner in self.winners if metric in winner.again]
        return sum(p < LEVEL for p in holm(found))

    def shrinkage(self, metric: Metric) -> tuple[float, float] | None:
        """Mean advantage of the winners as claimed and as found again; None where none was trained again."""
        pairs = [(w.claimed[metric], w.again[metric].mean) for w in self.winners if metric in w.again]
        return (fmean(c for c, _ in pairs), fmean(a for _, a in pairs)) if pairs else None


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
    run = DiscoveryRun(job.folder)
    lab = stage_lab(run, job.labs, "exploration")
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
    """Do the jobs and write `retest.json`; what is in the run's record is not trained again.

    Raises:
        AsiReproError: where a training could not be done for no fault of its program.
    """
    found: list[Training] = []

    def take(_: Job, training: Training) -> None:
        found.append(training)
        progress(training)

    if lost := executor.run(run_job, jobs, on_result=take):
        if isinstance(lost[0].error, AsiReproError):
            raise lost[0].error
        raise AsiReproError(f"{len(lost)} trainings were lost: {lost[0].reason}", where=str(run.folder))
    made = judge(run, found)
    atomic_write(run.folder / FILE, dump_json(_stable(made.model_dump(by_alias=True))))
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


def read_retest(path: Path) -> Retest:
    """The file that `retest_run` wrote.

    Raises:
        MissingInput, DataError: where there is none, or it is damaged.
    """
    again = f"asi-repro retest --run {path.parent.name}"
    return read_record(path, Retest, missing="the run was not retested", make=again)


def _stable(value: Any) -> Any:
    """Numbers to nine significant digits: the last bits of a sum depend on the processor."""
    if isinstance(value, dict):
        return {key: _stable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_stable(each) for each in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


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
