"""How an injected fault can end, and the table's rows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    """One end of one fault; the value is how the table names it."""

    SAME = "same result"  # the command went through and gave what an undisturbed one gives
    RECOVERED = "recovered"  # cut off; the same command again gave what an undisturbed one gives
    REFUSED = "refused"  # a clear error; with its cause gone the same command gave the undisturbed result
    LOST = "lost finished work"
    WRONG = "silently wrong"
    TRACEBACK = "traceback"
    UNCLEAR = "unclear error"  # no word of what, where or what to do
    HANG = "hang"
    LEFT_RUNNING = "left processes"
    STUCK = "did not recover"

    @property
    def good(self) -> bool:
        """Whether the suite may pass with it."""
        return self in GOOD


GOOD = (Outcome.SAME, Outcome.RECOVERED, Outcome.REFUSED)


@dataclass(frozen=True)
class Shot:
    """One fault that was injected.

    Attributes:
        fault: its kind, as in "kill -9 of the driver".
        target: the command or file that it hit.
        outcome: how it ended.
        detail: where it hit, and for a bad end what was seen.
        recovery: seconds from running the command again to its first new piece of work; None where nothing
            was cut off.
        recovery_cpu: processor seconds until then, of the command and all below it.
    """

    fault: str
    target: str
    outcome: Outcome
    detail: str = ""
    recovery: float | None = None
    recovery_cpu: float | None = None
