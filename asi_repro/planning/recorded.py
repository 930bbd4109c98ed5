"""Our recorded control run, had it had other numbers of workers: its own plan, its own training FLOPs.

Its record keeps FLOPs and no clock, so a unit of time is a FLOP here. How an experiment came out does not
hang on workers: the plan says what each knows of, and a test of the loop compares one worker with several.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from asi_repro.archive.places import run_folders
from asi_repro.discover.run.folder import DiscoveryRun
from asi_repro.discover.run.outcomes import read_outcomes
from asi_repro.errors import DataError, MissingInput, NotFound
from asi_repro.planning.order import schedule
from asi_repro.project import Project


@dataclass(frozen=True)
class RecordedPlan:
    """The recorded run with so many workers.

    Attributes:
        workers: experiments at a time.
        used: share of the workers' time in which they trained.
        per_1e15_flops: discoveries over FLOPs that the workers could have trained in the run's time.
    """

    workers: int
    used: float
    per_1e15_flops: float


@dataclass(frozen=True)
class RecordedRun:
    """The run and its plans.

    Attributes:
        name: of the run.
        experiments, discoveries: without its first program.
        window, refresh: of its plan.
        plans: by workers.
    """

    name: str
    experiments: int
    discoveries: int
    window: int
    refresh: int
    plans: tuple[RecordedPlan, ...]

    def to_json(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def plan_recorded(project: Project, name: str, workers: Sequence[int]) -> RecordedRun | None:
    """The plans of a recorded run; None where its tables are not here (`dvc repro discover` makes them).

    Raises:
        DataError: where its record is damaged, or says no FLOPs.
    """
    try:
        outcomes = read_outcomes(project, name)
    except (MissingInput, NotFound):
        return None
    if outcomes.flops is None or list(outcomes.indices) != list(range(2, len(outcomes.indices) + 2)):
        raise DataError("the run says no FLOPs, or an experiment is missing", where=name)
    plan = DiscoveryRun(run_folders(project)[name]).schedule
    # Experiment 1 is the first program: it trains like the others, and is no discovery.
    durations = [max(outcomes.flops), *outcomes.flops]
    plans = []
    for count in workers:
        made = schedule(plan, durations, count)
        plans.append(RecordedPlan(count, made.busy / made.paid, outcomes.count / made.paid * 1e15))
    return RecordedRun(name, len(outcomes.indices), outcomes.count, plan.window, plan.refresh, tuple(plans))
