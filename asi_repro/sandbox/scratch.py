"""The scratch folder seen from outside: every name and file in it is the program's, so each is checked."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from typing import TYPE_CHECKING

from asi_repro.sandbox.outcome import BadResult

if TYPE_CHECKING:
    import torch

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_MAX_ENTRIES = 10_000


class Scratch:
    """A worker's scratch folder behind an open descriptor, which no rename or link can redirect.

    Args:
        descriptor: the open folder; closed by `close`.
        max_bytes: the largest file that `read` returns.
    """

    def __init__(self, descriptor: int, max_bytes: int) -> None:
        self._folder = descriptor
        self._max_bytes = max_bytes

    def read(self, name: str, max_bytes: int | None = None) -> bytes:
        """The bytes of a plain file.

        Raises:
            BadResult: where it is missing, a link, a fifo, a device or a folder, has a second hard link,
                or is larger than the bound.
        """
        limit = self._max_bytes if max_bytes is None else min(max_bytes, self._max_bytes)
        handle = self._open(name, os.O_RDONLY | os.O_NONBLOCK)
        try:
            _check_file(name, os.fstat(handle), limit)
            with os.fdopen(handle, "rb", closefd=False) as stream:
                data = stream.read(limit + 1)  # it may grow while it is read
        finally:
            os.close(handle)
        if len(data) > limit:
            raise BadResult(f"{name} grew over the limit of {limit} bytes while it was read")
        return data

    def read_tensors(self, name: str, max_bytes: int | None = None) -> dict[str, torch.Tensor]:
        """The tensors of a safetensors file: a header that is checked, then plain numbers.

        Raises:
            BadResult: as for `read`, and for bytes that are not safetensors (a pickle, say).
        """
        data = self.read(name, max_bytes)
        import safetensors
        import safetensors.torch

        try:
            return safetensors.torch.load(data)
        except (safetensors.SafetensorError, KeyError, ValueError, RuntimeError) as error:
            raise BadResult(f"{name} is not a safetensors file: {str(error)[:200]}") from None

    def write(self, name: str, data: bytes) -> None:
        """Put a file there for the worker to read.

        Raises:
            BadResult: where the name is taken (by whatever a program left there) or not a plain name.
        """
        handle = self._open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            os.fchmod(handle, 0o644)  # the worker may have another user id than this process
            view = memoryview(data)
            while view:
                view = view[os.write(handle, view) :]
        except OSError as error:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=self._folder)
            raise BadResult(f"cannot write {name} into the scratch folder: {error.strerror}") from None
        finally:
            os.close(handle)

    def remove(self, name: str) -> None:
        """Remove a file if it is there."""
        _check_name(name)
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=self._folder)

    def full(self, max_bytes: int, *, own_mount: bool) -> bool:
        """Whether the folder holds more than `max_bytes` or more than 10,000 entries.

        Args:
            own_mount: the folder is a file system of its own, whose size the kernel bounds already and
                whose entries it counts.
        """
        if own_mount:
            status = os.fstatvfs(self._folder)
            return status.f_files - status.f_ffree > _MAX_ENTRIES
        return self.used_bytes() > max_bytes

    def used_bytes(self) -> int:
        """Bytes that the folder's files occupy (every level; links are not followed).

        More than 10,000 entries, or a folder that cannot be read, count as more than any bound.
        """
        total = entries = 0
        try:
            for _, _, files, handle in os.fwalk(".", dir_fd=self._folder, follow_symlinks=False):
                for name in files:
                    entries += 1
                    with contextlib.suppress(FileNotFoundError):
                        total += os.stat(name, dir_fd=handle, follow_symlinks=False).st_blocks * 512
                entries += 1
                if entries > _MAX_ENTRIES:
                    return 1 << 62
        except FileNotFoundError:
            pass  # something was removed while it was counted
        except OSError:
            return 1 << 62
        return total

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self._folder)

    def _open(self, name: str, flags: int, mode: int = 0) -> int:
        _check_name(name)
        try:
            return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=self._folder)
        except OSError as error:
            raise BadResult(f"{name} cannot be opened as a plain file: {error.strerror}") from None


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise BadResult(f"{name!r} is not a plain file name")


def _check_file(name: str, status: os.stat_result, limit: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise BadResult(f"{name} is {_kind_of(status.st_mode)}, not a plain file")
    if status.st_nlink != 1:
        raise BadResult(f"{name} has {status.st_nlink} hard links")
    if status.st_size > limit:
        raise BadResult(f"{name} has {status.st_size} bytes, over the limit of {limit}")


def _kind_of(mode: int) -> str:
    for test, word in (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a fifo"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISLNK, "a symbolic link"),
    ):
        if test(mode):
            return word
    return "a device"
