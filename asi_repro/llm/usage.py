"""Tokens and what they cost."""

from __future__ import annotations

import json
import math
import operator
from dataclasses import astuple, dataclass
from typing import Any

from asi_repro.config.llm import Price

_BYTES_PER_TOKEN = 2
"""For estimates before a call; English text and Python have 3 to 4, so that this is on the safe side."""


@dataclass(frozen=True)
class Usage:
    """Tokens. `input` is what was neither read from nor written to the prompt cache."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(*map(operator.add, astuple(self), astuple(other)))

    @property
    def total(self) -> int:
        """All tokens, cached ones too."""
        return sum(astuple(self))

    @classmethod
    def of(cls, message: dict[str, Any]) -> Usage:
        """Of one answer of the API."""
        usage = message["usage"]
        return cls(
            usage["input_tokens"],
            usage["output_tokens"],
            usage.get("cache_read_input_tokens") or 0,
            usage.get("cache_creation_input_tokens") or 0,
        )


def cost(usage: Usage, price: Price | None) -> float | None:
    """US dollars, None without a price."""
    if price is None:
        return None
    million = (
        usage.input * price.input
        + usage.output * price.output
        + usage.cache_read * price.cache_read
        + usage.cache_write * price.cache_write
    )
    return million / 1_000_000


def estimate(text: str) -> int:
    """Tokens of a text, rather too many than too few for English and code."""
    return math.ceil(len(text.encode("utf-8", "surrogatepass")) / _BYTES_PER_TOKEN)


def fit_output(request: dict[str, Any], context: int | None) -> int:
    """The output tokens to ask for: the request's, or what its input leaves of the context; below 1 for none.

    The input is taken at three bytes a token, which English text and code do not quite need.
    """
    asked = int(request["max_tokens"])
    if context is None:
        return asked
    text = json.dumps({k: v for k, v in request.items() if k != "max_tokens"}, ensure_ascii=False)
    return min(asked, context - math.ceil(len(text.encode("utf-8", "surrogatepass")) / 3))


def worst_case(request: dict[str, Any]) -> Usage:
    """What a call may take: its input written to the cache, and all the output it may give."""
    asked = estimate(json.dumps(request, ensure_ascii=False))
    return Usage(output=int(request["max_tokens"]), cache_write=asked)
