"""An answer of the API as it is recorded, and what is read from it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from asi_repro.errors import DataError
from asi_repro.store.json_text import JsonDict
from asi_repro.store.records import faults_reported

MALFORMED = "malformed_tool_input"
"""Our own stop reason, for a message that the SDK could not put together."""


class _Usage(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)
    input_tokens: int = Field(ge=0)
    output_tokens: int = Field(ge=0)
    cache_creation_input_tokens: int | None = Field(default=None, ge=0)
    cache_read_input_tokens: int | None = Field(default=None, ge=0)


class _Block(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)
    type: str
    text: str | None = None
    thinking: str | None = None
    id: str | None = None
    name: str | None = None
    input: JsonDict | None = None


class _Message(BaseModel):
    """The parts that are read here; the API may add others, which are kept."""

    model_config = ConfigDict(extra="allow", strict=True)
    role: str
    model: str
    content: list[_Block]
    stop_reason: str
    usage: _Usage


def check_message(message: Any, where: str) -> JsonDict:
    """`message` if it is an answer of the Messages API.

    Raises:
        DataError: naming the first field that is wrong.
    """
    with faults_reported("the response is not one of the Messages API", where=where):
        checked = _Message.model_validate(message)
    for at, block in enumerate(checked.content):
        needed = {"text": ("text",), "tool_use": ("id", "name", "input"), "thinking": ("thinking",)}
        for name in needed.get(block.type, ()):
            if getattr(block, name) is None:
                raise DataError(
                    f"the response is not one of the Messages API: content.{at} has no {name}", where=where
                )
    answer: JsonDict = message
    return answer


def text_of(message: JsonDict) -> str:
    """The text blocks, joined."""
    return "".join(block["text"] for block in message["content"] if block["type"] == "text")


def thinking_of(message: JsonDict) -> str:
    """The thinking blocks that the API shows, joined by empty lines."""
    blocks = [block["thinking"] for block in message["content"] if block["type"] == "thinking"]
    return "\n\n".join(filter(None, blocks))


def tool_uses(message: JsonDict) -> list[JsonDict]:
    """The tool_use blocks, in order."""
    return [block for block in message["content"] if block["type"] == "tool_use"]
