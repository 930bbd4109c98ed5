"""Whether the configured model answers, and how structured answers have to be asked of it."""

from __future__ import annotations

import os
from collections.abc import Iterator

from pydantic import BaseModel

from asi_repro.config.llm import LlmSettings, RoleSettings
from asi_repro.doctor.findings import Finding
from asi_repro.errors import AsiReproError
from asi_repro.llm.client import LLM
from asi_repro.llm.errors import Unreachable
from asi_repro.traces.spans import Trace

_NAME = "model"
_TOKENS = 2000  # a model that thinks needs some before its answer
_SECONDS = 60.0
_ASKED = "This is a test of the connection. Answer that you are ready."


class _Ready(BaseModel):
    ready: bool


def is_own(settings: LlmSettings) -> bool:
    """Whether another server than Anthropic's is configured."""
    return bool(settings.base_url or os.environ.get("ANTHROPIC_BASE_URL"))


def ask_model(settings: LlmSettings) -> Finding:
    """Ask the default role's model for a tiny structured answer, as the settings say and else in other ways.

    A rejection of the request is tried again without thinking, and with the answer by tool and as text. Any
    other failure ends it.
    """
    where = settings.base_url or os.environ.get("ANTHROPIC_BASE_URL") or "Anthropic's API"
    first = ""
    try:
        for tried in _ways(settings, settings.role("default")):
            role = tried.role("default")
            said = f"answers: {tried.answers}, thinking: {role.thinking}"
            problem, go_on = _ask(tried)
            if not problem:
                found = f"{role.model} at {where} answers ({said})"
                if not first:
                    return Finding(_NAME, "ok", found)
                todo = f"set llm.answers: {tried.answers} and the roles' thinking: {role.thinking}"
                return Finding(_NAME, "gap", f"{found}, but not as configured: {first}", todo)
            first = first or problem
            if not go_on:
                break
    except AsiReproError as error:
        first = first or error.what
    todo = "start the server, or correct llm.base_url and llm.roles in params.yaml (docs/how-to/local-llm.md)"
    return Finding(_NAME, "gap", f"no answer from {where}: {first}", todo)


def _ways(settings: LlmSettings, role: RoleSettings) -> Iterator[LlmSettings]:
    """The settings, made small; then without thinking, and with the other ways to give an answer."""
    answers = dict.fromkeys((settings.answers, "tool", "text"))
    thinking = dict.fromkeys((role.thinking, "default"))
    for one, how in ((one, how) for one in answers for how in thinking):
        tiny = role.model_copy(
            update={"max_tokens": min(role.max_tokens, _TOKENS), "thinking": how, "effort": None}
        )
        yield settings.model_copy(
            update={
                "roles": {"default": tiny},
                "answers": one,
                "attempts": 1,
                "repairs": 0,
                "call_timeout": _SECONDS,
                "idle_timeout": min(settings.idle_timeout, _SECONDS),
            }
        )


def _ask(settings: LlmSettings) -> tuple[str, bool]:
    """What went wrong ("" for nothing), and whether another way may do."""
    llm = LLM(settings, mode="live")
    try:
        llm.ask("default", "", [{"role": "user", "content": _ASKED}], schema=_Ready, trace=Trace("doctor"))
    except Unreachable as error:
        return error.what, "rejected" in error.what and "HTTP 400" in error.what
    except AsiReproError as error:
        # An answer came, or none could be asked for: credentials are missing in every way.
        return error.what, "API key" not in error.what
    finally:
        llm.close()
    return "", False
