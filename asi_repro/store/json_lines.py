"""Files of JSON lines that several processes append to and that a kill may cut off in the last line.

A line is written and synced whole or not at all; what a kill cut off is left out by readers and removed by
the next writer. `append_line` adds a checksum to each line, so that a bit that a disk lost is an error and
not another number. Lines without one, of records made before there were checksums, are read as they are.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from asi_repro.errors import DataError
from asi_repro.store.checksums import SUM, checked, with_checksum
from asi_repro.store.files import unwritable
from asi_repro.store.json_text import JsonDict, one_line
from asi_repro.store.locks import locked

_HINT = "delete the line, and what it records is made again; or restore the file"


@contextmanager
def appending(path: Path) -> Iterator[Callable[[str], None]]:
    """Hold a file's lock and yield what appends a line to it, on disk when the call returns.

    Raises:
        AsiReproError: where the file cannot be written.
    """

    def append(line: str) -> None:
        before = os.fstat(handle).st_size
        try:
            left = memoryview(f"{line}\n".encode())
            while left:
                left = left[os.write(handle, left) :]
            os.fsync(handle)
        except BaseException:
            os.ftruncate(handle, before)
            raise

    with locked(path) as handle:
        try:
            os.ftruncate(handle, _end_of_whole_lines(handle))
            yield append
        except OSError as error:
            raise unwritable(path, error) from error


def append_line(path: Path, value: JsonDict) -> None:
    """Append one object with its checksum.

    Raises:
        AsiReproError: where the file cannot be written.
    """
    with appending(path) as append:
        append(one_line(with_checksum(value)))


def whole_lines(path: Path, start: int = 0) -> Iterator[bytes]:
    """The whole lines from byte `start` on, none where there is no file."""
    try:
        stream = path.open("rb")
    except FileNotFoundError:
        return
    with stream:
        stream.seek(start)
        for line in stream:
            if not line.endswith(b"\n"):
                return  # not its rest either, which another process may be writing just now
            yield line


def read_lines(path: Path) -> list[JsonDict]:
    """The whole lines of a file, none where it is not there.

    Raises:
        DataError: for a line is not a JSON object or lost a bit, or a file that cannot be read.
    """
    try:
        lines = [line[:-1] for line in whole_lines(path)]
    except OSError as error:
        raise DataError(f"the file cannot be read: {error.strerror}", where=str(path)) from error
    return [parse_line(line, f"{path}, line {number}") for number, line in enumerate(lines, 1) if line]


def parse_line(line: bytes, where: str) -> JsonDict:
    """The object of a line, without its checksum.

    Raises:
        DataError: where it is not one, or not the one that was written.
    """
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError("a line is not JSON", where=where, hint=_HINT) from error
    if not isinstance(value, dict):
        raise DataError("a line is not a JSON object", where=where, hint=_HINT)
    if SUM not in value and any(map(_is_checksum, value.values())):
        raise DataError("the checksum field of a line has lost its name", where=where, hint=_HINT)
    return checked(value, "a line that is", where=where, hint=_HINT)


def _is_checksum(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 16 and set(value) <= set("0123456789abcdef")


def _end_of_whole_lines(handle: int) -> int:
    end = os.fstat(handle).st_size
    while end:
        start = max(end - 65536, 0)
        place = os.pread(handle, end - start, start).rfind(b"\n")
        if place >= 0:
            return start + place + 1
        end = start
    return 0
