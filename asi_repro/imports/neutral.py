"""Neutral JSON lines: a documented form for runs that have no adapter, and what `share` writes.

The first line is the header: `{"format": "asi_repro.run/1", "system": ..., "score": ..., "direction":
"maximize"|"minimize"|"unknown"}`. Each further line is an experiment with an `id` and any field of
`NativeNode`; a parent is an id, or an object of `id` and `role`. A file that `share` wrote has the records,
notices and sources of the first import too, so that importing it gives the same tables.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from asi_repro.errors import DataError
from asi_repro.imports.model import (
    MOST_NOTICES,
    ImportedRun,
    NativeId,
    NativeNode,
    NativeRecord,
    Notice,
    Short,
    make_node,
)
from asi_repro.imports.reading import Damaged, Reader, json_lines, parse
from asi_repro.imports.values import finite
from asi_repro.store.hostile_json import Text
from asi_repro.store.json_text import JsonDict, one_line
from asi_repro.store.records import Record, first_fault
from asi_repro.text import terminal_safe

FORMAT = "jsonl"
NAME = "run.jsonl"
VERSION = "asi_repro.run/1"
_NUMBERS = ("score", "time", "seconds", "cost")


class _Notice(Notice):
    kind: Short
    text: Text


class _Source(Record):
    file: Annotated[str, Field(max_length=4096)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    bytes: Annotated[int, Field(ge=0)]
    records: Annotated[int, Field(ge=0)]
    url: None = None
    commit: None = None


class _Header(Record):
    """The first line."""

    format: Literal["asi_repro.run/1"]
    system: Annotated[Short, Field(min_length=1)] = "unnamed"
    score: Annotated[Short, Field(min_length=1)] = "score"
    direction: Literal["maximize", "minimize", "unknown"]
    direction_from: Text = "the file's first line"
    notices: list[_Notice] = Field(default_factory=list, max_length=MOST_NOTICES + 1)
    sources: list[_Source] | None = None


class _Bytes(Record):
    """A native record in a file that `share` wrote."""

    file: Annotated[str, Field(min_length=1, max_length=4096)]
    place: Annotated[int, Field(ge=0, lt=2**31)]
    node: NativeId | None = None
    content: str


def recognise(reader: Reader) -> bool:
    """Whether the folder has a run.jsonl with the header of this format."""
    if not reader.has(NAME):
        return False
    with (reader.folder / NAME).open("rb") as stream:
        return VERSION.encode() in stream.readline(1 << 16)


def read(reader: Reader) -> ImportedRun:
    """The run in the folder's run.jsonl."""
    return _read(reader.read(NAME), NAME)


def read_file(path: Path) -> ImportedRun:
    """The run in a file of any name.

    Raises:
        DataError: where a line is not what it should be, naming the line.
    """
    return _read(Reader(path.parent).read(path.name), terminal_safe(path.name, keep=""))


def _read(data: bytes, name: str) -> ImportedRun:
    head, _, _ = data.partition(b"\n")
    header = _header(head, name)
    run = ImportedRun(header.system, header.score, header.direction, header.direction_from)
    run.notices = [Notice(kind=n.kind, text=terminal_safe(n.text, keep="")) for n in header.notices]
    shared = header.sources is not None
    if header.sources is not None:
        run.sources = [source.model_dump() for source in header.sources]
    for place, line, value in json_lines(data, name, run):
        where = f"{name}, line {place + 1}"
        node = None
        if value is not None and place and "record" in value and shared:
            run.records.append(_record(value["record"], where))
        elif value is not None and place and "ghost" in value and shared:
            ghost = _node(value["ghost"], where, run)
            run.ghosts[ghost.id] = ghost
        elif value is not None and place:
            node = _node(value, where, run)
            run.nodes.append(node)
        if not shared:
            run.records.append(NativeRecord(name, place, line, node.id if node else None))
    return run


def _header(line: bytes, name: str) -> _Header:
    hint = (
        f'the first line of the format is {{"format": "{VERSION}", "system": …, "score": …, "direction": …}}'
    )
    try:
        value = parse(line)
        if isinstance(value, dict) and isinstance(value.get("format"), str) and value["format"] != VERSION:
            shown = terminal_safe(value["format"][:80], keep="")
            raise DataError(
                f"the format is {shown!r}, and this asi-repro reads {VERSION}", where=name, hint=hint
            )
        return _Header.model_validate(value)
    except Damaged as error:
        raise DataError(f"the first line is not JSON: {error}", where=f"{name}, line 1", hint=hint) from None
    except ValidationError as error:
        said = terminal_safe(first_fault(error), keep="")
        raise DataError(
            f"the first line is not a header: {said}", where=f"{name}, line 1", hint=hint
        ) from None


def _node(value: Any, where: str, run: ImportedRun) -> NativeNode:
    if not isinstance(value, dict):
        raise DataError("this is not an object", where=where)
    known = {key: value[key] for key in value if key in NativeNode.model_fields}
    run.note_unknown(where, value.keys() - known.keys())
    known["parents"] = tuple(_link(one) for one in _listed(known.get("parents"), where))
    for key in _NUMBERS:
        if isinstance(known.get(key), (int, float)) and not isinstance(known[key], bool):
            known[key] = finite(known[key])  # NaN is no value, and 1 is a number as 1.0 is
    if isinstance(metrics := known.get("metrics"), dict):
        known["metrics"] = {key: finite(number) for key, number in metrics.items()}
    return make_node(where, run, **known)


def _listed(value: Any, where: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise DataError("parents is not a list", where=where)
    return value


def _link(value: Any) -> Any:
    return {"id": value} if isinstance(value, str) else value


def _record(value: Any, where: str) -> NativeRecord:
    try:
        found = _Bytes.model_validate(value)
        content = base64.b64decode(found.content, validate=True)
    except (ValidationError, binascii.Error) as error:
        said = first_fault(error) if isinstance(error, ValidationError) else str(error)
        raise DataError(f"the record is damaged: {terminal_safe(said, keep='')}", where=where) from None
    return NativeRecord(found.file, found.place, content, found.node)


def neutral_lines(run: ImportedRun) -> Iterator[str]:
    """A run as lines of this format, from which `read_file` makes the same run."""
    yield one_line(
        {
            "format": VERSION,
            "system": run.system,
            "score": run.score,
            "direction": run.direction,
            "direction_from": run.direction_from,
            "notices": [notice.model_dump() for notice in run.notices],
            "sources": run.sources or [],
        }
    )
    for node in run.nodes:
        yield one_line(_fields(node))
    for _, ghost in sorted(run.ghosts.items()):
        yield one_line({"ghost": _fields(ghost)})
    for record in run.records:
        content = base64.b64encode(record.content).decode()
        yield one_line(
            {"record": {"file": record.file, "place": record.place, "node": record.node, "content": content}}
        )


def _fields(node: NativeNode) -> JsonDict:
    return node.model_dump(mode="json", exclude_defaults=True) | {"id": node.id}
