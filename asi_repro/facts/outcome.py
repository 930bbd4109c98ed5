"""What a question's function hands back: an answer with its number, its interval, and what noise shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from asi_repro.claims.finding import Row
from asi_repro.results.statistics import Interval

ALPHA = 0.05
BOOTSTRAP = "bootstrap over architectures"
EXACT = "exact (Clopper-Pearson)"


class Answer(str, Enum):
    """What became of a question."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "cannot tell"
    NOT_RUN = "not run"

    def __str__(self) -> str:
        return self.value


class NotRun(Exception):
    """Raised where the data that a question needs are not there; the message says which."""


@dataclass(frozen=True)
class Estimate(Interval):
    """A number with its 95% interval, how many units it rests on, and how the interval was made."""

    n: int
    made: str

    @property
    def negated(self) -> Estimate:
        """The same number with the other sign."""
        return replace(self, estimate=-self.estimate, low=-self.high, high=-self.low)


@dataclass(frozen=True)
class Found:
    """An answer before it is corrected for the number of tests.

    Attributes:
        sentence: the answer in one sentence, with its number, interval and n.
        numbers: those that the question's text on noise has places for.
        p_value: of the question's test, two-sided unless `noise` says otherwise; None for a count.
        rows: the rows that show it; those of experiments have `index`.
    """

    answer: Answer
    sentence: str
    estimate: Estimate
    numbers: Mapping[str, float | str] = field(default_factory=dict)
    p_value: float | None = None
    rows: Sequence[Row] = ()


def tested(estimate: float, p_value: float) -> Answer:
    """Yes for a number above 0 and no for one below, where the test tells it from 0."""
    if not p_value < ALPHA:
        return Answer.UNKNOWN
    return Answer.YES if estimate > 0 else Answer.NO


def beyond(interval: Interval, limit: float) -> Answer:
    """Yes where the interval lies above `limit`, no where it lies below, else unknown."""
    if interval.low > limit:
        return Answer.YES
    return Answer.NO if interval.high < limit else Answer.UNKNOWN


def yes_if(condition: bool) -> Answer:
    """The answer of a complete count."""
    return Answer.YES if condition else Answer.NO
