"""What can go wrong with a call to a model, each as an error that a person or the loop can act on."""

from __future__ import annotations

from asi_repro.errors import AsiReproError


class BudgetExceeded(AsiReproError):
    """The run's budget of tokens or money does not allow another call."""


class Refused(AsiReproError):
    """The model declined to answer (stop reason `refusal`)."""


class Truncated(AsiReproError):
    """The answer was cut at `max_tokens` or at the end of the model's context.

    Attributes:
        text: what there is of it.
    """

    def __init__(
        self, what: str, *, text: str = "", where: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(what, where=where, hint=hint)
        self.text = text


class BadToolInput(AsiReproError):
    """The model's tool input or structured answer does not fit its schema, and repairs did not help."""


class TooManyRounds(AsiReproError):
    """The model went on calling tools after the last round that the settings allow."""


class ReplayMiss(AsiReproError):
    """A request that the record does not hold; shows what differs from the nearest one."""


class Unreachable(AsiReproError):
    """The API gave no answer: no connection, time-outs, overload; or it rejected the request."""
