"""Spans of the agents, read from the Parquet file of a run's traces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asi_repro.errors import DataError


def read_spans(path: Path) -> list[dict[str, Any]]:
    """The rows of `path`, one a span, in order.

    Raises:
        DataError: where the file is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            rows: list[dict[str, Any]] = file.read().to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"damaged Parquet: {str(error).splitlines()[0]}", where=str(path), hint="write the traces again"
        ) from error
    return rows


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
    seconds: float | None
    parts: tuple[Part, ...]


def step_of(row: dict[str, Any], depth: int) -> Step:
    """A row of the traces (`asi_repro.traces.spans`) as a step; what does not fit is shown as JSON."""
    attributes = row.get("attributes")
    known = attributes if isinstance(attributes, dict) else {}
    response = _dict(known.get("llm.response"))
    usage = _dict(response.get("usage"))
    cost = known.get("llm.cost.total")
    return Step(
        sequence=int(row.get("sequence") or 0),
        depth=depth,
        name=str(row.get("name", "")),
        kind=str(row.get("kind", "")),
        status=str(row.get("status", "")),
        message=str(row.get("message") or ""),
        role=str(known.get("agent.name") or ""),
        tokens=(_tokens(usage, "input"), _tokens(usage, "output")) if usage else None,
        cost=float(cost) if isinstance(cost, int | float) else None,
        seconds=_seconds(row),
        parts=tuple(_parts(known)),
    )


def _seconds(row: dict[str, Any]) -> float | None:
    start, end = row.get("start_ns"), row.get("end_ns")
    return (end - start) / 1e9 if isinstance(start, int) and isinstance(end, int) else None


def _tokens(usage: dict[str, Any], side: str) -> int:
    names = [f"{side}_tokens"]
    if side == "input":
        names += ["cache_read_input_tokens", "cache_creation_input_tokens"]
    return sum(value for name in names if isinstance(value := usage.get(name), int))


def _parts(known: dict[str, Any]) -> Iterator[Part]:
    request = _dict(known.get("llm.request"))
    if request:
        yield from _asked(request)
    for block in _list(_dict(known.get("llm.response")).get("content")):
        yield _answered(_dict(block))
    rest = {k: v for k, v in known.items() if k not in ("llm.request", "llm.response", "agent.name")}
    for name, value in sorted(rest.items()):
        yield Part(name, value if isinstance(value, str) else _json(value))


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
    return json.dumps(value, indent=1, ensure_ascii=False, default=str)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
