"""Asking a model: tool loop, structured answers, budget and record behind one method.

llm = LLM(settings, mode="record", records=run / "llm.jsonl")
reply = llm.ask("judge", system, [{"role": "user", "content": "..."}], schema=Scores, trace=trace)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel

if TYPE_CHECKING:
    from asi_repro.llm.settings import LlmSettings
    from asi_repro.traces.spans import Trace

Mode = Literal["live", "record", "replay"]
JsonDict = dict[str, Any]


@dataclass(frozen=True)
class Tool:
    """A function that the model may call.

    Attributes:
        name: letters, digits, dashes and underscores.
        description: for the model: what it does and when to call it.
        input_schema: JSON schema (of an object) that each input is checked against before `run` sees it.
        run: takes the input, gives the text for the model. An `AsiReproError` or `ValueError` that it
            raises goes to the model as a failed call. It must give the same text for the same input and
            state, or a replay misses.
    """

    name: str
    description: str
    input_schema: JsonDict
    run: Callable[[JsonDict], str]


@dataclass(frozen=True)
class Usage:
    """Tokens of all the calls behind one reply."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0


@dataclass(frozen=True)
class ToolCall:
    """One call of a tool: its input, what it gave, and whether that was a failure."""

    name: str
    input: Any
    output: str
    failed: bool


@dataclass(frozen=True)
class Reply:
    """What a model answered.

    Attributes:
        text: of the last message.
        parsed: the object of `schema`, None where none was asked for.
        thinking: the model's thinking of all rounds, as far as the API shows it.
        tool_calls: in order, over all rounds.
        usage: tokens of all rounds.
        cost: in US dollars, None where the model has no price in the settings.
        stop_reason: of the last message.
    """

    text: str
    parsed: Any
    thinking: str
    tool_calls: tuple[ToolCall, ...]
    usage: Usage
    cost: float | None
    stop_reason: str


class LLM:
    """One recorder behind every call.

    Args:
        settings: section `llm:` of params.yaml.
        mode: `live` calls the API and keeps nothing. `record` answers from the record what is there (a
            resumed run repeats no call) and calls and appends what is not. `replay` never calls.
        records: JSON lines; needed for record and replay.
        base_url: of another server that speaks the Messages API, as in tests.
        api_key: ANTHROPIC_API_KEY's value by default; never recorded.
    """

    def __init__(
        self,
        settings: LlmSettings,
        *,
        mode: Mode,
        records: Path | None = None,
        base_url: str | None = None,
        api_key: str | None = None,
    ) -> None:
        raise NotImplementedError

    def ask(
        self,
        role: str,
        system: str,
        messages: Sequence[JsonDict],
        *,
        tools: Sequence[Tool] = (),
        schema: type[BaseModel] | None = None,
        trace: Trace,
    ) -> Reply:
        """Ask the model of `role` and run the tools it calls until it answers.

        Equal requests of one experiment are told apart by their order in `trace`: the n-th one gets the
        n-th recorded answer.

        Args:
            role: a key of `settings.roles`.
            system: the system prompt; cached.
            messages: as the Messages API takes them; a content block may carry `cache_control`.
            tools: that the model may call, within `settings.tool_rounds`.
            schema: of the answer; answers that do not fit go back with the error, `settings.repairs` times.
            trace: gets one LLM span a call and one TOOL span a tool call.

        Raises:
            BudgetExceeded: before a call that could pass the budget.
            Refused: the model declined.
            Truncated: the answer was cut.
            BadToolInput: the repairs did not help.
            TooManyRounds: it did not stop calling tools.
            ReplayMiss: mode replay, and the record has no such request.
            Unreachable: no answer after the retries, or the request was rejected.
        """
        raise NotImplementedError
