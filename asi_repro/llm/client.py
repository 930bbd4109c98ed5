"""Asking a model: tool loop, structured answers, budget and record behind one method.

llm = LLM(settings, mode="record", records=run / "llm.jsonl")
reply = llm.ask("judge", system, [{"role": "user", "content": "..."}], schema=Scores, trace=trace)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel

from asi_repro.config.llm import LlmSettings
from asi_repro.errors import MissingInput
from asi_repro.llm.answers import Misfit, answer_instructions, answer_tool, parse_answer
from asi_repro.llm.budget import Ledger
from asi_repro.llm.concurrency import Slots
from asi_repro.llm.errors import BadToolInput, Refused, ReplayMiss, TooManyRounds, Truncated
from asi_repro.llm.message import MALFORMED, text_of, thinking_of, tool_uses
from asi_repro.llm.records import Records
from asi_repro.llm.replay_mismatch import explain_miss
from asi_repro.llm.request import build_request, request_key
from asi_repro.llm.toolbox import Tool, ToolCall, call_tool
from asi_repro.llm.usage import Usage, cost, fit_output
from asi_repro.store.json_text import JsonDict
from asi_repro.traces.scrub import remember_secret, scrub
from asi_repro.traces.spans import Trace

if TYPE_CHECKING:
    from asi_repro.llm.api import Api

__all__ = ["LLM", "Reply", "Tool", "ToolCall", "Usage", "cached"]

Mode = Literal["live", "record", "replay"]


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


def cached(text: str) -> JsonDict:
    """A content block after which the prompt is cached: for long context that several calls share."""
    return {"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}


@dataclass
class _Talk:
    """One question while it is being answered."""

    role: str
    system: str
    messages: list[JsonDict]
    tools: Sequence[Tool]
    schema: type[BaseModel] | None
    trace: Trace
    usage: Usage = field(default_factory=Usage)
    thinking: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    misfits: int = 0


class LLM:
    """One recorder behind every call.

    Threads may share it, each with its own trace. Processes may share its record.

    Args:
        settings: section `llm:` of params.yaml.
        mode: `live` calls the API and keeps nothing. `record` answers from the record what is there (a
            resumed run repeats no call) and calls and appends what is not. `replay` never calls.
        records: JSON lines; needed for record and replay. Spending (`<name>-spent.jsonl`) and locks stand
            beside it.
        base_url: of another server that speaks the Messages API; the settings' by default.
        api_key: ANTHROPIC_API_KEY's value by default; never recorded.

    Raises:
        MissingInput: without `records` where they are needed, or to replay a file that is not there.
        DataError: where the record is damaged.
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
        if mode != "live" and records is None:
            raise MissingInput(f"the mode {mode!r} needs a file of records", hint="pass `records`")
        remember_secret(api_key)
        self.settings = settings
        self.mode: Mode = mode
        self.records = None
        if mode != "live" and records is not None:
            self.records = Records(records, must_exist=mode == "replay")
        beside = records if mode != "replay" else None
        spent = beside.with_name(f"{beside.stem}-spent.jsonl") if beside else None
        self.ledger = Ledger(settings.budget, spent, patience=settings.call_timeout * 2)
        self._slots = Slots(
            settings.concurrency, beside.with_name(f"{beside.stem}-slots") if beside else None
        )
        self._at = {"base_url": base_url or settings.base_url, "api_key": api_key}
        self._api: Api | None = None

    def close(self) -> None:
        """Close the connections; calls open them again."""
        if self._api is not None:
            self._api.close()
            self._api = None

    def _connected(self) -> Api:
        if self._api is None:
            from asi_repro.llm.api import Api  # the SDK takes a second to import, and a replay needs none

            self._api = Api(self.settings, self.ledger, self._slots, **self._at)
        return self._api

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
        n-th recorded answer. A run that is resumed in the middle of an experiment goes on with
        `Trace.from_rows`, or repeats the experiment from its start.

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
        talk = _Talk(role, system, list(messages), tools, schema, trace)
        for left in range(self.settings.tool_rounds + self.settings.repairs, -1, -1):
            message = self._call(talk, last=left == 0)
            parsed, again = self._take(talk, message)
            if again is None:
                return Reply(
                    text_of(message),
                    parsed,
                    "\n\n".join(talk.thinking),
                    tuple(talk.calls),
                    talk.usage,
                    cost(talk.usage, self.settings.price(self.settings.role(role).model)),
                    message["stop_reason"],
                )
            # Thinking blocks go back as they came: the API checks them.
            if message["content"]:
                talk.messages.append({"role": "assistant", "content": message["content"]})
            talk.messages += again
        raise TooManyRounds(
            f"the {role} called tools in all of {self.settings.tool_rounds} rounds and gave no answer",
            where=f"experiment {trace.session}",
            hint="raise llm.tool_rounds, or look at the trace for what it tries",
        )

    def _take(self, talk: _Talk, message: JsonDict) -> tuple[BaseModel | None, list[JsonDict] | None]:
        """The answer in `message`, or what to say next."""
        by_tool = self.settings.answers == "tool" and talk.schema is not None
        asked = [use for use in tool_uses(message) if not (by_tool and use["name"] == "answer")]
        if message["stop_reason"] == "pause_turn":
            return None, []
        if asked:
            return None, [{"role": "user", "content": self._run_tools(talk, tool_uses(message), asked)}]
        if talk.schema is None:
            return None, None
        try:
            return parse_answer(message, talk.schema, by_tool=by_tool), None
        except Misfit as problem:
            self._misfit(talk, str(problem))
            return None, [{"role": "user", "content": _complaint(message, str(problem))}]

    def _run_tools(self, talk: _Talk, uses: list[JsonDict], asked: list[JsonDict]) -> list[JsonDict]:
        results = []
        for use in uses:
            if use in asked:
                call = self._run_tool(talk, use)
            else:
                call = ToolCall(use["name"], use["input"], "Not taken: first read the other results.", True)
            results.append(_tool_result(use, call.output, failed=call.failed))
        return results

    def _run_tool(self, talk: _Talk, use: JsonDict) -> ToolCall:
        with talk.trace.span(use["name"], "TOOL") as span:
            span.set(**{"tool.name": use["name"], "tool.id": use["id"], "input.value": use["input"]})
            call = call_tool(talk.tools, use["name"], use["input"])
            span.set(**{"output.value": call.output})
            if call.failed:
                span.status, span.message = "ERROR", "the tool failed"
        talk.calls.append(call)
        if call.misfit:
            self._misfit(talk, call.output)
        return call

    def _misfit(self, talk: _Talk, problem: str) -> None:
        talk.misfits += 1
        if talk.misfits > self.settings.repairs:
            raise BadToolInput(
                f"the {talk.role}'s answer does not fit after {self.settings.repairs} repairs: {problem}",
                where=f"experiment {talk.trace.session}",
                hint="ask again, raise llm.repairs, or give the role another model",
            )

    def _call(self, talk: _Talk, *, last: bool) -> JsonDict:
        role = self.settings.role(talk.role)
        by_tool = self.settings.answers == "tool"
        tools = [tool.to_json() for tool in talk.tools]
        if talk.schema is not None and by_tool:
            tools.append(answer_tool(talk.schema))
        asked_for, system = None, talk.system
        if talk.schema is not None and self.settings.answers == "json_schema":
            asked_for = talk.schema.model_json_schema()
        elif talk.schema is not None and not by_tool:
            system = f"{system}\n\n{answer_instructions(talk.schema)}".lstrip()
        request = build_request(role, system, talk.messages, tools, output_schema=asked_for)
        if last and tools and not by_tool:
            request["tool_choice"] = {"type": "none"}
        request = scrub(request)
        request["max_tokens"] = fit_output(request, self.settings.contexts.get(role.model))
        if request["max_tokens"] < 1:
            raise Truncated(
                f"the prompt fills the context of {self.settings.contexts[role.model]:,} tokens",
                where=f"experiment {talk.trace.session}, {talk.role}, {role.model}",
                hint="shorten the prompt, or give the role a model with a larger context",
            )
        with talk.trace.span(role.model, "LLM") as span:
            key = request_key(request)
            n = _occurrence(talk.trace, key)
            span.set(**{"agent.name": talk.role, "llm.request": request, "llm.record": {"key": key, "n": n}})
            message = self._answer(talk, key, n, request)
            usage = Usage.of(message)
            price = self.settings.price(role.model)
            span.set(**{"llm.response": message, "llm.cost.total": cost(usage, price)})
            talk.usage += usage
            if thinking := thinking_of(message):
                talk.thinking.append(thinking)
            _check_stop(talk, message, request["max_tokens"])
        return message

    def _answer(self, talk: _Talk, key: str, n: int, request: JsonDict) -> JsonDict:
        session, role = talk.trace.session, talk.role
        if self.records is not None and (found := self.records.find(session, key, n)) is not None:
            return found
        if self.mode == "replay" and self.records is not None:
            raise ReplayMiss(
                f"the record has no answer to what the {role} asks in experiment {session}\n"
                + explain_miss(self.records, session, role, key, n, request),
                where=str(self.records.path),
                hint="replay with the settings, prompts and code of the recording, or record a new run",
            )
        message: JsonDict = scrub(self._connected().send(request, self.settings.price(request["model"])))
        if self.records is None:
            return message
        return self.records.append(session, role, key, n, request, message)


def _occurrence(trace: Trace, key: str) -> int:
    """How many equal requests of this experiment have been answered."""
    earlier = (s.attributes for s in trace.spans if s.kind == "LLM" and "llm.response" in s.attributes)
    return sum(attributes.get("llm.record", {}).get("key") == key for attributes in earlier)


def _tool_result(use: JsonDict, output: str, *, failed: bool) -> JsonDict:
    result = {"type": "tool_result", "tool_use_id": use["id"], "content": output}
    return {**result, "is_error": True} if failed else result


def _complaint(message: JsonDict, problem: str) -> Any:
    # Every tool_use wants its result in the next message.
    uses = tool_uses(message)
    return [_tool_result(use, problem, failed=True) for use in uses] if uses else problem


def _check_stop(talk: _Talk, message: JsonDict, max_tokens: int) -> None:
    where = f"experiment {talk.trace.session}, {talk.role}, {message['model']}"
    reason = message["stop_reason"]
    if reason == "refusal":
        details = message.get("stop_details") or {}
        said = ": ".join(str(details[name]) for name in ("category", "explanation") if details.get(name))
        raise Refused(
            f"the model declined to answer{f' ({said})' if said else ''}",
            where=where,
            hint="change the prompt, or give the role another model in params.yaml, llm.roles",
        )
    if reason == MALFORMED:
        raise BadToolInput(
            text_of(message), where=where, hint="ask again, raise llm.repairs, or give the role another model"
        )
    if reason in ("max_tokens", "length"):  # the second is what some other servers say
        raise Truncated(
            f"the answer was cut at {max_tokens:,} tokens",
            text=text_of(message),
            where=where,
            hint="raise the role's max_tokens in params.yaml, llm.roles",
        )
    if reason == "model_context_window_exceeded":
        raise Truncated(
            "the answer was cut where the model's context ended",
            text=text_of(message),
            where=where,
            hint="shorten the prompt, or give the role a model with a larger context",
        )
