"""What an experiment of an imported run is, and what its scores are; `nodes` reads them."""

from __future__ import annotations

from dataclasses import dataclass

FINISHED, FAILED, REJECTED, EVICTED, GHOST = STATUSES = ("finished", "failed", "rejected", "evicted", "ghost")
MAXIMIZE, MINIMIZE, UNKNOWN = DIRECTIONS = ("maximize", "minimize", "unknown")
PARENT, COPY = TREE_ROLES = ("parent", "copy")
"""What the parent is that an experiment has in the tree: a copy was neither proposed nor scored anew."""
AS_RECORDED = "as recorded"
"""The metric of a value of which nothing but its system's name for it is known."""


@dataclass(frozen=True, slots=True)
class Node:
    """A row of `node_tables.NODES`; see there for what each field means."""

    index: int
    native_id: str
    status: str
    generation: int | None = None
    iteration: int | None = None
    island: str | None = None
    language: str | None = None
    time: float | None = None
    seconds: float | None = None
    cost: float | None = None
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Objective:
    """What a run's scores are.

    Attributes:
        score: name of the score.
        direction: maximize, minimize, or unknown where the system does not say.
    """

    score: str = "score"
    direction: str = MAXIMIZE

    @property
    def directed(self) -> bool:
        """Whether it is stated which scores are better."""
        return self.direction != UNKNOWN

    @property
    def sign(self) -> float:
        """Of a score on a scale that leads to the better ones; 1 where there is no direction."""
        return -1.0 if self.direction == MINIMIZE else 1.0

    def gain(self, value: float | None) -> float:
        """The score such that more is better; minus infinity where there is none or no direction."""
        if value is None or not self.directed:
            return float("-inf")
        return self.sign * value
