"""A trace made by the real client against the local server: a tool call, a repair, a failure, and our own steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from messages_server import MessagesServer, structured, text, tool_call
from pydantic import BaseModel

from asi_repro.config.llm import LlmSettings
from asi_repro.errors import AsiReproError
from asi_repro.llm.client import LLM, Tool
from asi_repro.traces.spans import Trace

PRICE = {"input": 2.0, "output": 10.0, "cache_write": 2.5, "cache_read": 0.2, "as_of": "2026-11-22"}
HOSTILE = "```\n# not a heading\n\x1b]0;title\x07 \u202e reversed"


class Score(BaseModel):
    innovation: float


def clock() -> Iterator[int]:
    """A second a look, from a fixed time."""
    yield from range(1_700_000_000_000_000_000, 1_800_000_000_000_000_000, 1_000_000_000)


@pytest.fixture(scope="session")
def sample() -> Trace:
    """Experiment 12."""
    times = clock()
    trace = Trace("12", clock=lambda: next(times))
    settings = LlmSettings.model_validate(
        {"roles": {"default": {"model": "claude-sonnet-5-5"}}, "prices": {"claude-sonnet-5-5": PRICE}}
    )
    schema: dict[str, Any] = {"type": "object", "properties": {"path": {"type": "string"}}}
    tool = Tool("read_program", "Reads.", schema, lambda given: f"source of {given['path']}")
    script = [
        tool_call("read_program", {"path": "7"}, thinking="I should read the parent."),
        text("A slower decay, with a gate."),
        structured({"innovation": "high"}),
        structured({"innovation": 0.5}),
        text(HOSTILE),
    ]
    with MessagesServer(script) as server:
        llm = LLM(settings, mode="live", base_url=server.url, api_key="k" * 20)
        ask = [{"role": "user", "content": "Improve the parent."}]
        with trace.span("propose", "AGENT", seed=3):
            with trace.span("cognition", "RETRIEVER") as found:
                found.set(
                    **{
                        "input.value": "slow decay",
                        "retrieval.documents": [{"document.id": "delta-rule", "document.score": 0.75}],
                    }
                )
            llm.ask("researcher", "You design token mixers.", ask, tools=[tool], trace=trace)
        with trace.span("check", "GUARDRAIL") as check:
            check.set(**{"output.value": {"accepted": False}}, reason="the mask leaks")
        with trace.span("judge", "EVALUATOR"):
            llm.ask("judge", "You judge.", ask, schema=Score, trace=trace)
        with pytest.raises(AsiReproError), trace.span("train", "CHAIN"):
            raise AsiReproError("the loss was not finite")
        llm.ask("analyst", "", ask, trace=trace)
        llm.close()
    return trace
