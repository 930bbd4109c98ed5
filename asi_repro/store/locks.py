"""Locks between processes. The kernel drops them when their process dies, however that happens."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asi_repro.store.files import unwritable


@contextmanager
def locked(path: Path, *, required: bool = True) -> Iterator[int]:
    """Hold the lock of a folder, or of a file, which is made where it is not there; others wait.

    Args:
        required: whether a file system without locks is an error; if not, the body runs without one.

    Yields:
        The descriptor of what is locked.

    Raises:
        AsiReproError: where the file cannot be made or locked.
    """
    with _opened(path) as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as error:
            if required:
                raise unwritable(path, error) from error
        yield handle


@contextmanager
def try_lock(path: Path) -> Iterator[bool]:
    """Whether this process got the lock of a file, which it then holds for as long as the body lasts.

    Raises:
        AsiReproError: where the file cannot be made or locked.
    """
    with _opened(path) as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            got = True
        except BlockingIOError:
            got = False
        except OSError as error:
            raise unwritable(path, error) from error
        yield got


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    kind = os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT | os.O_APPEND
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, kind | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        yield handle
    finally:
        os.close(handle)
