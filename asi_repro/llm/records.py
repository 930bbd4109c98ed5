"""The record of calls: JSON lines that several processes append to and a kill cannot spoil.

One line holds one call: session (experiment), role, key, n (which of the equal requests of that session),
request and response. A line is written and synced before its answer is given to anyone, so that what was
used is on disk. A torn last line was never used: the next writer cuts it off.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from asi_repro.errors import DataError, MissingInput
from asi_repro.llm.message import check_message
from asi_repro.llm.request import request_key
from asi_repro.store.checksums import SUM, checksum
from asi_repro.store.json_lines import appending, whole_lines
from asi_repro.store.json_text import JsonDict, canonical

VERSION = 1

_HINT = "restore the file from its commit, or begin a new run"


class _Request(BaseModel):
    messages: list[Any]


class _Recorded(BaseModel):
    """A line, as far as it is read before it is asked for."""

    model_config = ConfigDict(strict=True)

    version: int
    session: str
    role: str
    key: str
    n: int
    request: _Request
    response: JsonDict


@dataclass(frozen=True)
class Place:
    """Where one call is in the file."""

    session: str
    role: str
    key: str
    n: int
    offset: int
    length: int


class Records:
    """A file of recorded calls, read as it grows.

    Args:
        path: of the JSON lines.
        must_exist: for replay.

    Raises:
        MissingInput: where it must exist and does not.
        DataError: where a line is not a record; says which.
    """

    def __init__(self, path: Path, *, must_exist: bool = False) -> None:
        self.path = path
        self.places: list[Place] = []
        self._index: dict[tuple[str, str, int], Place] = {}
        self._read_to = 0
        self._lines = 0
        self._refreshing = threading.Lock()  # workers of one process share the index
        if must_exist and not path.is_file():
            raise MissingInput(
                "there is no recording to replay",
                where=str(path),
                hint="choose a recorded run, or record one first",
            )
        self.refresh()

    def refresh(self) -> None:
        """Index the whole lines that were appended since the last time, by whomever."""
        with self._refreshing:
            for line in whole_lines(self.path, self._read_to):
                self._lines += 1
                self._add(line, self._read_to)
                self._read_to += len(line)

    def find(self, session: str, key: str, n: int) -> JsonDict | None:
        """The recorded answer, None where there is none.

        Raises:
            DataError: where the record was changed by hand, or is not an answer.
        """
        place = self._index.get((session, key, n))
        if place is None:
            self.refresh()
            place = self._index.get((session, key, n))
        if place is None:
            return None
        record = self.load(place)
        where = f"{self.path}, session {session}, key {key[:12]}"
        try:
            same = request_key(record["request"]) == key
        except ValueError:  # NaN, which Python's JSON reads and a request cannot hold
            same = False
        if not same:
            raise DataError("a recorded request does not match its key", where=where, hint=_HINT)
        try:
            answer = check_message(record["response"], where)
        except DataError as error:
            raise DataError(error.what, where=error.where, hint=error.hint or _HINT) from error
        if record.get(SUM, "") not in ("", answer_sum(record["response"])):
            raise DataError(
                "a recorded answer differs from the one that was written", where=where, hint=_HINT
            )
        return answer

    def load(self, place: Place) -> JsonDict:
        """The whole record at a place."""
        with self.path.open("rb") as stream:
            stream.seek(place.offset)
            record: JsonDict = json.loads(stream.read(place.length))
        return record

    def append(
        self, session: str, role: str, key: str, n: int, request: JsonDict, response: JsonDict
    ) -> JsonDict:
        """Add a call, unless another process was first; gives the answer that counts.

        Raises:
            AsiReproError: where the file cannot be written.
        """
        record = {
            "version": VERSION,
            "session": session,
            "role": role,
            "key": key,
            "n": n,
            "request": request,
            "response": response,
            SUM: answer_sum(response),
        }
        with appending(self.path) as append:
            self.refresh()
            if (session, key, n) not in self._index:
                append(canonical(record))
                self.refresh()
        found = self.find(session, key, n)
        if found is None:
            raise DataError(
                "a record disappeared while it was being written", where=str(self.path), hint=_HINT
            )
        return found

    def _add(self, line: bytes, offset: int) -> None:
        where = f"{self.path}, line {self._lines}"
        try:
            record = _Recorded.model_validate(json.loads(line))
        except (ValueError, RecursionError) as error:
            raise DataError("a line is not a recorded call", where=where, hint=_HINT) from error
        if record.version != VERSION:
            raise DataError(
                f"the record has version {record.version}, but asi-repro reads {VERSION}", where=where
            )
        place = Place(record.session, record.role, record.key, record.n, offset, len(line))
        self.places.append(place)
        self._index.setdefault((place.session, place.key, place.n), place)


def answer_sum(response: JsonDict) -> str:
    """A checksum of an answer; records made before there were any have none."""
    try:
        return checksum(canonical(response))
    except ValueError:  # NaN, which Python's JSON reads and an answer cannot hold
        return "no answer"
