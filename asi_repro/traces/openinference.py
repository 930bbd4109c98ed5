"""Spans as flat records: OpenTelemetry's core fields with OpenInference's attributes beside them.

A record is what `parquet.py` stores a row of, what `otlp.py` exports and what `note.py` shows. Lists and
objects are JSON texts in it, in OpenInference's own names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from asi_repro.errors import DataError
from asi_repro.store.json_text import JsonDict
from asi_repro.traces.columns import COLUMNS
from asi_repro.traces.spans import span_id, trace_id

# Attributes of a span that are columns; JSON texts where the second is True.
_PLAIN = {
    "agent.name": False,
    "tool.name": False,
    "tool.id": False,
    "llm.cost.total": False,
    "retrieval.documents": True,
    # Of a call that another system made; ours come with the API's request and answer.
    "llm.model_name": False,
    "llm.input_messages": True,
    "llm.output_messages": True,
    "llm.token_count.prompt": False,
    "llm.token_count.completion": False,
    "llm.token_count.total": False,
}
_TAKEN = frozenset({*_PLAIN, "llm.request", "llm.response", "input.value", "output.value"})
_CONVERSATION = ("messages", "system", "tools")
# How a span sets one field of one document it found: OpenInference's flat names.
_DOCUMENT = re.compile(r"retrieval\.documents\.(\d{1,6})\.(document\.\w+)")


def flatten(rows: Iterable[JsonDict], timings: Iterable[Mapping[str, Any]] = ()) -> list[JsonDict]:
    """Records of spans (`Trace.to_rows`), by experiment and sequence.

    Args:
        rows: of any experiments.
        timings: `Trace.timings` rows of the same run; the last of equal ones counts, and without one the
            times are None.

    Raises:
        DataError: where a span of a model's call does not hold a request and an answer of the API.
    """
    times = {(row["session"], row["sequence"]): (row["start_ns"], row["end_ns"]) for row in timings}
    records = []
    for row in rows:
        session, sequence = row["session"], row["sequence"]
        try:
            records.append(_record(row, *times.get((session, sequence), (None, None))))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise DataError(
                "a span of a model call is malformed",
                where=f"experiment {session}, span {sequence}: {type(error).__name__} {error}",
            ) from error
    return sorted(records, key=lambda record: (_order(record["session.id"]), record["sequence"]))


def _order(session: str) -> tuple[int, str]:
    # Not isdigit alone: that is true of digits that int does not read.
    return (int(session), session) if session.isascii() and session.isdigit() else (1 << 62, session)


def _record(row: JsonDict, start: int | None, end: int | None) -> JsonDict:
    session, attributes = row["session"], _with_documents(row["attributes"])
    made: JsonDict = {
        "trace_id": trace_id(session),
        "span_id": span_id(session, row["sequence"]),
        "parent_span_id": None if row["parent"] is None else span_id(session, row["parent"]),
        "name": row["name"],
        "kind": "CLIENT" if row["kind"] == "LLM" else "INTERNAL",
        "start_time_ns": start,
        "end_time_ns": end,
        "status_code": row["status"],
        "status_message": row["message"],
        "sequence": row["sequence"],
        "openinference.span.kind": row["kind"],
        "session.id": session,
    }
    for name, is_json in _PLAIN.items():
        value = attributes.get(name)
        made[name] = _json(value) if is_json and value is not None else value
    for side in ("input", "output"):
        made.update(_value(side, attributes.get(f"{side}.value")))
    if row["kind"] == "TOOL" and "input.value" in attributes:
        made["tool.parameters"] = _json(attributes["input.value"])
    if "llm.request" in attributes:
        made.update(_llm(attributes["llm.request"], attributes.get("llm.response")))
    rest = {name: value for name, value in attributes.items() if name not in _TAKEN}
    made["metadata"] = _json(rest) if rest else None
    return {name: made.get(name) for name, *_ in COLUMNS}


def _with_documents(attributes: Mapping[str, Any]) -> JsonDict:
    """Attributes with the found documents as one list, where each has names of its own."""
    documents: dict[int, JsonDict] = {}
    rest: JsonDict = {}
    for name, value in attributes.items():
        if (found := _DOCUMENT.fullmatch(name)) and "retrieval.documents" not in attributes:
            documents.setdefault(int(found[1]), {})[found[2]] = value
        else:
            rest[name] = value
    return rest | {"retrieval.documents": [documents[at] for at in sorted(documents)]} if documents else rest


def _value(side: str, value: Any) -> JsonDict:
    if value is None:
        return {}
    if isinstance(value, str):
        return {f"{side}.value": value, f"{side}.mime_type": "text/plain"}
    return {f"{side}.value": _json(value), f"{side}.mime_type": "application/json"}


def _llm(request: JsonDict, response: JsonDict | None) -> JsonDict:
    settings = {name: value for name, value in request.items() if name not in _CONVERSATION}
    asked = input_messages(request)
    tools = [{"tool.json_schema": _json(tool)} for tool in request.get("tools", ())]
    made: JsonDict = {
        "llm.model_name": request["model"],
        "llm.provider": "anthropic",
        "llm.system": "anthropic",
        "llm.invocation_parameters": _json(settings),
        "llm.input_messages": _json(asked),
        "llm.tools": _json(tools) if tools else None,
        "request": _json(request),
        **_value("input", asked[-1].get("message.content") or _json(asked[-1]) if asked else None),
    }
    if response is None:
        return made
    answer = _messages("assistant", response["content"])
    said = "".join(block["text"] for block in response["content"] if block["type"] == "text")
    return {
        **made,
        **_value("output", said or (answer or None)),
        **_counts(response["usage"]),
        "llm.model_name": response["model"],
        "llm.output_messages": _json(answer),
        "llm.finish_reason": response["stop_reason"],
        "response": _json(response),
    }


def _counts(usage: JsonDict) -> JsonDict:
    read, written = usage.get("cache_read_input_tokens") or 0, usage.get("cache_creation_input_tokens") or 0
    asked = usage["input_tokens"] + read + written
    thinking = (usage.get("output_tokens_details") or {}).get("thinking_tokens")
    return {
        # OpenInference counts what came from the cache as part of the prompt; the API beside it.
        "llm.token_count.prompt": asked,
        "llm.token_count.completion": usage["output_tokens"],
        "llm.token_count.total": asked + usage["output_tokens"],
        "llm.token_count.prompt_details.cache_read": read,
        "llm.token_count.prompt_details.cache_write": written,
        "llm.token_count.completion_details.reasoning": thinking,
    }


def input_messages(request: JsonDict) -> list[JsonDict]:
    """The prompt in OpenInference's form, the system prompt first."""
    found = _messages("system", request["system"]) if request.get("system") else []
    for message in request["messages"]:
        found += _messages(message["role"], message["content"])
    return found


def _messages(role: str, content: Any) -> list[JsonDict]:
    """One message of the API as one or, with tool results, several."""
    if isinstance(content, str):
        return [{"message.role": role, "message.content": content}]
    results = [_tool_result(block) for block in content if block["type"] == "tool_result"]
    made: JsonDict = {"message.role": role}
    shown = [_content(block) for block in content if block["type"] in ("text", "thinking")]
    if any(part["message_content.type"] == "reasoning" for part in shown):
        made["message.contents"] = shown
    elif shown:
        made["message.content"] = "".join(part["message_content.text"] for part in shown)
    calls = [block for block in content if block["type"] == "tool_use"]
    if calls:
        made["message.tool_calls"] = [
            {
                "tool_call.id": block["id"],
                "tool_call.function.name": block["name"],
                "tool_call.function.arguments": _json(block["input"]),
            }
            for block in calls
        ]
    return [*results, made] if len(made) > 1 or not results else results


def _content(block: JsonDict) -> JsonDict:
    kind = "reasoning" if block["type"] == "thinking" else "text"
    return {"message_content.type": kind, "message_content.text": block[block["type"]]}


def _tool_result(block: JsonDict) -> JsonDict:
    content = block.get("content", "")
    return {
        "message.role": "tool",
        "message.tool_call_id": block["tool_use_id"],
        "message.content": content if isinstance(content, str) else _json(content),
    }


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)
