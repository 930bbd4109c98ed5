"""A run of any system in memory, as every adapter gives it, each field within a limit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from asi_repro.archive.node_model import EVICTED, FAILED, PARENT, UNKNOWN
from asi_repro.errors import DataError
from asi_repro.imports.values import NAME_CHARACTERS, NATIVE_ID_CHARACTERS, native_id
from asi_repro.store.hostile_json import MAX_INDEX, MAX_TEXT_CHARACTERS, Text
from asi_repro.store.records import Record, first_fault
from asi_repro.text import terminal_safe

MOST_NODES = 1_000_000
MOST_PARENTS, MOST_METRICS, MOST_NOTICES = 64, 256, 1000

NativeId = Annotated[str, Field(min_length=1, max_length=NATIVE_ID_CHARACTERS)]
Short = Annotated[str, Field(max_length=NAME_CHARACTERS)]
Count = Annotated[int, Field(ge=0, le=2**53)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Status = Literal["finished", "failed", "rejected", "evicted"]


class Link(Record):
    """A parent by its native id, and what it was to the child."""

    id: NativeId
    role: Short = PARENT


class NativeNode(Record):
    """One program, node or attempt of a system; see `archive.nodes.NODES` for what the fields mean.

    The score is None where there is no valid one: a crash, a NaN, a program not evaluated.
    """

    id: NativeId
    status: Status = "finished"
    parents: Annotated[tuple[Link, ...], Field(max_length=MOST_PARENTS)] = ()
    name: Short | None = None
    score: Finite | None = None
    metrics: dict[Short, Finite | None] = Field(default_factory=dict, max_length=MOST_METRICS)
    program: Text | None = None
    language: Short | None = None
    motivation: Text | None = None
    summary: Text | None = None
    generation: Annotated[int, Field(ge=-1, le=MAX_INDEX)] | None = None
    iteration: Annotated[int, Field(ge=-1, le=MAX_INDEX)] | None = None
    island: Short | None = None
    time: Finite | None = None
    seconds: Amount | None = None
    cost: Amount | None = None
    tokens: Count | None = None


@dataclass(frozen=True, slots=True)
class NativeRecord:
    """Bytes that the system wrote.

    Attributes:
        file: path below the imported folder, with slashes.
        place: position in the file; the contents of one file, in order, are the file.
        node: native id of what it describes; None for what stands between.
    """

    file: str
    place: int
    content: bytes
    node: str | None = None


class Notice(Record):
    """Something about the source that a person should know.

    Attributes:
        kind: damaged, ignored, unknown, duplicate, gap, count or lost.
        text: one sentence, safe to show.
    """

    kind: str
    text: str


@dataclass
class ImportedRun:
    """What an adapter found.

    Attributes:
        system: name of the system, as its makers write it.
        score: what the scores are called.
        direction: maximize, minimize or unknown, as the source or the system's definition says.
        direction_from: where that is said.
    """

    system: str
    score: str = "score"
    direction: str = UNKNOWN
    direction_from: str = ""
    nodes: list[NativeNode] = field(default_factory=list)
    records: list[NativeRecord] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    # A file written by `share` says what its run was made from; another's sources are its own files.
    sources: list[dict[str, Any]] | None = None
    ghosts: dict[str, NativeNode] = field(default_factory=dict)
    """What a child's record says of a parent that has none of its own."""

    def note(self, kind: str, text: str) -> None:
        """Add a notice; of more than a thousand the rest is counted in the last."""
        if len(self.notices) < MOST_NOTICES:
            self.notices.append(Notice(kind=kind, text=terminal_safe(text, keep="")))
        elif len(self.notices) == MOST_NOTICES:
            rest = f"there are more than {MOST_NOTICES} notices; the rest is left out"
            self.notices.append(Notice(kind="ignored", text=rest))

    def note_unknown(self, where: str, fields: Collection[str]) -> None:
        """Add a notice of the first of the fields that nothing here knows, if there are any."""
        if fields:
            first = min(fields)[:NAME_CHARACTERS]
            self.note("unknown", f"{where}: the field {first} is kept in the records alone")


def make_node(where: str, run: ImportedRun, **fields: Any) -> NativeNode:
    """A node from fields that an adapter found, each checked; metrics are in the order of their names.

    What is beyond a limit is left out, with a notice: a longer program, further metrics and parents.

    Raises:
        DataError: naming the file and the field that is not what it should be.
    """
    program = fields.get("program")
    if isinstance(program, str) and len(program) > MAX_TEXT_CHARACTERS:
        run.note(
            "lost", f"{where}: the program has {len(program):,} characters and is kept in the records alone"
        )
        fields["program"] = None
    if isinstance(metrics := fields.get("metrics"), dict):
        fields["metrics"] = dict(_within(sorted(metrics.items()), MOST_METRICS, "metrics", where, run))
    if isinstance(parents := fields.get("parents"), tuple):
        fields["parents"] = tuple(_within(parents, MOST_PARENTS, "parents", where, run))
    try:
        return NativeNode.model_validate(fields)
    except ValidationError as error:
        raise DataError(
            f"a field is not what it should be: {terminal_safe(first_fault(error), keep='')}",
            where=terminal_safe(where, keep=""),
        ) from None


def _within(listed: Sequence[Any], most: int, what: str, where: str, run: ImportedRun) -> Sequence[Any]:
    if len(listed) > most:
        run.note("lost", f"{where}: of {len(listed):,} {what} all but {most} are kept in the records alone")
    return listed[:most]


def links(ids: Iterable[Any], role: str = PARENT) -> tuple[Link, ...]:
    """Parents of one role; what is no id is left out."""
    found = dict.fromkeys(i for i in map(native_id, ids) if i is not None)
    return tuple(Link(id=i, role=role) for i in found)


def settled(node: NativeNode, present: bool) -> NativeNode:
    """A finished node that the population kept, or that it dropped."""
    if present or node.status == FAILED:
        return node
    return node.model_copy(update={"status": EVICTED})
