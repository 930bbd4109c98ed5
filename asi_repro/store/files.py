"""Writing files whole or not at all, and hashing them."""

from __future__ import annotations

import fcntl
import glob
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from asi_repro.errors import AsiReproError

_YOUNG_SECONDS = 60.0


def sha256_bytes(data: bytes) -> str:
    """SHA-256 of `data` in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes in lower-case hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it onto `path` if the body succeeds.

    Raises:
        AsiReproError: where the folder cannot be written or the disk is full.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        temporary = Path(name)
        with _held(handle):
            yield temporary
        # mkstemp makes files that only their owner reads; artifacts are for everyone the umask allows.
        temporary.chmod(0o666 & ~_umask())
        _fsync(temporary)
        temporary.replace(path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def atomic_write(path: Path, data: bytes | str) -> None:
    """Write `data` to `path` whole or not at all (text as UTF-8)."""
    with atomic_file(path) as temporary:
        temporary.write_bytes(data.encode() if isinstance(data, str) else data)


@contextmanager
def atomic_dir(path: Path) -> Iterator[Path]:
    """Yield a new temporary folder beside `path` that takes its place if the body succeeds.

    The old folder is moved aside first and put back if the exchange fails.
    """
    with scratch_beside(path) as temporary:
        old = temporary.with_suffix(".old")
        try:
            yield temporary
            temporary.chmod(0o777 & ~_umask())
            if path.exists():
                path.replace(old)
            try:
                temporary.replace(path)
            except OSError:
                if old.exists():
                    old.replace(path)
                raise
        except OSError as error:
            raise unwritable(path, error) from error
        finally:
            shutil.rmtree(old, ignore_errors=True)


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder of files, by their paths in it, whole or not at all; what it held before is gone."""
    with atomic_dir(folder) as new:
        for name, data in files.items():
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            (new / name).write_bytes(data)


@contextmanager
def scratch_beside(path: Path) -> Iterator[Path]:
    """Yield a new folder on the disk that `path` is on; removed in the end, by a later call after a kill.

    Raises:
        AsiReproError: where it cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent))
        handle = os.open(temporary, os.O_RDONLY)
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        with _held(handle):
            yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def make_folder(path: Path) -> None:
    """Make a folder and those above it where they are not there.

    Raises:
        AsiReproError: where it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error


def remove_leftovers(path: Path) -> None:
    """Remove what killed processes left beside `path`: temporary files that no process holds any more.

    Those of the last minute stay: their owner may not hold them yet.
    """
    for stray in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        try:
            if time.time() - stray.lstat().st_mtime < _YOUNG_SECONDS:
                continue
            handle = os.open(stray, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue  # somebody holds it, or this file system has no locks
        else:
            shutil.rmtree(stray, ignore_errors=True) if stray.is_dir() else stray.unlink(missing_ok=True)
        finally:
            os.close(handle)


@contextmanager
def _held(handle: int) -> Iterator[None]:
    """Mark a temporary file as in use for as long as this process lives and the body lasts."""
    try:
        with suppress(OSError):  # a file system without locks: its leftovers stay
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def unwritable(path: Path, error: OSError) -> AsiReproError:
    """The error for a place that could not be written, saying why and what to do."""
    reason = error.strerror or str(error)
    return AsiReproError(
        f"cannot write {path}: {reason}",
        where=str(error.filename or path),
        hint="check that there is free space (df -h) and that you may write there, then run the "
        "command again",
    )


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _fsync(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
