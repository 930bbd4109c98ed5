"""What a run tells while it is worked on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class RunBegun:
    """The work begins or goes on.

    Attributes:
        experiments: how many there are to be.
        finished: how many of these are over.
    """

    experiments: int
    finished: int


@dataclass(frozen=True)
class ExperimentFinished:
    """An experiment is over, with a commit or without one.

    Attributes:
        text: a line for a person.
    """

    index: int
    text: str


@dataclass(frozen=True)
class ExperimentVerified:
    """An experiment went through the second stage; `text` is a line for a person."""

    index: int
    text: str


Event = RunBegun | ExperimentFinished | ExperimentVerified
OnEvent = Callable[[Event], None]


def ignore(event: Event) -> None:
    """For who wants to hear nothing."""
