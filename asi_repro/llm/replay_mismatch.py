"""What a replay asks for that the record does not hold, shown against the nearest thing it holds."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from asi_repro.llm.records import Place, Records
from asi_repro.store.json_text import JsonDict
from asi_repro.text import terminal_safe

_COMPARED = 200
_SHOWN = 40
_WIDTH = 160


def explain_miss(records: Records, session: str, role: str, key: str, n: int, request: JsonDict) -> str:
    """Why `request` is not in the record, for a person: a count, or a difference line by line."""
    equal = [place for place in records.places if place.key == key]
    same = [place for place in equal if place.session == session]
    if same:
        times = f"{len(same)} time{'s' if len(same) > 1 else ''}"
        return f"this request was recorded {times} for experiment {session}; now it is asked for time {n + 1}"
    if equal:
        others = ", ".join(sorted({place.session for place in equal})[:8])
        return f"this request was recorded for experiment {others}, not for {session}"
    near = _nearest(records, session, role, request)
    if near is None:
        return "the record is empty"
    place, recorded = near
    lines = difflib.unified_diff(
        list(request_lines(recorded)),
        list(request_lines(request)),
        f"recorded: experiment {place.session}, {place.role}, {place.key[:12]}",
        f"asked for now: experiment {session}, {role}, {key[:12]}",
        n=1,
        lineterm="",
    )
    shown = [_cut(line) for line in lines]
    more = [f"... and {len(shown) - _SHOWN} more lines"] if len(shown) > _SHOWN else []
    return "\n".join([*shown[:_SHOWN], *more])


def _nearest(records: Records, session: str, role: str, request: JsonDict) -> tuple[Place, JsonDict] | None:
    ranked = sorted(records.places, key=lambda place: (place.session != session, place.role != role))
    wanted = list(request_lines(request))
    best: tuple[float, Place, JsonDict] | None = None
    for place in ranked[:_COMPARED]:
        recorded = records.load(place)["request"]
        ratio = difflib.SequenceMatcher(None, list(request_lines(recorded)), wanted, False).quick_ratio()
        if best is None or ratio > best[0]:
            best = (ratio, place, recorded)
    return None if best is None else (best[1], best[2])


def request_lines(value: Any, path: str = "") -> Iterator[str]:
    """A JSON value as lines that name where they stand; texts by their own lines."""
    if isinstance(value, dict):
        for name in sorted(value):
            yield from request_lines(value[name], f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from request_lines(item, f"{path}[{at}]")
    elif isinstance(value, str):
        for line in value.split("\n"):
            yield f"{path} | {line}"
    else:
        yield f"{path} = {value}"


def _cut(line: str) -> str:
    shown = terminal_safe(line, keep="")
    return shown if len(shown) <= _WIDTH else shown[: _WIDTH - 1] + "…"
