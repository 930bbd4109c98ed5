"""Appending to a file of JSON lines that several processes share, whole lines or nothing."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """The file, made if need be, open for appending and locked against other writers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def mend(handle: int) -> None:
    """Cut off a torn last line of a locked file of JSON lines."""
    size = os.fstat(handle).st_size
    keep = size
    step = 1 << 16
    while keep:
        start = max(0, keep - step)
        found = os.pread(handle, keep - start, start).rfind(b"\n")
        if found >= 0:
            keep = start + found + 1
            break
        keep = start
    if keep != size:
        os.ftruncate(handle, keep)


def write_all(handle: int, data: bytes) -> None:
    """Append `data` to a locked file and sync it; nothing of it stays where that fails."""
    before = os.fstat(handle).st_size
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(handle, left) :]
        os.fsync(handle)
    except BaseException:
        os.ftruncate(handle, before)
        raise
