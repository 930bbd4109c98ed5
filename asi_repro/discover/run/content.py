"""What the commit of an experiment holds: the history's files, and what only a run of our own knows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

from asi_repro.archive.bare_programs import bare_program
from asi_repro.archive.history.content import commit_message, experiment_files
from asi_repro.archive.history.records import ExperimentRecord
from asi_repro.archive.reader import Experiment, Program
from asi_repro.discover.loop.fitness import Fitness
from asi_repro.discover.run.store import DAMAGED
from asi_repro.discover.types import Analysis, Candidate, Judgement, Metrics, Proposal, Verdict
from asi_repro.errors import DataError
from asi_repro.store.json_text import JsonDict, dump_json
from asi_repro.store.records import Record, faults_reported
from asi_repro.text import terminal_safe

FORMAT = "asi_repro.discovery/1"
ORIGIN = "a run of our own discovery loop, not the paper's"
DISCOVERY, ANALYSIS, TRACE, PROGRAM = "discovery.json", "analysis.md", "trace.jsonl", "program.py"


class AnalysisLinks(Record):
    """What an analysis refers to; its text is a file of its own."""

    shortcomings: list[str]
    cognition: list[str]


class Discovery(Record):
    """discovery.json: what only a run of our own knows of an experiment.

    Attributes:
        index, parent, depth: its place in the run.
        references, ranks: see `Sample`.
        operators, cognition: see `Proposal`.
        baseline: index of the experiment that it was compared with.
        seed, training_seed: of its draws, and of its training.
        components: what its fitness is the mean of.
        proposals, repairs: how many there were until one was accepted, and until it could be trained.
        turned_down: proposals that were turned down.
        check, novelty: the verdicts that let it pass; the first program is compared with none.
        snapshot, pool: the last experiment that the pool could hold, and its size.
    """

    format: str = FORMAT
    origin: str = ORIGIN
    arm: str
    index: int
    parent: Optional[int]
    depth: int
    references: list[int]
    ranks: list[int]
    operators: list[str]
    cognition: list[str]
    fitness: Fitness
    judgement: Optional[Judgement]
    metrics: Metrics
    analysis: AnalysisLinks
    baseline: int
    seed: int
    training_seed: int
    components: list[str]
    proposals: int
    repairs: int
    turned_down: int
    check: Verdict
    novelty: Optional[Verdict] = None
    snapshot: Optional[int] = None
    pool: Optional[int] = None

    def dump(self) -> str:
        """As the file has it."""
        absent = {name for name in ("novelty", "snapshot", "pool") if getattr(self, name) is None}
        return dump_json(self.model_dump(mode="json", exclude=absent))


@dataclass(frozen=True)
class FinishedExperiment:
    """An experiment about to be committed."""

    discovery: Discovery
    proposal: Proposal
    analysis: Analysis

    def record(self) -> ExperimentRecord:
        """As the history and the archive have it."""
        index, metrics = self.discovery.index, self.discovery.metrics
        common: JsonDict = {
            "index": index,
            "name": self.proposal.name,
            "display_name": None,
            "parent": self.discovery.parent,
            "score": self.discovery.fitness.value,
        }
        program = Program(**common, **bare_program(self.proposal.program, self.proposal.motivation))
        experiment = Experiment(
            **common, depth=self.discovery.depth, children=0, in_gallery=False, has_program=True
        )
        return ExperimentRecord(
            experiment, program, benchmark_rows(index, metrics), curve_rows(index, metrics)
        )

    def files(self, trace: str) -> dict[str, bytes]:
        """The files of the commit by name.

        Args:
            trace: its spans as JSON lines.
        """
        return {
            **experiment_files(self.record()),
            DISCOVERY: self.discovery.dump().encode(),
            ANALYSIS: _text(self.analysis.text).encode(),
            TRACE: trace.encode(),
        }

    def message(self) -> bytes:
        """The commit message."""
        beats = "yes" if self.discovery.fitness.beats_baseline else "no"
        return (
            commit_message(self.record()) + f"Arm: {self.discovery.arm}\nBeats-baseline: {beats}\n".encode()
        )


def benchmark_rows(index: int, metrics: Metrics) -> list[JsonDict]:
    """Rows of the archive's table `benchmarks`."""
    rows = [
        {"index": index, "column": task, "task": task, "metric": "accuracy", "value": value}
        for task, value in sorted(metrics.scores.items())
    ]
    average = {"index": index, "column": "average", "task": "average", "metric": "mean"}
    return [*rows, {**average, "value": metrics.benchmark}]


def curve_rows(index: int, metrics: Metrics) -> list[JsonDict]:
    """Rows of the archive's table `curves`."""
    return [{"index": index, "step": step, "loss": loss} for step, loss in metrics.curve]


def read_candidate(files: Mapping[str, bytes], where: str) -> Candidate:
    """A committed experiment as a parent or a reference.

    Args:
        files: `discovery.json`, `experiment.json`, `program.py` and `analysis.md` of its commit.

    Raises:
        DataError: where one is missing or damaged.
    """
    discovery, experiment = read_discovery(files, where), read_object(files, "experiment.json", where)
    try:
        return Candidate(
            index=discovery.index,
            name=experiment["name"],
            motivation=experiment["program"]["motivation"],
            program=files[PROGRAM].decode(),
            parent=discovery.parent,
            fitness=discovery.fitness.value,
            metrics=discovery.metrics,
            analysis=text if (text := files[ANALYSIS].decode()).strip() else None,
            depth=discovery.depth,
        )
    except (KeyError, TypeError, ValueError) as error:
        what = f"this is not an experiment of the loop: {error!r}"
        raise DataError(what, where=where, hint=DAMAGED) from error


def read_discovery(files: Mapping[str, bytes], where: str) -> Discovery:
    """The `discovery.json` among the files of a commit.

    Raises:
        DataError: where it is missing or damaged.
    """
    if DISCOVERY not in files:
        raise DataError(f"no {DISCOVERY}", where=where, hint=DAMAGED)
    with faults_reported(DISCOVERY, where=where, hint=DAMAGED):
        return Discovery.model_validate_json(files[DISCOVERY])


def read_object(files: Mapping[str, bytes], name: str, where: str) -> JsonDict:
    """A JSON object among the files of a commit.

    Raises:
        DataError: where it is missing or is none.
    """
    try:
        value = json.loads(files[name])
    except (KeyError, ValueError, RecursionError) as error:
        raise DataError(f"the commit has no readable {name}", where=where, hint=DAMAGED) from error
    if not isinstance(value, dict):
        raise DataError(f"{name} is not a JSON object", where=where, hint=DAMAGED)
    return value


def _text(text: str) -> str:
    return terminal_safe(text).rstrip("\n") + "\n"
