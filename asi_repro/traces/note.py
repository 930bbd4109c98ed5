"""One experiment's trace as a Markdown note that a person can read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from asi_repro.markdown import code, escape
from asi_repro.store.json_text import JsonDict
from asi_repro.text import counted
from asi_repro.traces.note_brief import brief
from asi_repro.traces.note_texts import Texts

_LONG = 80
_PROMPT = ("prompt.id", "prompt.version", "prompt.sha256")
_ELSEWHERE = ("prompt.", "import.system")  # said in the line of the prompt, and in the head
_DOCUMENT = ("document.id", "document.score", "document.content")
_ROLES = {"system": "system prompt", "user": "asked", "assistant": "answered", "tool": "the tool gave"}


def trace_note(records: Sequence[JsonDict], *, full: bool = False) -> str:
    """The spans of one experiment in order, as Markdown.

    It begins with what each step came to. A text is shown once: where it comes again its span is named, a
    later call of a conversation shows what it adds, and a text that is an earlier one with changes is shown
    as those. Texts of the run stand in fences that they cannot close.

    Args:
        records: of one experiment, at least one; of `flatten` or `read_traces`.
        full: show texts whole, however long.
    """
    depth = _depths(records)
    lines = [f"# Trace of experiment {records[0]['session.id']}", "", _summary(records)]
    lines += ["", "## In short", "", *brief(records)]
    shown: list[Any] = []
    texts = Texts(full)
    for record in records:
        level = min(depth[record["span_id"]] + 2, 6)
        lines += ["", f"{'#' * level} {record['sequence']}. {escape(record['name'])} ({_caption(record)})"]
        if record["status_code"] == "ERROR":
            lines += ["", f"**failed**: {escape(record['status_message']) or 'no reason kept'}"]
        if record["openinference.span.kind"] == "LLM":
            body, shown = _call(record, shown, texts)
            lines += body
        else:
            lines += _step(record, texts)
    return "\n".join(lines) + "\n"


def _depths(records: Sequence[JsonDict]) -> dict[str, int]:
    depths: dict[str, int] = {}
    for record in records:
        depths[record["span_id"]] = depths.get(record["parent_span_id"], -1) + 1
    return depths


def _summary(records: Sequence[JsonDict]) -> str:
    calls = [record for record in records if record["openinference.span.kind"] == "LLM"]
    tools = sum(record["openinference.span.kind"] == "TOOL" for record in records)
    failed = sum(record["status_code"] == "ERROR" for record in records)
    parts = [
        counted(len(records), "span"),
        counted(len(calls), "call of a model", "calls of a model"),
        counted(tools, "tool call"),
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
    parts.append("times not known" if seconds is None else f"{_took(seconds)} from first to last")
    return ", ".join(parts) + "."


def _seconds(records: Sequence[JsonDict]) -> float | None:
    starts = [r["start_time_ns"] for r in records if r["start_time_ns"] is not None]
    ends = [r["end_time_ns"] for r in records if r["end_time_ns"] is not None]
    return (max(ends) - min(starts)) / 1e9 if starts and ends else None


def _took(seconds: float) -> str:
    return f"{seconds:.{1 if seconds >= 1 or seconds == 0 else 3}f} s"


def _caption(record: JsonDict) -> str:
    kind = str(record["openinference.span.kind"])
    parts = [kind if kind == "LLM" else kind.lower()]
    if role := record.get("agent.name"):
        parts.append(escape(role))
    if record.get("llm.token_count.total") is not None:
        asked, given = record["llm.token_count.prompt"], record["llm.token_count.completion"]
        read = record.get("llm.token_count.prompt_details.cache_read") or 0
        parts.append(f"{asked:,} tokens in{f' ({read:,} cached)' if read else ''}, {given:,} out")
        cost = record.get("llm.cost.total")
        parts.append("cost not known" if cost is None else f"${cost:.4f}")
    if (seconds := _seconds([record])) is not None:
        parts.append(_took(seconds))
    return ", ".join(parts)


def _call(record: JsonDict, before: list[Any], texts: Texts) -> tuple[list[str], list[Any]]:
    messages = json.loads(record.get("llm.input_messages") or "[]")
    again = len(before) if messages[: len(before)] == before else 0
    lines: list[str] = []
    if again:
        lines += ["", f"*{counted(again, 'message')} as before*"]
    for message in messages[again:]:
        lines += _message(message, texts, record["sequence"])
    answers = json.loads(record.get("llm.output_messages") or "[]")
    for message in answers:
        lines += _message(message, texts, record["sequence"])
    if not answers and record.get("response") is None:
        lines += ["", "*no answer*" if messages else "*prompt and answer were not recorded*"]
    if (reason := record.get("llm.finish_reason")) not in (None, "end_turn", "tool_use"):
        lines += ["", f"stopped: {escape(reason)}"]
    return lines, messages + answers


def _message(message: Any, texts: Texts, sequence: int) -> Iterator[str]:
    role = _ROLES.get(message["message.role"], escape(message["message.role"]))
    for part in message.get("message.contents", ()):
        thinking = part["message_content.type"] == "reasoning"
        yield from texts.show("thought" if thinking else role, part["message_content.text"], sequence)
    if message.get("message.content"):
        prompt = message["message.role"] in ("system", "user")
        yield from texts.show(role, message["message.content"], sequence, prompt=prompt)
    for call in message.get("message.tool_calls", ()):
        name, given = call["tool_call.function.name"], call["tool_call.function.arguments"]
        yield from texts.show_call(f"called {escape(name)}", given, sequence)


def _step(record: JsonDict, texts: Texts) -> Iterator[str]:
    sequence = record["sequence"]
    if record.get("input.value"):
        yield from texts.show_call("given", record["input.value"], sequence)
    if record.get("output.value"):
        yield from texts.show("gave", record["output.value"], sequence)
    found = json.loads(record.get("retrieval.documents") or "[]")
    if isinstance(found, list) and found:
        yield from ("", "**found**", "")
        yield from map(_document, found)
    facts = json.loads(record.get("metadata") or "{}")
    said = {name: _as_text(value) for name, value in facts.items() if not name.startswith(_ELSEWHERE)}
    short = [f"- {escape(name)}: {code(text)}" for name, text in said.items() if not _long(text)]
    if prompt := _prompt(facts):
        short.insert(0, prompt)
    if short:
        yield from ("", *short)
    for name, text in said.items():
        if _long(text):
            yield from texts.show(escape(name), text, sequence)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _long(text: str) -> bool:
    return "\n" in text or len(text) > _LONG


def _prompt(facts: dict[str, Any]) -> str | None:
    """Which prompt was used, in one line."""
    parts = [
        f"{escape(name.partition('.')[2])} {code(_as_text(facts[name]))}" for name in _PROMPT if name in facts
    ]
    return f"- prompt: {', '.join(parts)}" if parts else None


def _document(found: Any) -> str:
    """One document that a search gave, in one line."""
    if not isinstance(found, dict):
        return f"- {code(_as_text(found))}"
    rest = {name: value for name, value in found.items() if name not in _DOCUMENT}
    parts = [code(_as_text(found["document.id"]))] if "document.id" in found else []
    if "document.score" in found:
        parts.append(f"(score {escape(found['document.score'])})")
    if "document.content" in found:
        parts.append(escape(found["document.content"]))
    return f"- {' '.join([*parts, *([code(_as_text(rest))] if rest else [])])}"
