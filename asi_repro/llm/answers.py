"""Structured answers: reading them out of a message, and saying to the model what does not fit."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ValidationError

from asi_repro.llm.message import text_of, tool_uses
from asi_repro.store.json_text import JsonDict

ANSWER_TOOL = "answer"
"""Name of the tool that carries the answer where `llm.answers` is `tool`."""

_ERRORS_SHOWN = 10


class Misfit(Exception):
    """An answer that does not fit; its text is for the model."""


def answer_tool(schema: type[BaseModel]) -> JsonDict:
    """The tool that the model gives its answer through. It is not forced: recent models refuse that."""
    return {
        "name": ANSWER_TOOL,
        "description": "Call this once, at the end, with your whole answer.",
        "input_schema": schema.model_json_schema(),
    }


def parse_answer(message: JsonDict, schema: type[BaseModel], *, by_tool: bool) -> BaseModel:
    """The answer in `message`.

    Raises:
        Misfit: where there is none, or it does not fit `schema`.
    """
    return _validated(_by_tool(message) if by_tool else _by_text(message), schema)


def _by_tool(message: JsonDict) -> Any:
    calls = [use for use in tool_uses(message) if use["name"] == ANSWER_TOOL]
    if len(calls) != 1:
        raise Misfit(f"Give your answer by calling the tool `{ANSWER_TOOL}` exactly once.")
    return calls[0]["input"]


def _by_text(message: JsonDict) -> Any:
    text = text_of(message).strip()
    if text.startswith("```"):
        text = text.split("\n", 1)[-1].rsplit("```", 1)[0]
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        said = str(error) if isinstance(error, ValueError) else "it is nested too deeply"
        raise Misfit(f"Your answer is not JSON: {said}. Answer with the JSON object only.") from error


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
