"""Files of a run that nobody vetted: plain files below one folder, of bounded size, as bytes and as JSON."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from asi_repro.errors import DataError, MissingInput
from asi_repro.imports.model import ImportedRun, NativeRecord
from asi_repro.store.hostile_json import MAX_FILE_BYTES
from asi_repro.text import terminal_safe

MOST_FILES = 2_000_000
MOST_BYTES = 8 << 30


class Damaged(Exception):
    """Text that is not the JSON it should be; the message says why."""


class Reader:
    """The files below one folder.

    Symbolic links are not followed: they would lead out of what the person named.

    Raises:
        MissingInput: where the folder is not there.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise MissingInput("there is no such folder", where=str(folder), hint="name the folder of a run")
        self.folder = folder
        self.links: set[str] = set()
        """Symbolic links that were met and not followed."""
        self._read = 0

    def has(self, name: str) -> bool:
        """Whether there is such a plain file."""
        return not self.linked(name) and _is_plain(self.folder / name)

    def linked(self, name: str) -> bool:
        """Whether a path is a symbolic link, or leads through one."""
        parts = PurePosixPath(name).parts
        for end in range(1, len(parts) + 1):
            if (self.folder / PurePosixPath(*parts[:end])).is_symlink():
                self.links.add("/".join(parts[:end]))
                return True
        return False

    def folders(self, name: str = ".") -> list[str]:
        """Names of the folders in a folder, sorted."""
        return sorted(e.name for e in self._entries(name) if e.is_dir(follow_symlinks=False))

    def files(self, name: str = ".", suffix: str = "") -> list[str]:
        """Names of the plain files in a folder that end so, sorted."""
        found = (e for e in self._entries(name) if e.is_file(follow_symlinks=False))
        return sorted(e.name for e in found if e.name.endswith(suffix) and not e.name.startswith("."))

    def _entries(self, name: str) -> list[os.DirEntry[str]]:
        if self.linked(name):
            return []
        try:
            with os.scandir(self.folder / name) as entries:
                found = []
                for entry in entries:
                    found.append(entry)
                    if entry.is_symlink():
                        self.links.add(joined(name, entry.name))
                    if len(found) > MOST_FILES:
                        raise DataError(f"the folder has more than {MOST_FILES:,} files", where=name)
                return found
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise DataError(f"the folder cannot be read: {error.strerror}", where=name) from error

    def read(self, name: str) -> bytes:
        """The bytes of a plain file.

        Raises:
            DataError: where it cannot be read, or is too large.
        """
        path, shown = self.folder / name, terminal_safe(name, keep="")
        if not self.has(name):
            raise DataError("this is not a plain file", where=shown)
        try:
            size = path.stat().st_size
            self._read += size
            if size > MAX_FILE_BYTES or self._read > MOST_BYTES:
                limit = (
                    f"{MAX_FILE_BYTES >> 20} MiB"
                    if size > MAX_FILE_BYTES
                    else f"{MOST_BYTES >> 30} GiB in all"
                )
                raise DataError(f"the file is larger than {limit}", where=shown)
            return path.read_bytes()
        except OSError as error:
            raise DataError(f"the file cannot be read: {error.strerror}", where=shown) from error

    def document(self, name: str) -> Any:
        """The value of a JSON file.

        Raises:
            DataError: where it is no JSON.
        """
        try:
            return parse(self.read(name))
        except Damaged as error:
            raise DataError(
                f"the file is not JSON: {error}",
                where=terminal_safe(name, keep=""),
                hint="it may be half written: wait until the run has stopped, or leave the file out",
            ) from None


def _is_plain(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def parse(data: bytes | str) -> Any:
    """A JSON value, with NaN and Infinity, which other systems write.

    Raises:
        Damaged: where it is none.
    """
    try:
        return json.loads(data.decode("utf-8") if isinstance(data, bytes) else data)
    except RecursionError:
        raise Damaged("nested too deeply") from None
    except UnicodeDecodeError as error:
        raise Damaged(f"not UTF-8 (byte {error.start})") from None
    except json.JSONDecodeError as error:
        raise Damaged(f"{error.msg}, line {error.lineno}, column {error.colno}") from None
    except ValueError as error:  # a whole number of thousands of digits
        raise Damaged(str(error).split(";")[0]) from None


def inner_json(value: Any) -> Any:
    """What a value is that may be kept as JSON text; None where the text is no JSON."""
    try:
        return parse(value) if isinstance(value, str) else value
    except Damaged:
        return None


def joined(folder: str, name: str) -> str:
    """The path of a name in a folder of the run; "." is the run's own."""
    return name if folder == "." else f"{folder}/{name}"


def json_lines(
    data: bytes, name: str, run: ImportedRun
) -> Iterator[tuple[int, bytes, dict[str, Any] | None]]:
    """Place, bytes and object of each line; the object is None of a line that is none, which is noted.

    A last line without its end is what a run that was stopped, or still runs, leaves behind.
    """
    for place, line in enumerate(data.splitlines(keepends=True)):
        value: Any = None
        if line.strip():
            try:
                value = parse(line)
                if not isinstance(value, dict):
                    raise Damaged("not an object")
            except Damaged as error:
                half = "is half written" if not line.endswith(b"\n") else f"is not usable ({error})"
                run.note("damaged", f"{name}, line {place + 1} {half}; it is kept in the records alone")
                value = None
        yield place, line, value


def pieces(data: bytes, start: int, close: str) -> list[tuple[int, int]]:
    """The byte ranges of the values in a JSON array or object whose bracket ends just before `start`.

    Args:
        data: ASCII or UTF-8 of a document that `parse` has read.
        close: the closing bracket.
    """
    whole = data.decode("utf-8")
    decode = json.JSONDecoder().raw_decode
    found: list[tuple[int, int]] = []
    at = len(data[:start].decode("utf-8"))
    offset, last = start, at
    while True:
        while whole[at] in " \t\r\n,":
            at += 1
        if whole[at] == close:
            return found
        if close == "}":
            _, at = decode(whole, at)
            while whole[at] in " \t\r\n:":
                at += 1
        _, end = decode(whole, at)
        begin = offset + len(whole[last:at].encode())
        offset = begin + len(whole[at:end].encode())
        found.append((begin, offset))
        at = last = end


def split(data: bytes, file: str, key: str, ids: list[str | None]) -> list[NativeRecord]:
    """The records of a JSON document whose `key` holds an array or an object of nodes.

    Args:
        data: of a document that `parse` has read.
        ids: native id of each node, in order.

    Returns:
        A record a node, and one for what stands between; together they are the document. The document as
        one record where its nodes cannot be told apart, as with a key that is there twice.
    """
    value = parse(data)
    outer = pieces(data, len(data) - len(data.lstrip()) + 1, "}")
    if len(outer) != len(value):
        return [NativeRecord(file, 0, data)]
    begin, _ = outer[list(value).index(key)]
    inner = pieces(data, begin + 1, "}" if data[begin : begin + 1] == b"{" else "]")
    if len(inner) != len(ids):
        return [NativeRecord(file, 0, data)]
    records: list[NativeRecord] = []
    at = 0
    for (start, end), node in zip(inner, ids, strict=True):
        records.append(NativeRecord(file, len(records), data[at:start]))
        records.append(NativeRecord(file, len(records), data[start:end], node))
        at = end
    return [*records, NativeRecord(file, len(records), data[at:])]
