"""How sure a comparison is, as records; what works them out is `significance`, which takes scipy."""

from __future__ import annotations

from typing import Optional

from pydantic import Field

from asi_repro.store.records import Record


class Spread(Record):
    """A mean over seeds."""

    mean: float = Field(description="The mean.")
    low: Optional[float] = Field(default=None, description="Student's 95% interval; null for one seed.")
    high: Optional[float] = Field(default=None, description="Student's 95% interval; null for one seed.")
    count: int = Field(description="Seeds.")


class Difference(Record):
    """A model minus the reference."""

    estimate: float = Field(description="The difference.")
    low: Optional[float] = Field(default=None, description="95% interval; null where one seed gives none.")
    high: Optional[float] = Field(default=None, description="95% interval; null where one seed gives none.")
    p_value: Optional[float] = Field(
        default=None,
        description="Two-sided, never 0: twice (draws beyond zero + 1) / (draws + 1). Null: no test.",
    )
    holm_p_value: Optional[float] = Field(
        default=None, description="Corrected over the architectures; null for a baseline."
    )


class WinnersCurse(Record):
    """What the best of many models would show if none were better than the reference."""

    models: int = Field(description="Architectures.")
    observed: float = Field(description="The best one's difference from the reference.")
    expected: float = Field(description="Mean of the best difference under the null.")
    high: float = Field(description="Its 95% quantile: a best below it is no evidence of a better model.")
    p_value: float = Field(description="Share of draws with a best at least as good; never 0.")
