"""What the experiments of an imported run came to, in the order they were made, and the best of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from asi_repro.archive.node_model import GHOST, Node, Objective
from asi_repro.archive.nodes import read_nodes
from asi_repro.archive.reader import Archive, Experiment
from asi_repro.imports.layout import ARCHIVE

DISCOVERY = "scores better than the run's first scored program, by the run's own score"


@dataclass(frozen=True)
class Step:
    """One experiment of a run.

    Attributes:
        found: whether it is better than the first program with a score.
        best: the best score so far, None before there is one.
    """

    experiment: Experiment
    node: Node
    found: bool
    best: float | None


def steps(folder: Path) -> tuple[Objective, list[Step]]:
    """The objective of an imported run, and its experiments in order, without ghosts.

    The first program with a score is what the others are held against.
    """
    archive = Archive(folder / ARCHIVE)
    objective, nodes = archive.objective, read_nodes(archive)
    made: list[Step] = []
    first: float | None = None
    best: float | None = None
    for e in archive.experiments.values():
        if nodes[e.index].status == GHOST:
            continue
        better = e.score is not None and first is not None and objective.gain(e.score) > objective.gain(first)
        if e.score is not None and (best is None or objective.gain(e.score) > objective.gain(best)):
            best = e.score
        first = e.score if first is None else first
        made.append(Step(e, nodes[e.index], better, best))
    return objective, made


def ranked(folder: Path) -> list[Step]:
    """The experiments with a score, the best first; none where no direction is stated."""
    objective, made = steps(folder)
    scored = [step for step in made if step.experiment.score is not None]
    if objective.direction not in ("maximize", "minimize"):
        return []
    return sorted(scored, key=lambda step: (-objective.gain(step.experiment.score), step.experiment.index))
