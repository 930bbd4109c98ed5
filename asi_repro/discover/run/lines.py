"""Files of JSON lines that several processes append to and that a kill may cut off in the last line.

Each line holds a checksum of itself, so that a bit that a disk lost is an error and not another number.
Lines without one, of records made before there were checksums, are read as they are.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from asi_repro.discover.records import one_line
from asi_repro.errors import DataError
from asi_repro.store.files import sha256_bytes, unwritable
from asi_repro.store.json_text import JsonDict

SUM = "sum"
_HINT = "delete the line, and what it records is made again; or restore the file"


def checksum(value: JsonDict) -> str:
    """Of a line's content, whatever the order of its keys."""
    return sha256_bytes(one_line(value).encode())[:16]


def _is_checksum(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 16 and set(value) <= set("0123456789abcdef")


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """Hold the lock of a file (made where it is not there); the kernel drops it when the process dies."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def append_line(path: Path, value: JsonDict) -> None:
    """Append one line, on disk when this returns; a line that was cut off before it is removed first.

    Raises:
        AsiReproError: where the file cannot be written.
    """
    data = (one_line({**value, SUM: checksum(value)}) + "\n").encode()
    with locked(path) as descriptor:
        try:
            os.lseek(descriptor, _whole(descriptor), os.SEEK_SET)
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            os.ftruncate(descriptor, os.lseek(descriptor, 0, os.SEEK_CUR))
            os.fsync(descriptor)
        except OSError as error:
            raise unwritable(path, error) from error


def read_lines(path: Path) -> list[JsonDict]:
    """The whole lines of a file, none where it is not there; what a kill cut off at the end is left out.

    Raises:
        DataError: for a line that is not a JSON object, or a file that cannot be read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DataError(f"cannot read: {error.strerror}", where=str(path)) from error
    found = []
    for number, line in enumerate(data[: data.rfind(b"\n") + 1].split(b"\n"), 1):
        if not line:
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError("a line that is not JSON", where=f"{path}, line {number}", hint=_HINT) from error
        if not isinstance(value, dict):
            raise DataError("a line that is not a JSON object", where=f"{path}, line {number}", hint=_HINT)
        if SUM not in value and any(map(_is_checksum, value.values())):
            raise DataError("a line whose checksum lost its name", where=f"{path}, line {number}", hint=_HINT)
        if SUM in value and value.pop(SUM) != checksum(value):
            raise DataError("a line that is not what was written", where=f"{path}, line {number}", hint=_HINT)
        found.append(value)
    return found


def step_seconds(path: Path, scale: str) -> list[float]:
    """Mean seconds a step of the trainings of a scale in a file of timings: the peers of the next one."""
    return [float(line["step_seconds"]) for line in read_lines(path) if line.get("scale") == scale]


def _whole(descriptor: int) -> int:
    """Where the last whole line ends."""
    end = os.lseek(descriptor, 0, os.SEEK_END)
    while end:
        start = max(end - 65536, 0)
        block = os.pread(descriptor, end - start, start)
        place = block.rfind(b"\n")
        if place >= 0:
            return start + place + 1
        end = start
    return 0
