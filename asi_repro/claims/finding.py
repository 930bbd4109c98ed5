"""What a check hands back: a verdict with the numbers and rows that show it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

Row = dict[str, Any]


class Verdict(str, Enum):
    """What became of a claim."""

    REPRODUCED = "reproduced"
    CONTRADICTED = "contradicted"
    NOT_CHECKABLE = "not checkable"
    NOT_YET_RUN = "not yet run"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Part:
    """One testable piece of a claim."""

    what: str
    claimed: str
    found: str
    verdict: Verdict


@dataclass(frozen=True)
class Evidence:
    """Rows that show a number.

    Attributes:
        what: what the rows are.
        source: the table they come from, such as `archive/experiments` or `paper/table2.csv`.
        rows: the rows; those of the archive carry the experiment's `index`.
        total: how many rows there are where not all are shown.
    """

    what: str
    source: str
    rows: Sequence[Row]
    total: int | None = None

    @classmethod
    def first(cls, what: str, source: str, rows: Sequence[Row], limit: int = 25) -> Evidence:
        """The first `limit` of `rows`, saying how many there are."""
        return cls(what, source, rows[:limit], len(rows))


@dataclass(frozen=True)
class Finding:
    """The outcome of one check.

    Attributes:
        found: what was found, in a few words, in the order of what was claimed.
        method: how, in one sentence.
        figures: the numbers found, by name.
        parts: the pieces the verdict is made of.
    """

    verdict: Verdict
    found: str
    method: str
    figures: dict[str, Any] = field(default_factory=dict)
    parts: Sequence[Part] = ()
    evidence: Sequence[Evidence] = ()
    notes: Sequence[str] = ()


class NotCheckable(Exception):
    """Raised by a check where the data it needs is not there; the message says which."""


def holds(condition: bool) -> Verdict:
    """Reproduced where `condition` is true, else contradicted."""
    return Verdict.REPRODUCED if condition else Verdict.CONTRADICTED


def combine(parts: Iterable[Part]) -> Verdict:
    """The verdict of a claim from its parts: as good as the worst of them.

    One contradicted part contradicts the claim; a part that was not run or cannot be checked keeps it
    from being reproduced.

    Raises:
        ValueError: where there are no parts.
    """
    verdicts = {part.verdict for part in parts}
    if not verdicts:
        raise ValueError("a claim has at least one part")
    order = (Verdict.CONTRADICTED, Verdict.NOT_YET_RUN, Verdict.NOT_CHECKABLE, Verdict.REPRODUCED)
    return next(verdict for verdict in order if verdict in verdicts)
