"""The spans of one experiment, in order, with nothing in them that a replay would not repeat.

No wall clock and no random id is in what `Trace.to_rows` gives: a span's id is a hash of its session and
sequence. When it ran is kept aside (`Trace.timings`), for a side file of the run that is joined when the
tables in traces/ are written.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Optional, cast, get_args

from pydantic import BaseModel, ConfigDict, Field

from asi_repro.errors import AsiReproError, DataError
from asi_repro.store.files import sha256_bytes
from asi_repro.store.json_text import JsonDict
from asi_repro.store.records import faults_reported
from asi_repro.traces.scrub import scrub

Kind = Literal["AGENT", "LLM", "RETRIEVER", "EVALUATOR", "GUARDRAIL", "TOOL", "CHAIN"]
Status = Literal["OK", "ERROR"]
KINDS = frozenset(get_args(Kind))
VERSION = 1
"""Of the JSON-lines form."""


def trace_id(session: str) -> str:
    """The OpenTelemetry trace id of an experiment: 32 hexadecimal digits."""
    return sha256_bytes(f"asi-repro trace {session}".encode())[:32]


def span_id(session: str, sequence: int) -> str:
    """The OpenTelemetry span id of a span: 16 hexadecimal digits."""
    return sha256_bytes(f"asi-repro span {session} {sequence}".encode())[:16]


class Span:
    """One step of an agent.

    Attributes:
        name: what was done; two spans of a trace may share it.
        kind: OpenInference's kind of span.
        parent: sequence of the span around it, None for an outermost one.
        sequence: its place in the trace, from 0.
        attributes: JSON values by name; OpenInference's names where it has one.
        status: OK, or ERROR where its body raised.
        message: of the error, "" for none.
    """

    def __init__(self, name: str, kind: Kind, parent: int | None, sequence: int) -> None:
        if kind not in KINDS:
            raise ValueError(f"no kind of span: {kind!r}")
        self.name = name
        self.kind: Kind = kind
        self.parent = parent
        self.sequence = sequence
        self.attributes: dict[str, Any] = {}
        self.status: Status = "OK"
        self.message = ""

    def set(self, /, **attributes: Any) -> None:
        """Add attributes, or replace those of the same name.

        Names with dots go in as `set(**{"tool.name": ...})`. Values are copied, so that what the caller
        does to them afterwards is not seen here.

        Raises:
            TypeError: for a value that JSON does not have.
            ValueError: for NaN and infinities.
        """
        for name, value in attributes.items():
            self.attributes[name] = json.loads(json.dumps(value, allow_nan=False))

    def fail(self, error: BaseException) -> None:
        """Mark the span as failed. Only our own errors' texts are kept: others may hold paths or times."""
        self.status = "ERROR"
        said = f": {error.what}" if isinstance(error, AsiReproError) else ""
        self.message = f"{type(error).__name__}{said}"


class Trace:
    """The spans of one experiment. One thread at a time may write to it.

    Args:
        session: index of the experiment, as text; OpenInference's `session.id`.
        clock: nanoseconds since 1970, for the timings only.
    """

    def __init__(self, session: str, *, clock: Callable[[], int] | None = None) -> None:
        self.session = session
        self.spans: list[Span] = []
        self._clock = clock or time.time_ns
        self._open: list[Span] = []
        self._times: dict[int, list[int]] = {}

    @contextmanager
    def span(self, name: str, kind: Kind, /, **attributes: Any) -> Iterator[Span]:
        """Open a span inside the one that is open now; it ends with the `with` block, whatever happens."""
        made = Span(name, kind, self._open[-1].sequence if self._open else None, len(self.spans))
        made.set(**attributes)
        self.spans.append(made)
        self._open.append(made)
        self._times[made.sequence] = [self._clock()]
        try:
            yield made
        except BaseException as error:
            made.fail(error)
            raise
        finally:
            self._times[made.sequence].append(self._clock())
            self._open.remove(made)

    def to_rows(self) -> list[JsonDict]:
        """One plain dict a span, in order, secrets scrubbed; equal traces give equal rows."""
        return [
            {
                "version": VERSION,
                "session": self.session,
                "sequence": span.sequence,
                "parent": span.parent,
                "name": scrub(span.name),
                "kind": span.kind,
                "status": span.status,
                "message": scrub(span.message),
                "attributes": scrub(span.attributes),
            }
            for span in self.spans
        ]

    def to_jsonl(self) -> str:
        """`to_rows` as JSON lines with sorted keys: the form that is committed."""
        return "".join(
            json.dumps(row, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
            for row in self.to_rows()
        )

    def timings(self) -> list[JsonDict]:
        """When each finished span ran: session, sequence, start_ns and end_ns (nanoseconds since 1970)."""
        return [
            {"session": self.session, "sequence": sequence, "start_ns": times[0], "end_ns": times[1]}
            for sequence, times in sorted(self._times.items())
            if len(times) == 2
        ]

    @classmethod
    def from_rows(cls, rows: Iterable[JsonDict]) -> Trace:
        """A trace that goes on after `rows` (at least one, all of one session), as after a restart.

        Raises:
            DataError: where the rows are not a trace.
        """
        listed = [check_row(row, f"span {at}") for at, row in enumerate(rows)]
        sessions = {row["session"] for row in listed}
        if len(sessions) != 1 or [row["sequence"] for row in listed] != list(range(len(listed))):
            raise DataError(
                "the file does not contain the spans of one experiment in order",
                hint="restore the file from its commit",
            )
        trace = cls(listed[0]["session"])
        for row in listed:
            span = Span(row["name"], row["kind"], row["parent"], row["sequence"])
            span.attributes, span.status, span.message = row["attributes"], row["status"], row["message"]
            trace.spans.append(span)
        return trace


class _Row(BaseModel):
    """A span's row."""

    model_config = ConfigDict(strict=True)

    version: int
    session: str
    sequence: int = Field(ge=0)
    parent: Optional[int] = Field(ge=0)
    name: str
    kind: Kind
    status: Status
    message: str
    attributes: dict[str, Any]


def check_row(row: Any, where: str) -> JsonDict:
    """`row` if it is a span's row.

    Raises:
        DataError: naming the field that is wrong.
    """
    with faults_reported("the row of a span is malformed", where=where):
        found = _Row.model_validate(row)
    if found.version != VERSION:
        raise DataError(
            f"the trace has version {found.version}, but asi-repro reads version {VERSION}", where=where
        )
    if found.parent is not None and found.parent >= found.sequence:
        raise DataError("a span comes before its parent", where=where)
    return cast(JsonDict, row)


def read_jsonl(path: Path) -> list[JsonDict]:
    """The rows in a file that `Trace.to_jsonl` wrote.

    Raises:
        DataError: where it cannot be read, or a line is not a span; says which.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the trace: {error}", where=str(path)) from error
    return parse_jsonl(text, str(path))


def parse_jsonl(text: str, where: str) -> list[JsonDict]:
    """The rows in `text`.

    Raises:
        DataError: where a line is not a span; says which.
    """
    rows = []
    # Not splitlines: prompts may hold other line separators as they are.
    for number, line in enumerate(text.split("\n"), 1):
        if line:
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError("a line is not JSON", where=f"{where}, line {number}") from error
            rows.append(check_row(value, f"{where}, line {number}"))
    return rows
