"""The section `llm` of params.yaml: which model plays which role, and what a run may spend."""

from __future__ import annotations

from datetime import date
from typing import Literal, Optional, Union

from pydantic import Field

from asi_repro.config.base import Settings
from asi_repro.errors import NotFound

Thinking = Union[Literal["default", "off", "adaptive", "between_tools"], int]


class RoleSettings(Settings):
    """How one role asks."""

    model: str = Field(min_length=1, description="Model id, as the API knows it.")
    max_tokens: int = Field(default=16_000, ge=1, description="Output tokens of a call, thinking included.")
    temperature: Optional[float] = Field(
        default=None, ge=0, le=1, description="Sent only where it is set: recent models do not take it."
    )
    effort: Optional[Literal["low", "medium", "high", "xhigh", "max"]] = Field(
        default=None, description="Sent only where it is set."
    )
    thinking: Thinking = Field(
        default="default",
        description="default (the model's own), off, adaptive, between_tools, or a budget of tokens.",
    )
    show_thinking: bool = Field(
        default=True, description="With adaptive or a budget: ask for a summary of it, which traces show."
    )


class Price(Settings):
    """US dollars per million tokens, on the day `as_of`."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cache_write: float = Field(ge=0, description="At the lifetime that `cache` sets.")
    cache_read: float = Field(ge=0)
    as_of: date = Field(description="When somebody looked it up.", strict=False)


class BudgetSettings(Settings):
    """What one run may spend; the call that could pass a limit is not made."""

    tokens: Optional[int] = Field(
        default=None, ge=0, description="Input and output tokens; null for no limit."
    )
    usd: Optional[float] = Field(default=None, ge=0, description="US dollars; null for no limit.")


class LlmSettings(Settings):
    """How the loop talks to a model."""

    mode: Literal["live", "record", "replay"] = Field(default="record", description="See docs/how-to/llm.md.")
    base_url: Optional[str] = Field(
        default=None,
        pattern=r"^https?://[^\s@]+$",
        description="Of a server that speaks the Messages API; null takes ANTHROPIC_BASE_URL, or the API. "
        "Not part of what a run's results depend on.",
    )
    roles: dict[str, RoleSettings] = Field(
        default_factory=dict, description="By role; `default` is for roles that are not named."
    )
    prices: dict[str, Price] = Field(default_factory=dict, description="By model id.")
    contexts: dict[str, int] = Field(
        default_factory=dict,
        description="Tokens of input and output that a model takes, by model id: the output that is asked "
        "for is cut to what the input leaves. For servers that reject a request that could pass it.",
    )
    budget: BudgetSettings = Field(default_factory=BudgetSettings)
    tool_rounds: int = Field(
        default=12, ge=1, le=100, description="Calls of one question that may use tools."
    )
    repairs: int = Field(default=2, ge=0, le=10, description="Times that a misfit goes back to the model.")
    answers: Literal["json_schema", "tool", "text"] = Field(
        default="json_schema",
        description="How structured answers are asked for: json_schema (the API's), tool (a tool that takes "
        "the answer), text (the schema in the system prompt). In all, JSON in the text is taken.",
    )
    cache: Literal["off", "5m", "1h"] = Field(
        default="5m", description="Prompt caching: off, or its lifetime."
    )
    concurrency: int = Field(default=4, ge=1, le=64, description="Calls at once, over all workers of a run.")
    attempts: int = Field(default=6, ge=1, le=20, description="Of one call, where it fails for the moment.")
    first_wait: float = Field(
        default=1.0, ge=0, description="Seconds, doubled each time, without retry-after."
    )
    longest_wait: float = Field(default=300.0, ge=0, description="Seconds between two attempts, at most.")
    idle_timeout: float = Field(default=120.0, gt=0, description="Seconds without a byte from the API.")
    call_timeout: float = Field(default=1800.0, gt=0, description="Seconds that one attempt may take.")

    def price(self, model: str) -> Price | None:
        """The price of a model; None where none is set and no money budget needs one.

        Raises:
            NotFound: where a budget in US dollars is set and the model has no price.
        """
        found = self.prices.get(model)
        if found is None and self.budget.usd is not None:
            raise NotFound(
                f"the model {model!r} has no price, so the budget of {self.budget.usd:g} US dollars "
                "cannot be kept",
                where="params.yaml, llm.prices",
                hint="add its price there, or set llm.budget.usd to null",
            )
        return found

    def role(self, name: str) -> RoleSettings:
        """The settings of a role, or of `default`.

        Raises:
            NotFound: where neither is there.
        """
        found = self.roles.get(name) or self.roles.get("default")
        if found is None:
            raise NotFound(
                f"no model is set for the role {name!r}",
                where="params.yaml, llm.roles",
                hint=f"add `{name}:` or `default:` with a `model:` there",
            )
        return found
