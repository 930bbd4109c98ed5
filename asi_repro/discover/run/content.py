"""What the commit of an experiment holds: the history's files, and what only a run of our own knows."""

from __future__ import annotations

import json
from dataclasses import dataclass

from asi_repro.archive.history.content import commit_message, experiment_files
from asi_repro.archive.history.records import ExperimentRecord
from asi_repro.archive.reader import Experiment, Program
from asi_repro.discover.loop.fitness import Fitness
from asi_repro.discover.loop.pool import Sample
from asi_repro.discover.records import from_json, to_json
from asi_repro.discover.types import Analysis, Candidate, Judgement, Metrics, Proposal
from asi_repro.errors import DataError
from asi_repro.store.files import sha256_bytes
from asi_repro.store.json_text import JsonDict, dump_json
from asi_repro.text import terminal_safe

FORMAT = "asi_repro.discovery/1"
ORIGIN = "a run of our own discovery loop, not the paper's"
DISCOVERY, ANALYSIS, TRACE, PROGRAM = "discovery.json", "analysis.md", "trace.jsonl", "program.py"


@dataclass(frozen=True)
class FinishedExperiment:
    """An experiment about to be committed.

    Attributes:
        index, depth: its place in the run.
        arm: who proposed it.
        proposal, metrics, fitness, judgement, analysis: what came of its steps.
        sample: what it was built on, None for the first program.
        facts: further JSON for `discovery.json`: seeds, snapshot, attempts, verdicts.
    """

    index: int
    depth: int
    arm: str
    proposal: Proposal
    metrics: Metrics
    fitness: Fitness
    judgement: Judgement | None
    analysis: Analysis
    sample: Sample | None
    facts: JsonDict

    @property
    def parent(self) -> int | None:
        """Index of the parent."""
        return self.sample.parent.index if self.sample else None

    def record(self) -> ExperimentRecord:
        """As the history and the archive have it."""
        source = self.proposal.program
        program = Program(
            index=self.index,
            name=self.proposal.name,
            display_name=None,
            parent=self.parent,
            score=self.fitness.value,
            source=source,
            sha256=sha256_bytes(source.encode()),
            lines=len(source.splitlines()),
            motivation=self.proposal.motivation,
            summary=None,
            diagram=None,
            parameters_stated=None,
            parameters=None,
        )
        experiment = Experiment(
            index=self.index,
            name=self.proposal.name,
            display_name=None,
            parent=self.parent,
            depth=self.depth,
            children=0,
            score=self.fitness.value,
            in_gallery=False,
            has_program=True,
        )
        return ExperimentRecord(
            experiment,
            program,
            benchmark_rows(self.index, self.metrics),
            curve_rows(self.index, self.metrics),
        )

    def files(self, trace: str) -> dict[str, bytes]:
        """The files of the commit by name.

        Args:
            trace: its spans as JSON lines.
        """
        return {
            **experiment_files(self.record()),
            DISCOVERY: dump_json(self._discovery()).encode(),
            ANALYSIS: _text(self.analysis.text).encode(),
            TRACE: trace.encode(),
        }

    def message(self) -> bytes:
        """The commit message."""
        beats = "yes" if self.fitness.beats_baseline else "no"
        return commit_message(self.record()) + f"Arm: {self.arm}\nBeats-baseline: {beats}\n".encode()

    def _discovery(self) -> JsonDict:
        return {
            "format": FORMAT,
            "origin": ORIGIN,
            "arm": self.arm,
            "index": self.index,
            "parent": self.parent,
            "depth": self.depth,
            "references": [c.index for c in self.sample.references] if self.sample else [],
            "ranks": list(self.sample.ranks) if self.sample else [],
            "operators": list(self.proposal.operators),
            "cognition": list(self.proposal.cognition),
            "fitness": {
                "value": self.fitness.value,
                "terms": self.fitness.terms,
                "loss_difference": self.fitness.loss_difference,
                "benchmark_difference": self.fitness.benchmark_difference,
                "beats_baseline": self.fitness.beats_baseline,
            },
            "judgement": None if self.judgement is None else to_json(self.judgement),
            "metrics": to_json(self.metrics),
            "analysis": {
                "shortcomings": list(self.analysis.shortcomings),
                "cognition": list(self.analysis.cognition),
            },
            **self.facts,
        }


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


def read_candidate(files: dict[str, bytes], where: str) -> Candidate:
    """A committed experiment as a parent or a reference.

    Args:
        files: `discovery.json`, `experiment.json`, `program.py` and `analysis.md` of its commit.

    Raises:
        DataError: where one is missing or damaged.
    """
    discovery, experiment = read_object(files, DISCOVERY, where), read_object(files, "experiment.json", where)
    try:
        return Candidate(
            index=discovery["index"],
            name=experiment["name"],
            motivation=experiment["program"]["motivation"],
            program=files[PROGRAM].decode(),
            parent=discovery["parent"],
            fitness=float(discovery["fitness"]["value"]),
            metrics=from_json(Metrics, discovery["metrics"], where),
            analysis=files[ANALYSIS].decode(),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"not an experiment of the loop: {error!r}", where=where) from error


def read_object(files: dict[str, bytes], name: str, where: str) -> JsonDict:
    """A JSON object among the files of a commit.

    Raises:
        DataError: where it is missing or is none.
    """
    try:
        value = json.loads(files[name])
    except (KeyError, ValueError, RecursionError) as error:
        raise DataError(f"no readable {name}", where=where) from error
    if not isinstance(value, dict):
        raise DataError(f"{name} is not a JSON object", where=where)
    return value


def _text(text: str) -> str:
    return terminal_safe(text).rstrip("\n") + "\n"
