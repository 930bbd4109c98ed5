"""What came of training a run's winners again with fresh seeds, as `retest.json` keeps it."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from typing import Literal, Optional

from pydantic import Field

from asi_repro.results.reliability import LEVEL
from asi_repro.results.significance import holm
from asi_repro.store.records import Record, read_record

RETEST = "retest.json"
Metric = Literal["loss", "benchmark"]


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


def read_retest(path: Path) -> Retest:
    """The file that `retest_run` wrote.

    Raises:
        MissingInput, DataError: where there is none, or it is damaged.
    """
    again = f"asi-repro retest --run {path.parent.name}"
    return read_record(path, Retest, missing="the run was not retested", make=again)
