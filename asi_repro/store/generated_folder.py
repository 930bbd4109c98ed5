"""A folder of made files that people may add to and edit: only what was made is changed, where it has to be.

The names and checksums of what was made are in one file of the folder. A file that somebody edited is kept,
and a file that somebody else put there is never overwritten.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from asi_repro.errors import AsiReproError, DataError
from asi_repro.store.files import atomic_write, sha256_bytes, write_folder
from asi_repro.store.json_text import dump_json


@dataclass(frozen=True)
class Kept:
    """What an update did: files written, as they were, removed, and edited by somebody and left alone."""

    written: int
    unchanged: int
    removed: int
    edited: int


def keep_folder(folder: Path, files: Iterable[tuple[str, bytes]], manifest: str) -> Kept:
    """Bring a folder up to date; a new one is there whole or not at all, and each file always is.

    Args:
        files: path below the folder, with slashes, and content.
        manifest: name of the file that lists what was made.

    Raises:
        AsiReproError: where a file is in the way that was not made here, or the folder cannot be written.
        DataError: where the manifest is damaged.
    """
    wanted = dict(files)
    sums = {name: sha256_bytes(data) for name, data in wanted.items()}
    listed = dump_json({"schema": 1, "files": sums}).encode()
    if not folder.exists():
        write_folder(folder, {**wanted, manifest: listed})
        return Kept(len(wanted), 0, 0, 0)
    before = _read(folder / manifest)
    there = {name: _sum(folder / name) for name in {*wanted, *before}}
    for name in sorted(wanted):
        if there[name] not in (None, sums[name]) and name not in before:
            raise AsiReproError(
                f"{name} is in the way: it was not made by this command",
                where=str(folder),
                hint="name another folder, or move the file",
            )
    edited = {name for name in before if there[name] not in (None, before[name], sums.get(name))}
    changed = [name for name in wanted if there[name] != sums[name] and name not in edited]
    stale = [name for name in before if name not in wanted and there[name] is not None and name not in edited]
    for name in changed:
        atomic_write(folder / name, wanted[name])
    for name in stale:
        (folder / name).unlink()
    if _sum(folder / manifest) != sha256_bytes(listed):
        atomic_write(folder / manifest, listed)
    return Kept(len(changed), len(wanted) - len(changed) - len(edited & set(wanted)), len(stale), len(edited))


def _sum(path: Path) -> str | None:
    try:
        return sha256_bytes(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AsiReproError(f"a file cannot be read: {error.strerror}", where=str(path)) from error


def _read(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["files"]
        if all(
            isinstance(v, str) and not Path(k).is_absolute() and ".." not in Path(k).parts
            for k, v in found.items()
        ):
            return dict(found)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise DataError("the list of what was made here is damaged", where=str(path), hint="name another folder")
