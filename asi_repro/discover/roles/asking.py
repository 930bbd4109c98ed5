"""Putting a rendered prompt to a role's model, and going on where its draft is not in order yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict

from asi_repro.discover.prompts import Rendered, load_prompt
from asi_repro.errors import AsiReproError

if TYPE_CHECKING:
    from asi_repro.discover.roles.draft import Draft
    from asi_repro.llm.client import LLM, Reply
    from asi_repro.traces.spans import Trace

Answer = TypeVar("Answer", bound="RoleAnswer")


class RoleAnswer(BaseModel):
    """A structured answer: unknown fields are a misfit, which goes back to the model."""

    model_config = ConfigDict(strict=True, extra="forbid", str_strip_whitespace=True)

    def wants_draft(self) -> bool:
        """Whether the answer stands only with a draft that is in order."""
        return True


class NoAnswer(AsiReproError):
    """A role answered, but not with what was asked for, also when asked again."""


def ask_for(llm: LLM, role: str, prompt: Rendered, schema: type[Answer], trace: Trace) -> Answer:
    """The structured answer to a prompt.

    Raises:
        Refused, Truncated, BadToolInput, BudgetExceeded, ReplayMiss, Unreachable: as `LLM.ask`.
    """
    with trace.span(f"ask the {role}", "CHAIN") as span:
        prompt.mark(span)
        reply = llm.ask(role, prompt.system, [_user(prompt.user)], schema=schema, trace=trace)
    return _parsed(reply, schema)


def ask_text(llm: LLM, role: str, prompt: Rendered, trace: Trace) -> str:
    """The answer in words; asked once more where it is empty.

    Raises:
        NoAnswer: where it is empty again.
        Refused, Truncated, BudgetExceeded, ReplayMiss, Unreachable: as `LLM.ask`.
    """
    with trace.span(f"ask the {role}", "CHAIN") as span:
        prompt.mark(span)
        for _ in range(2):
            reply = llm.ask(role, prompt.system, [_user(prompt.user)], trace=trace)
            if text := reply.text.strip():
                return text
    raise NoAnswer(f"the {role} gave an empty answer twice", where=f"experiment {trace.session}")


def ask_for_draft(
    llm: LLM, role: str, prompt: Rendered, schema: type[Answer], draft: Draft, tries: int, trace: Trace
) -> tuple[Answer, list[str]]:
    """The structured answer of an agent that works on `draft`, and what is still wrong with the draft.

    The agent is told of the problems and asked again, `tries` times in all; the list is empty where the
    draft is in order.

    Raises:
        Refused, Truncated, BadToolInput, TooManyRounds, BudgetExceeded, ReplayMiss, Unreachable: as
            `LLM.ask`.
    """
    messages: list[dict[str, Any]] = [_user(prompt.user)]
    retry = load_prompt("draft_retry")
    with trace.span(f"ask the {role}", "CHAIN") as span:
        prompt.mark(span)
        for left in range(tries - 1, -1, -1):
            reply = llm.ask(role, prompt.system, messages, tools=draft.tools(), schema=schema, trace=trace)
            answer = _parsed(reply, schema)
            problems = draft.problems()
            if not problems or not left or not answer.wants_draft():
                return answer, problems
            told = retry.render(problems=problems).user
            messages += [{"role": "assistant", "content": answer.model_dump_json()}, _user(told)]
    raise AssertionError("a range of tries has a last one")


def _parsed(reply: Reply, schema: type[Answer]) -> Answer:
    assert isinstance(reply.parsed, schema)
    return reply.parsed


def _user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}
