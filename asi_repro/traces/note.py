"""One experiment's trace as a Markdown note that a person can read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from asi_repro.traces.openinference import Record

_SHORT = 600
"""Characters of a text without `full`."""

_ROLES = {"system": "system prompt", "user": "asked", "assistant": "answered", "tool": "the tool gave"}


def trace_note(records: Sequence[Record], *, full: bool = False) -> str:
    """The spans of one experiment in order, as Markdown.

    A prompt's messages are shown once: a later call of the same conversation shows what it adds. Texts of
    the run stand in fences that they cannot close.

    Args:
        records: of one experiment, at least one; of `flatten` or `read_traces`.
        full: show texts whole, however long.
    """
    depth = _depths(records)
    lines = [f"# Trace of experiment {records[0]['session.id']}", "", _summary(records)]
    shown: list[Any] = []
    for record in records:
        level = min(depth[record["span_id"]] + 2, 6)
        lines += ["", f"{'#' * level} {record['sequence']}. {_line(record['name'])} ({_caption(record)})"]
        if record["status_code"] == "ERROR":
            lines += ["", f"**failed**: {_line(record['status_message']) or 'no reason kept'}"]
        if record["openinference.span.kind"] == "LLM":
            body, shown = _call(record, shown, full)
            lines += body
        else:
            lines += _step(record, full)
    return "\n".join(lines) + "\n"


def _depths(records: Sequence[Record]) -> dict[str, int]:
    depths: dict[str, int] = {}
    for record in records:
        depths[record["span_id"]] = depths.get(record["parent_span_id"], -1) + 1
    return depths


def _summary(records: Sequence[Record]) -> str:
    calls = [record for record in records if record["openinference.span.kind"] == "LLM"]
    tools = sum(record["openinference.span.kind"] == "TOOL" for record in records)
    failed = sum(record["status_code"] == "ERROR" for record in records)
    parts = [
        _count(len(records), "span"),
        _count(len(calls), "call of a model", "calls of a model"),
        _count(tools, "tool call"),
        f"{failed} failed",
    ]
    if calls:
        prompt = sum(r.get("llm.token_count.prompt") or 0 for r in calls)
        completion = sum(r.get("llm.token_count.completion") or 0 for r in calls)
        parts.append(f"{prompt:,} tokens in, {completion:,} out")
        costs = [r.get("llm.cost.total") for r in calls if r.get("llm.token_count.total") is not None]
        known = [cost for cost in costs if cost is not None]
        parts.append(f"${sum(known):.4f}" if len(known) == len(costs) else "cost not known")
    seconds = _seconds(records)
    parts.append("times not known" if seconds is None else f"{seconds:.1f} s from first to last")
    return ", ".join(parts) + "."


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _seconds(records: Sequence[Record]) -> float | None:
    starts = [r["start_time_ns"] for r in records if r["start_time_ns"] is not None]
    ends = [r["end_time_ns"] for r in records if r["end_time_ns"] is not None]
    return (max(ends) - min(starts)) / 1e9 if starts and ends else None


def _caption(record: Record) -> str:
    kind = str(record["openinference.span.kind"])
    parts = [kind if kind == "LLM" else kind.lower()]
    if role := record.get("agent.name"):
        parts.append(_line(role))
    if record.get("llm.token_count.total") is not None:
        asked, given = record["llm.token_count.prompt"], record["llm.token_count.completion"]
        read = record.get("llm.token_count.prompt_details.cache_read") or 0
        parts.append(f"{asked:,} tokens in{f' ({read:,} cached)' if read else ''}, {given:,} out")
        cost = record.get("llm.cost.total")
        parts.append("cost not known" if cost is None else f"${cost:.4f}")
    if (seconds := _seconds([record])) is not None:
        parts.append(f"{seconds:.1f} s")
    return ", ".join(parts)


def _call(record: Record, before: list[Any], full: bool) -> tuple[list[str], list[Any]]:
    messages = json.loads(record.get("llm.input_messages") or "[]")
    again = len(before) if messages[: len(before)] == before else 0
    lines: list[str] = []
    if again:
        lines += ["", f"*{_count(again, 'message')} as before*"]
    for message in messages[again:]:
        lines += _message(message, full)
    answers = json.loads(record.get("llm.output_messages") or "[]")
    for message in answers:
        lines += _message(message, full)
    if not answers and record.get("response") is None:
        lines += ["", "*no answer*"]
    if (reason := record.get("llm.finish_reason")) not in (None, "end_turn", "tool_use"):
        lines += ["", f"stopped: {_line(reason)}"]
    return lines, messages + answers


def _message(message: Any, full: bool) -> Iterator[str]:
    role = _ROLES.get(message["message.role"], _line(message["message.role"]))
    for part in message.get("message.contents", ()):
        thinking = part["message_content.type"] == "reasoning"
        yield from _text("thought" if thinking else role, part["message_content.text"], full)
    if message.get("message.content"):
        yield from _text(role, message["message.content"], full)
    for call in message.get("message.tool_calls", ()):
        name, given = call["tool_call.function.name"], call["tool_call.function.arguments"]
        yield from _text(f"called {_line(name)}", given, full)


def _step(record: Record, full: bool) -> Iterator[str]:
    for name, said in (("input.value", "given"), ("output.value", "gave")):
        if record.get(name):
            yield from _text(said, record[name], full)
    found = json.loads(record.get("retrieval.documents") or "[]")
    if isinstance(found, list) and found:
        yield from ("", "**found**", "")
        for document in found:
            yield f"- {_inline(json.dumps(document, ensure_ascii=False, sort_keys=True))}"
    for name, value in json.loads(record.get("metadata") or "{}").items():
        said = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
        if "\n" in said or len(said) > 80:
            yield from _text(_line(name), said, full)
        else:
            yield ""
            yield f"{_line(name)}: {_inline(said)}"


def _text(title: str, text: str, full: bool) -> Iterator[str]:
    cut = text if full or len(text) <= _SHORT else text[:_SHORT]
    yield ""
    yield f"**{title}**"
    yield ""
    longest = max((len(run) for run in re.findall("`+", cut)), default=0)
    fence = "`" * max(3, longest + 1)
    yield fence
    yield cut
    yield fence
    if len(cut) < len(text):
        yield ""
        yield f"*{len(text) - len(cut):,} more characters: `--full` shows them*"


def _inline(said: str) -> str:
    ticks = "`" * (max((len(run) for run in re.findall("`+", said)), default=0) + 1)
    return f"{ticks} {said} {ticks}" if len(ticks) > 1 or not said.strip() else f"`{said}`"


def _line(text: str) -> str:
    """Outside text inside a line of Markdown: no line breaks, nothing that is read as markup."""
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", " ".join(str(text).split()))
