"""Spans of the agents (`asi_repro.traces`) as steps of a timeline."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from asi_repro.store.json_text import JsonDict

# JSON of this many characters is shown in one line.
_SHORT = 72


@dataclass(frozen=True, slots=True)
class Part:
    """One text of a step: what was asked, thought, called or answered."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """A span as the timeline shows it.

    Attributes:
        sequence: its place in the trace.
        depth: how many spans are around it.
        tokens: (asked, answered), None where no model was called.
        cost: in US dollars.
        began: seconds since the first step began, None where the run keeps no times.
        seconds: how long it took, None where the run keeps no times.
        parts: its texts, untrusted.
    """

    sequence: int
    depth: int
    name: str
    kind: str
    status: str
    message: str
    role: str
    tokens: tuple[int, int] | None
    cost: float | None
    began: float | None
    seconds: float | None
    parts: tuple[Part, ...]


def steps_of(records: Iterable[JsonDict]) -> list[Step]:
    """The records of one experiment (`asi_repro.traces.parquet.read_traces`) as steps, in order."""
    depths: dict[object, int] = {None: -1}
    steps: list[Step] = []
    ordered = sorted(records, key=lambda one: int(one["sequence"]))
    origin = min((r["start_time_ns"] for r in ordered if r["start_time_ns"] is not None), default=0)
    for record in ordered:
        # A parent that is not there leaves its children at the left edge.
        depth = depths.get(record["parent_span_id"], -1) + 1
        depths[record["span_id"]] = depth
        steps.append(_step(record, depth, origin))
    return steps


def retrieved_ids(records: Iterable[JsonDict]) -> list[str]:
    """Ids of the cognition entries that retrievals returned, in order, each once."""
    found: dict[str, None] = {}
    for record in records:
        if record["openinference.span.kind"] != "RETRIEVER":
            continue
        for document in map(_dict, _list(_parsed(record["retrieval.documents"]))):
            found[str(document.get("document.id"))] = None
        metadata = _dict(_parsed(record["metadata"]))
        names = sorted(name for name in metadata if name.startswith("retrieval.documents."))
        found.update(dict.fromkeys(str(metadata[name]) for name in names if name.endswith(".document.id")))
    return list(found)


def _step(record: JsonDict, depth: int, origin: int) -> Step:
    asked, given = record["llm.token_count.prompt"], record["llm.token_count.completion"]
    start, end = record["start_time_ns"], record["end_time_ns"]
    return Step(
        sequence=int(record["sequence"]),
        depth=depth,
        name=record["name"],
        kind=record["openinference.span.kind"],
        status=record["status_code"],
        message=record["status_message"],
        role=record["agent.name"] or "",
        tokens=None if asked is None or given is None else (asked, given),
        cost=record["llm.cost.total"],
        began=None if start is None else (start - origin) / 1e9,
        seconds=_duration(record) if start is None or end is None else (end - start) / 1e9,
        parts=tuple(_parts(record)),
    )


def _duration(record: JsonDict) -> float | None:
    """How long it took, where an imported run says that without saying when."""
    found = _dict(_parsed(record["metadata"])).get("seconds")
    return found if isinstance(found, float) else None


def _parts(record: JsonDict) -> Iterator[Part]:
    request = _dict(_parsed(record["request"]))
    if request:
        yield from _asked(request)
        for block in _list(_dict(_parsed(record["response"])).get("content")):
            yield _answered(_dict(block))
        return
    if record["openinference.span.kind"] == "LLM":
        yield from _conversation(record)
        return
    for name, title in (("input.value", "input"), ("output.value", "output")):
        if record[name]:
            yield Part(title, _pretty(record[name]))
    if record["retrieval.documents"]:
        yield Part("retrieved", _pretty(record["retrieval.documents"]))
    for name, value in sorted(_dict(_parsed(record["metadata"])).items()):
        yield Part(name, value if isinstance(value, str) else _json(value))


def _conversation(record: JsonDict) -> Iterator[Part]:
    """Of a call that another system made, in OpenInference's names."""
    for message in map(_dict, _list(_parsed(record["llm.input_messages"]))):
        role = message.get("message.role")
        title = "system prompt" if role == "system" else f"prompt, from the {role}"
        yield Part(title, str(message.get("message.content", "")))
    for message in map(_dict, _list(_parsed(record["llm.output_messages"]))):
        for part in map(_dict, _list(message.get("message.contents"))):
            thinking = part.get("message_content.type") == "reasoning"
            yield Part("thinking" if thinking else "response", str(part.get("message_content.text", "")))
        if "message.content" in message:
            yield Part("response", str(message["message.content"]))


def _pretty(text: str) -> str:
    parsed = _parsed(text)
    return _json(parsed) if isinstance(parsed, dict | list) else text


def _parsed(text: str | None) -> Any:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None


def _asked(request: dict[str, Any]) -> Iterator[Part]:
    if system := request.get("system"):
        yield Part("system prompt", _said(system))
    for message in map(_dict, _list(request.get("messages"))):
        yield Part(f"prompt, from the {message.get('role', '?')}", _said(message.get("content")))
    if tools := _list(request.get("tools")):
        yield Part("tools offered", ", ".join(str(_dict(tool).get("name", "?")) for tool in tools))


def _answered(block: dict[str, Any]) -> Part:
    kind = block.get("type")
    if kind == "thinking":
        return Part("thinking", str(block.get("thinking", "")))
    if kind == "tool_use":
        return Part(f"tool call: {block.get('name', '?')}", _json(block.get("input")))
    if kind == "text":
        return Part("response", str(block.get("text", "")))
    return Part(str(kind or "response"), _json(block))


def _said(content: Any) -> str:
    if isinstance(content, str):
        return content
    blocks = [_dict(block) for block in _list(content)]
    return "\n".join(str(b["text"]) if b.get("type") == "text" and "text" in b else _json(b) for b in blocks)


def _json(value: Any) -> str:
    short = json.dumps(value, ensure_ascii=False, default=str)
    return short if len(short) <= _SHORT else json.dumps(value, indent=1, ensure_ascii=False, default=str)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
