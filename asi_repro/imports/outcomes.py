"""What the experiments of an imported run came to, in the order they were made, and the best of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from asi_repro.archive.node_model import GHOST, MINIMIZE, Node, Objective
from asi_repro.archive.nodes import copies, read_nodes
from asi_repro.archive.reader import Archive, Experiment
from asi_repro.imports.layout import ARCHIVE

NO_DIRECTION = "not known, as nothing says whether a higher score is better"


def discovery_of(system: str, objective: Objective) -> str:
    """What a discovery of an imported run does, or is where no direction is stated; ends a sentence."""
    if not objective.directed:
        return f"is {NO_DIRECTION}"
    better = "less" if objective.direction == MINIMIZE else "more"
    return (
        f"scores better than the run's first scored program, by {objective.score} of {system} "
        f"({better} is better)"
    )


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
    """The objective of an imported run, and its experiments in order, without ghosts and copies.

    The first program with a score is what the others are held against.
    """
    archive = Archive(folder / ARCHIVE)
    objective, nodes, copied = archive.objective, read_nodes(archive), copies(archive)
    made: list[Step] = []
    first: float | None = None
    best: float | None = None
    for e in archive.experiments.values():
        if nodes[e.index].status == GHOST or e.index in copied:
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
    if not objective.directed:
        return []
    return sorted(scored, key=lambda step: (-objective.gain(step.experiment.score), step.experiment.index))
