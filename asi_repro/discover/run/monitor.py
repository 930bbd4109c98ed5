"""A live run as it stands, read without touching it: no lock is taken, nothing is written.

Who works on what is in the journals, which a worker extends at each step and deletes at the end; whether it
is still at it says the kernel's table of locks. Results come from the run's repository.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from asi_repro.config.llm import BudgetSettings
from asi_repro.discover.loop.schedule import ROOT
from asi_repro.discover.loop.steps import Step, StepRules, passed
from asi_repro.discover.loop.verification import VERIFYING
from asi_repro.discover.run.content import DISCOVERY, read_discovery, read_object
from asi_repro.discover.run.folder import LOSSES, PLAN, TIMINGS, TRAINING, DiscoveryRun
from asi_repro.discover.run.rejected import read_rejected
from asi_repro.discover.run.store import EXPERIMENTS, VERIFIED
from asi_repro.errors import DataError
from asi_repro.llm.budget import Ledger
from asi_repro.store.json_lines import read_lines
from asi_repro.store.json_text import JsonDict

_LOCKS = Path("/proc/locks")
_SPENT = "llm-spent.jsonl"
_EXPERIMENT = "experiment.json"


@dataclass(frozen=True)
class TrainingNow:
    """A training that is under way.

    Attributes:
        steps: that it is to take.
        losses: (step, nats per token) in order of the steps; at least one.
    """

    steps: int
    losses: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class UnfinishedWork:
    """One piece of work that is not over.

    Attributes:
        name: of its journal: an experiment's index, or the second stage's.
        done: steps that are over, in order.
        step: what comes next, which is under way where somebody works on it.
        worker: process that holds its lock; None where nobody does, or the system does not tell.
        seconds: since its last step was over.
        spent: seconds that its steps took so far.
        training: of its worker just now; None where there is none.
    """

    name: str
    done: tuple[str, ...]
    step: str
    worker: int | None
    seconds: float
    spent: float
    training: TrainingNow | None = None


@dataclass(frozen=True)
class ExperimentResult:
    """One experiment that is over.

    Attributes:
        fitness, train_loss, benchmark: None where it failed.
        why: the reason where it failed.
        seconds: that its process spent on it; None where that is not recorded.
    """

    index: int
    name: str
    parent: int | None
    fitness: float | None
    train_loss: float | None
    benchmark: float | None
    beats_baseline: bool
    why: str
    seconds: float | None

    @property
    def failed(self) -> bool:
        return self.fitness is None


@dataclass(frozen=True)
class RunStatus:
    """A run at one moment.

    Attributes:
        arm: who proposes.
        results: in index order, failures too.
        verified: experiments that passed or failed the second stage.
        unfinished: work that is not over, in order of its name.
        tokens, usd: spent on the models, bookings included; None where none is asked.
        limits: of tokens and US dollars; None for no limit.
        rejected: proposals turned down so far.
        planned: experiments that it was last asked for; None where that is not recorded.
    """

    arm: str
    results: tuple[ExperimentResult, ...]
    verified: tuple[int, ...]
    unfinished: tuple[UnfinishedWork, ...]
    tokens: int | None
    usd: float | None
    limits: tuple[int | None, float | None]
    rejected: int
    planned: int | None

    @property
    def seconds_left(self) -> float | None:
        """What the experiments that are still to come take at the pace of those that are over.

        None where nobody works, where no time is recorded, or where none is to come.
        """
        times = [one.seconds for one in self.results if one.seconds is not None]
        left = (self.planned or 0) - len(self.results)
        if left <= 0 or not times or not self.workers:
            return None
        return left * sum(times) / len(times) / self.workers

    @property
    def committed(self) -> list[ExperimentResult]:
        return [result for result in self.results if not result.failed]

    @property
    def best(self) -> ExperimentResult | None:
        """The highest fitness, the earliest of equals."""
        return max(self.committed, key=lambda r: (r.fitness or 0.0, -r.index), default=None)

    @property
    def workers(self) -> int:
        """Processes seen at work."""
        return len({one.worker for one in self.unfinished if one.worker is not None})


@dataclass
class RunMonitor:
    """Looks at one run again and again; what does not change is read once.

    Args:
        folder: of the run.
    """

    folder: Path
    _results: dict[int, ExperimentResult] = field(default_factory=dict)
    _commits: dict[int, str] = field(default_factory=dict)
    _seconds: dict[int, float] = field(default_factory=dict)
    _ledger: Ledger | None = None
    _planned: int | None = None

    def status(self) -> RunStatus:
        """The run now.

        Raises:
            MissingInput: where there is no run.
            DataError: where it is damaged.
        """
        run = DiscoveryRun(self.folder)
        self._read_seconds()
        self._read_commits(run)
        rejected = self._read_rejected()
        spent = self._spent(run)
        limits = _limits(run.settings.llm)
        return RunStatus(
            arm=run.discover.arm,
            results=tuple(self._results[index] for index in sorted(self._results)),
            verified=tuple(run.store.commits(VERIFIED)),
            unfinished=self._unfinished(run),
            tokens=None if spent is None else spent[0],
            usd=None if spent is None else spent[1],
            limits=limits,
            rejected=rejected,
            planned=self._planned,
        )

    def _read_seconds(self) -> None:
        for line in read_lines(self.folder / TIMINGS):
            if line.get("kind") == PLAN and isinstance(line.get("experiments"), int):
                self._planned = line["experiments"]
            if line.get("kind") == "experiment" and isinstance(line.get("index"), int):
                steps = line.get("steps")
                if isinstance(steps, dict):
                    self._seconds[line["index"]] = sum(
                        v for v in steps.values() if isinstance(v, int | float)
                    )

    def _read_commits(self, run: DiscoveryRun) -> None:
        commits = run.store.commits(EXPERIMENTS)
        new = {index: commit for index, commit in commits.items() if self._commits.get(index) != commit}
        for index, files in zip(new, run.store.files(new.values(), [DISCOVERY, _EXPERIMENT]), strict=True):
            where = f"{run.store.folder}, experiment {index}"
            self._results[index] = _result(index, files, self._seconds.get(index), where)
        self._commits = commits

    def _read_rejected(self) -> int:
        count = 0
        for path in sorted((self.folder / "rejected").glob("[0-9]*.json")):
            record = read_rejected(path)
            count += len(record.turned_down)
            if record.status == "failed":
                last = record.turned_down[-1].proposal.get("name", "") if record.turned_down else ""
                self._results[record.index] = ExperimentResult(
                    record.index, str(last), None, None, None, None, False, record.why,
                    self._seconds.get(record.index),
                )  # fmt: skip
        return count

    def _unfinished(self, run: DiscoveryRun) -> tuple[UnfinishedWork, ...]:
        holders, found = lock_holders(self.folder / "locks"), []
        trained = {name: now for name, process in holders.items() if (now := self._trained_by(process))}
        for path in sorted((self.folder / "journal").glob("*.jsonl")):
            try:
                seconds = max(time.time() - path.stat().st_mtime, 0.0)
            except FileNotFoundError:
                continue
            lines = read_lines(path)
            done = tuple(str(line.get("step")) for line in lines)
            spent = sum(float(line["seconds"]) for line in lines if isinstance(line.get("seconds"), float))
            step = next_step(lines, _rules(run, path.stem))
            now = trained.get(path.stem)
            found.append(UnfinishedWork(path.stem, done, step, holders.get(path.stem), seconds, spent, now))
        # Work that has no journal yet: its first step is under way.
        for name in sorted(set(holders) - {one.name for one in found}):
            step = "train" if name.startswith(VERIFYING) else _rules(run, name).first.name
            found.append(UnfinishedWork(name, (), step, holders[name], 0.0, 0.0, trained.get(name)))
        return tuple(sorted(found, key=lambda one: one.name))

    def _trained_by(self, process: int) -> TrainingNow | None:
        """What a process trains, by the losses that it writes down; a folder may go while it is read."""
        for path in sorted((self.folder / TRAINING).glob(f"*/{LOSSES}")):
            with suppress(DataError, KeyError, TypeError, ValueError):
                lines = [one for one in read_lines(path) if one.get("process") == process]
                losses = tuple((int(one["step"]), float(one["loss"])) for one in lines)
                if losses:
                    return TrainingNow(int(lines[-1]["steps"]), losses)
        return None

    def _spent(self, run: DiscoveryRun) -> tuple[int, float] | None:
        path = self.folder / _SPENT
        if not path.is_file():
            return None
        if self._ledger is None:
            self._ledger = Ledger(BudgetSettings(), path)
        return self._ledger.spent


def next_step(lines: list[JsonDict], rules: StepRules) -> str:
    """The step after those of a journal, as far as its results tell (see `loop.steps.passed`)."""
    if not lines:
        return rules.first.name
    step = Step.parse(str(lines[-1].get("step")))
    following = None if step is None else rules.after(step, passed(step, lines[-1].get("value")))
    return "commit" if following is None else following.name


def _rules(run: DiscoveryRun, name: str) -> StepRules:
    off = run.discover.without
    is_root, by_models = name == f"{ROOT:07d}", run.discover.arm == "llm"
    return StepRules(
        is_root=is_root,
        proposals=1 if is_root else run.discover.proposals,
        repairs=run.discover.repairs if by_models and "repairs" not in off else 0,
        compared="novelty" not in off,
        judged=by_models and "judge" not in off,
        analysed="analyst" not in off,
    )


def lock_holders(folder: Path) -> dict[str, int]:
    """Which process holds the lock of each file in `folder`, as the kernel tells it; {} where it does not."""
    try:
        table = _LOCKS.read_text(encoding="ascii", errors="replace")
        names = {path.stat().st_ino: path.name for path in folder.iterdir()}
    except OSError:
        return {}
    found = {}
    for line in table.splitlines():
        parts = line.split()
        # "1: FLOCK ADVISORY WRITE 4127 fe:00:2910596 0 EOF"; a line with "->" waits for the lock.
        if len(parts) > 5 and parts[1] == "FLOCK" and parts[5].count(":") == 2:
            inode = int(parts[5].rpartition(":")[2])
            if inode in names and parts[4].isdigit():
                found[names[inode]] = int(parts[4])
    return found


def _result(index: int, files: Mapping[str, bytes], seconds: float | None, where: str) -> ExperimentResult:
    found, experiment = read_discovery(files, where), read_object(files, _EXPERIMENT, where)
    return ExperimentResult(
        index=index,
        name=str(experiment.get("name", "")),
        parent=found.parent,
        fitness=found.fitness.value,
        train_loss=found.metrics.train_loss,
        benchmark=found.metrics.benchmark,
        beats_baseline=found.fitness.beats_baseline,
        why="",
        seconds=seconds,
    )


def _limits(llm: JsonDict) -> tuple[int | None, float | None]:
    budget = llm.get("budget") if isinstance(llm, dict) else None
    if not isinstance(budget, dict):
        return None, None
    return budget.get("tokens"), budget.get("usd")
