"""What a check hands back: parts with verdicts, and the numbers and rows that show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

Row = dict[str, Any]
PLAIN = "plain"


class Verdict(str, Enum):
    """What became of a claim."""

    REPRODUCED = "reproduced"
    CONTRADICTED = "contradicted"
    UNDECIDED = "undecided"
    NOT_CHECKABLE = "not checkable"
    NOT_YET_RUN = "not yet run"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Part:
    """One testable piece of a claim, under one reading of its sentence."""

    what: str
    claimed: str
    found: str
    verdict: Verdict
    reading: str = PLAIN


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
        effect: the number that the verdict rests on, in at most 60 characters, with its interval if any.
        found: what was found, in one line, in the order of what was claimed.
        method: how, in one sentence; the claim's own text where it is empty.
        parts: the pieces that the verdict is made of, each under a reading of the claim's sentence.
        figures: the numbers found, by name.
        notes: what bears on the verdict, before the claim's own notes.
        power: what these data could have shown; the claim's own text where it is empty.
    """

    effect: str
    found: str
    parts: Sequence[Part]
    method: str = ""
    figures: dict[str, Any] = field(default_factory=dict)
    evidence: Sequence[Evidence] = ()
    notes: Sequence[str] = ()
    power: str = ""

    @property
    def readings(self) -> dict[str, Verdict]:
        """The verdict under each reading, as good as the worst of its parts."""
        names = dict.fromkeys(part.reading for part in self.parts)
        return {name: worst(p.verdict for p in self.parts if p.reading == name) for name in names}

    @property
    def verdict(self) -> Verdict:
        """The verdict that all readings share; `undecided` where they differ."""
        return unanimous(self.readings.values())


class NotCheckable(Exception):
    """Raised by a check where the data it needs is not there; the message says which."""


def holds(condition: bool) -> Verdict:
    """Reproduced where `condition` is true, else contradicted."""
    return Verdict.REPRODUCED if condition else Verdict.CONTRADICTED


def either(true: bool, false: bool) -> Verdict:
    """Reproduced where the data show it true, contradicted where they show it false, else undecided."""
    if true:
        return Verdict.REPRODUCED
    return Verdict.CONTRADICTED if false else Verdict.UNDECIDED


_WORST_FIRST = (
    Verdict.CONTRADICTED,
    Verdict.NOT_YET_RUN,
    Verdict.NOT_CHECKABLE,
    Verdict.UNDECIDED,
    Verdict.REPRODUCED,
)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of pieces that must all hold.

    Raises:
        ValueError: where there are none.
    """
    found = set(verdicts)
    if not found:
        raise ValueError("a claim has at least one part")
    return next(verdict for verdict in _WORST_FIRST if verdict in found)


def unanimous(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of a sentence from those of its readings.

    A claim is reproduced where every reading holds and contradicted where none does. Where one holds and
    another does not, it is for the reader to say which was meant: undecided.
    """
    found = set(verdicts)
    if len(found) == 1:
        return found.pop()
    return Verdict.NOT_YET_RUN if Verdict.NOT_YET_RUN in found else Verdict.UNDECIDED
