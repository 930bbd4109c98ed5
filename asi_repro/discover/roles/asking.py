"""Putting a rendered prompt to a role's model, and going on where its draft is not in order yet."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

from asi_repro.discover.prompts import Rendered, load_prompt
from asi_repro.discover.roles.draft import Draft
from asi_repro.discover.types import RoleFailure
from asi_repro.errors import AsiReproError
from asi_repro.llm.client import LLM, Reply
from asi_repro.llm.errors import BadToolInput, Refused, TooManyRounds, Truncated
from asi_repro.traces.spans import Trace

Answer = TypeVar("Answer", bound="RoleAnswer")
Given = TypeVar("Given")


class RoleAnswer(BaseModel):
    """A structured answer: unknown fields are a misfit, which goes back to the model."""

    model_config = ConfigDict(strict=True, extra="forbid", str_strip_whitespace=True)

    def wants_draft(self) -> bool:
        """Whether the answer stands only with a draft that is in order."""
        return True


ASKS = 2
"""Times a role's question is put, where the answer is a refusal, is cut or does not fit."""


def ask_for(llm: LLM, role: str, prompt: Rendered, schema: type[Answer], trace: Trace) -> Answer:
    """The structured answer to a prompt.

    Raises:
        RoleFailure: where there is none, also when asked again.
        BudgetExceeded, ReplayMiss, Unreachable: as `LLM.ask`.
    """
    with trace.span(f"ask the {role}", "CHAIN") as span:
        prompt.mark(span)
        asked = partial(llm.ask, role, prompt.system, [_user(prompt.user)], schema=schema, trace=trace)
        return _parsed(_persist(role, asked, trace), schema)


def ask_text(llm: LLM, role: str, prompt: Rendered, trace: Trace) -> str:
    """The answer in words.

    Raises:
        RoleFailure: where it is empty or there is none, also when asked again.
        BudgetExceeded, ReplayMiss, Unreachable: as `LLM.ask`.
    """

    def asked() -> str:
        text = llm.ask(role, prompt.system, [_user(prompt.user)], trace=trace).text.strip()
        if not text:
            raise _Empty(f"the {role} gave an empty answer")
        return text

    with trace.span(f"ask the {role}", "CHAIN") as span:
        prompt.mark(span)
        return _persist(role, asked, trace)


def ask_for_draft(
    llm: LLM, role: str, prompt: Rendered, schema: type[Answer], draft: Draft, tries: int, trace: Trace
) -> tuple[Answer, list[str]]:
    """The structured answer of an agent that works on `draft`, and what is still wrong with the draft.

    The agent is told of the problems and asked again, `tries` times in all; the list is empty where the
    draft is in order.

    Raises:
        RoleFailure: where there is no answer, also when asked again.
        BudgetExceeded, ReplayMiss, Unreachable: as `LLM.ask`.
    """
    messages: list[dict[str, Any]] = [_user(prompt.user)]
    retry = load_prompt("draft_retry")
    with trace.span(f"ask the {role}", "CHAIN") as span:
        prompt.mark(span)
        for left in range(tries - 1, -1, -1):
            asked = partial(
                llm.ask, role, prompt.system, messages, tools=draft.tools(), schema=schema, trace=trace
            )
            answer = _parsed(_persist(role, asked, trace), schema)
            problems = draft.problems()
            if not problems or not left or not answer.wants_draft():
                return answer, problems
            correction = retry.render(problems=problems).user
            messages += [{"role": "assistant", "content": answer.model_dump_json()}, _user(correction)]
    raise AssertionError("a range of tries has a last one")


class _Empty(AsiReproError):
    """An answer without words."""


def _persist(role: str, asked: Callable[[], Given], trace: Trace) -> Given:
    """What `asked` gives; asked again where the model failed, never where the API or the budget did.

    A failure is part of the record, so asking again is too: otherwise a resumed run would meet the same
    recorded failure each time.
    """
    failed: AsiReproError | None = None
    for _ in range(ASKS):
        try:
            return asked()
        except (Refused, Truncated, BadToolInput, TooManyRounds, _Empty) as error:
            failed = error
    assert failed is not None
    raise RoleFailure(
        f"the {role} failed {ASKS} times, last: {' '.join(failed.what.split())[:600]}",
        where=f"experiment {trace.session}",
        hint=failed.hint or "look at the experiment's trace; another model may do better (llm.roles)",
    ) from failed


def _parsed(reply: Reply, schema: type[Answer]) -> Answer:
    assert isinstance(reply.parsed, schema)
    return reply.parsed


def _user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}
