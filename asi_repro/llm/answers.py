"""Structured answers: reading them out of a message, and saying to the model what does not fit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from asi_repro.llm.message import text_of, tool_uses
from asi_repro.store.json_text import JsonDict, canonical

ANSWER_TOOL = "answer"
"""Name of the tool that carries the answer where `llm.answers` is `tool`."""

_ERRORS_SHOWN = 10
_PLACES = 50  # at which a JSON object inside other text is looked for
_INLINE_THINKING = re.compile(r"\A\s*<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)
_FENCE = re.compile(r"```[\w-]*\n(.*?)```", re.DOTALL)


class Misfit(Exception):
    """An answer that does not fit; its text is for the model."""


def answer_tool(schema: type[BaseModel]) -> JsonDict:
    """The tool that the model gives its answer through. It is not forced: recent models refuse that."""
    return {
        "name": ANSWER_TOOL,
        "description": "Call this once, at the end, with your whole answer.",
        "input_schema": schema.model_json_schema(),
    }


def answer_instructions(schema: type[BaseModel]) -> str:
    """What the system prompt ends with where `llm.answers` is `text`."""
    return (
        "Give your final answer as one JSON object and nothing else. It must fit this JSON schema:\n"
        + canonical(schema.model_json_schema())
    )


def parse_answer(message: JsonDict, schema: type[BaseModel], *, by_tool: bool) -> BaseModel:
    """The answer in `message`.

    Where it is asked for by tool and the model calls none, JSON in its text is taken: models served on one's
    own machine often write it there.

    Raises:
        Misfit: where there is none, or it does not fit `schema`.
    """
    if by_tool and any(use["name"] == ANSWER_TOOL for use in tool_uses(message)):
        return _validated(_by_tool(message), schema)
    try:
        return _by_text(text_of(message), schema)
    except Misfit as problem:
        if by_tool:
            raise Misfit(f"Give your answer by calling the tool `{ANSWER_TOOL}` exactly once.") from problem
        raise


def _by_tool(message: JsonDict) -> Any:
    calls = [use for use in tool_uses(message) if use["name"] == ANSWER_TOOL]
    if len(calls) != 1:
        raise Misfit(f"Give your answer by calling the tool `{ANSWER_TOOL}` exactly once.")
    return calls[0]["input"]


def _by_text(text: str, schema: type[BaseModel]) -> BaseModel:
    """The first of the values in a text that fits; the first problem where none does."""
    problem: Misfit | None = None
    for value in _values(_INLINE_THINKING.sub("", text).strip()):
        try:
            return _validated(value, schema)
        except Misfit as found:
            problem = problem or found
    if problem is None:
        raise Misfit("Your answer is not JSON. Answer with the JSON object only.")
    raise problem


def _values(text: str) -> Iterator[Any]:
    """JSON values in a text: the whole, blocks of code, objects inside other words."""
    for part in (text, *_FENCE.findall(text)):
        try:
            yield json.loads(part)
        except (ValueError, RecursionError):
            continue
    decoder, start = json.JSONDecoder(), text.find("{")
    for _ in range(_PLACES):
        if start < 0:
            return
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            end = start + 1
        else:
            yield value
        start = text.find("{", end)


def _validated(value: Any, schema: type[BaseModel]) -> BaseModel:
    try:
        # As JSON: a strict model takes a JSON list for a tuple, but no Python list.
        return schema.model_validate_json(json.dumps(value))
    except ValidationError as error:
        problems = [
            f"- {'.'.join(map(str, item['loc'])) or 'the whole'}: {item['msg']}"
            for item in error.errors(include_url=False, include_input=False)[:_ERRORS_SHOWN]
        ]
        raise Misfit("Your answer does not fit its schema:\n" + "\n".join(problems)) from error
