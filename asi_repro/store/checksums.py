"""Checksums that are kept with what they are of: in a JSON object, or in a file beside others of a folder.

What was written before there were checksums has none and passes.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path

from asi_repro.errors import DataError
from asi_repro.store.files import atomic_write, sha256_bytes, sha256_file
from asi_repro.store.json_text import JsonDict, dump_json, one_line

SUM = "sum"
SUMS = "sums.json"


def checksum(text: str) -> str:
    """Of JSON text that is the same for equal values: 16 hexadecimal digits."""
    return sha256_bytes(text.encode())[:16]


def with_checksum(value: JsonDict) -> JsonDict:
    """`value` with a checksum of itself, whatever the order of its keys."""
    return {**value, SUM: checksum(one_line(value))}


def checked(value: object, what: str, *, where: str, hint: str) -> JsonDict:
    """The JSON object `value` without its checksum, if it has one.

    Args:
        what: subject and verb of the error: '... not what was written'.

    Raises:
        DataError: where it is no object, holds a number that JSON has not, or has another's checksum.
    """
    if not isinstance(value, dict):
        raise DataError(f"{what} not a JSON object", where=where, hint=hint)
    bare = {key: item for key, item in value.items() if key != SUM}
    try:
        same = SUM not in value or value[SUM] == checksum(one_line(bare))
    except ValueError:  # NaN and infinity, which Python reads and nothing here writes
        same = False
    if not same:
        raise DataError(f"{what} not what was written", where=where, hint=hint)
    return bare


def write_sums(folder: Path, *, but: Collection[str] = ()) -> None:
    """Write the SHA-256 of the folder's files, save those named in `but`, into `sums.json` there."""
    names = sorted({path.name for path in folder.iterdir() if path.is_file()} - {*but, SUMS})
    atomic_write(folder / SUMS, dump_json({name: sha256_file(folder / name) for name in names}))


def check_sums(folder: Path, *, hint: str) -> None:
    """See that the files of a folder are those that `write_sums` summed.

    Raises:
        DataError: naming the first that is not.
    """
    path = folder / SUMS
    try:
        sums = json.loads(path.read_text(encoding="utf-8"))
        damaged = first_damaged(folder, sums)
    except FileNotFoundError:
        return
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise DataError("the file is not a list of checksums", where=str(path), hint=hint) from error
    if damaged is not None:
        raise DataError("the file is missing, or not the one that was written", where=str(damaged), hint=hint)


def first_damaged(folder: Path, sums: Mapping[str, str]) -> Path | None:
    """The first file that is not there or has another SHA-256 than the one stated by its name.

    Raises:
        OSError: where one cannot be read.
    """
    for name, stated in sorted(sums.items()):
        if not (folder / name).is_file() or sha256_file(folder / name) != stated:
            return folder / name
    return None
