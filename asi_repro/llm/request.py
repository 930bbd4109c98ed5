"""A request as plain JSON: how it is built, keyed for the record, and sent."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any

from asi_repro.config.llm import LlmSettings, RoleSettings
from asi_repro.errors import DataError
from asi_repro.store.files import sha256_bytes
from asi_repro.store.json_text import JsonDict, canonical

_BREAKPOINTS = 4
"""Cache breakpoints that the API takes in one request."""


def build_request(
    role: RoleSettings,
    system: str,
    messages: Sequence[JsonDict],
    tools: Sequence[JsonDict] = (),
    *,
    output_schema: JsonDict | None = None,
) -> JsonDict:
    """The request without transport: what is recorded, and what its key is made from.

    Raises:
        DataError: where a message holds something that JSON does not have.
    """
    made: JsonDict = {"model": role.model, "max_tokens": role.max_tokens, "messages": list(messages)}
    if system:
        made["system"] = system
    if tools:
        made["tools"] = list(tools)
    if role.temperature is not None:
        made["temperature"] = role.temperature
    if thinking := _thinking(role):
        made["thinking"] = thinking
    output: JsonDict = {} if role.effort is None else {"effort": role.effort}
    if output_schema is not None:
        output["format"] = {"type": "json_schema", "schema": output_schema}
    if output:
        made["output_config"] = output
    try:
        copied: JsonDict = json.loads(json.dumps(made, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise DataError(
            f"the request cannot be written as JSON: {error}", where="messages or tools"
        ) from error
    return copied


def _thinking(role: RoleSettings) -> JsonDict | None:
    if role.thinking == "default":
        return None
    if role.thinking == "off":
        return {"type": "disabled"}
    if role.thinking == "between_tools":
        return {"type": "between_tools"}
    shown: JsonDict = {"display": "summarized"} if role.show_thinking else {}
    if role.thinking == "adaptive":
        return {"type": "adaptive", **shown}
    return {"type": "enabled", "budget_tokens": role.thinking, **shown}


def request_key(request: JsonDict) -> str:
    """SHA-256 of the canonical request. Cache markers do not count: they change the price, not the answer."""
    return sha256_bytes(canonical(_without_markers(request)).encode())


def _without_markers(request: JsonDict) -> JsonDict:
    bare = copy.deepcopy(request)
    for block in _blocks(bare):
        block.pop("cache_control", None)
    return bare


def _blocks(request: JsonDict) -> list[JsonDict]:
    # Only where the API knows markers: a tool's input may have a field of that name.
    found = [tool for tool in request.get("tools", ()) if isinstance(tool, dict)]
    contents = [
        request.get("system"),
        *(m.get("content") for m in request["messages"] if isinstance(m, dict)),
    ]
    for content in contents:
        if isinstance(content, list):
            found += [block for block in content if isinstance(block, dict)]
    return found


def with_cache_markers(request: JsonDict, settings: LlmSettings) -> JsonDict:
    """The request with cache markers on the system prompt (tools come before it, so they are in) and at the
    end of the conversation, so that the next round of a tool loop reads all before it from the cache.

    Markers that the caller set stay; there are never more than the API takes.
    """
    if settings.cache == "off":
        return _without_markers(request)
    made = copy.deepcopy(request)
    marker = {"type": "ephemeral"} if settings.cache == "5m" else {"type": "ephemeral", "ttl": "1h"}
    free = _BREAKPOINTS - sum("cache_control" in block for block in _blocks(made))
    if made.get("system") and free > 0:
        made["system"] = _marked(made["system"], marker)
        free -= 1
    last = made["messages"][-1] if made["messages"] else {}
    if last.get("role") == "user" and last.get("content") and free > 0:
        last["content"] = _marked(last["content"], marker)
    return made


def _marked(content: Any, marker: JsonDict) -> list[JsonDict]:
    blocks: list[JsonDict] = [{"type": "text", "text": content}] if isinstance(content, str) else content
    blocks[-1].setdefault("cache_control", marker)
    return blocks
