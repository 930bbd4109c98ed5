"""An imported run on disk: `archive/`, `history.bundle` and `import.json` in a folder of `artifacts/runs`.

The folder changes in one step, by an exchange of two names that the kernel makes whole, so that a kill at
any moment leaves the old run or the new one. Importing the same run again writes nothing.
"""

from __future__ import annotations

import ctypes
import errno
import filecmp
import os
import shutil
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from asi_repro.archive.history.writing import write_history
from asi_repro.archive.node_tables import read_extra
from asi_repro.archive.nodes import read_nodes
from asi_repro.archive.reader import Archive
from asi_repro.archive.tables import write_archive
from asi_repro.errors import AsiReproError
from asi_repro.imports.assembling import assemble
from asi_repro.imports.layout import ARCHIVE, FILE, HISTORY, is_import
from asi_repro.imports.model import ImportedRun
from asi_repro.imports.record import ImportRecord, read_import
from asi_repro.store.files import scratch_beside, unwritable
from asi_repro.store.json_text import dump_json

_EXCHANGE = 2  # RENAME_EXCHANGE of Linux and RENAME_SWAP of macOS
_AT_FDCWD = -100


CERTIFICATES = "certificates"


@dataclass(frozen=True)
class Imported:
    """What an import came to.

    Attributes:
        folder: of the run.
        changed: whether anything was written.
        record: import.json.
    """

    folder: Path
    changed: bool
    record: ImportRecord


def write_import(found: ImportedRun, folder: Path, *, replace: bool = False) -> Imported:
    """Write a run to its folder, whole or not at all.

    Args:
        folder: `artifacts/runs/NAME`.
        replace: whether a run that has no experiment in common with this one may be replaced.

    Raises:
        DataError: where the run does not hold together.
        AsiReproError: where another run is there, or the folder cannot be written.
    """
    made = assemble(found)
    _refuse_another(found, folder, replace)
    with scratch_beside(folder) as scratch:
        new = scratch / "run"
        new.mkdir()
        write_archive(made.run, new / ARCHIVE, more=made.more)
        archive = Archive(new / ARCHIVE)
        write_history(archive, new / HISTORY)
        record = _record(found, archive)
        text = dump_json(record.model_dump(by_alias=True))
        (new / FILE).write_text(text, encoding="utf-8")
        if _equal(folder, new):
            return Imported(folder, False, record)
        if (folder / CERTIFICATES).is_dir() and not replace:  # each names its program by its SHA-256
            shutil.copytree(folder / CERTIFICATES, new / CERTIFICATES, symlinks=True)
        _sync(new)
        _put(new, folder)
    return Imported(folder, True, record)


def _record(found: ImportedRun, archive: Archive) -> ImportRecord:
    statuses = Counter(node.status for node in read_nodes(archive).values())
    return ImportRecord(
        system=found.system,
        score=found.score,
        direction=found.direction,
        direction_from=found.direction_from,
        statuses=dict(sorted(statuses.items())),
        notices=found.notices,
    )


def _refuse_another(found: ImportedRun, folder: Path, replace: bool) -> None:
    if not os.path.lexists(folder) or (replace and is_import(folder)):
        return
    if not is_import(folder):
        raise AsiReproError(
            f"{folder.name} is there already and was not imported",
            where=str(folder),
            hint="choose another name with --run NAME",
        )
    there = set(read_extra(folder / ARCHIVE, "nodes", ["native_id"])["native_id"].to_pylist())
    if read_import(folder).system != found.system or there.isdisjoint(node.id for node in found.nodes):
        raise AsiReproError(
            f"{folder.name} is there already and is another run",
            where=str(folder),
            hint="choose another name with --run NAME, or replace it with --replace",
        )


def _equal(old: Path, new: Path) -> bool:
    names = [FILE, HISTORY, *(f"{ARCHIVE}/{path.name}" for path in sorted((new / ARCHIVE).iterdir()))]
    if not (old / ARCHIVE).is_dir() or len(list((old / ARCHIVE).iterdir())) != len(names) - 2:
        return False
    return all((old / n).is_file() and filecmp.cmp(old / n, new / n, shallow=False) for n in names)


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())


def _put(new: Path, folder: Path) -> None:
    """Give a folder its name, in one step whether or not there is one of that name."""
    try:
        if not folder.exists():
            new.rename(folder)
        elif not _exchange(new, folder):
            # No such call here: the old run is aside for a moment.
            aside = new.with_name("old")
            folder.rename(aside)
            new.rename(folder)
    except OSError as error:
        raise unwritable(folder, error) from error


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one step; False where this system or disk cannot."""
    library = ctypes.CDLL(None, use_errno=True)
    names = (os.fsencode(one), os.fsencode(other))
    if sys.platform == "darwin" and hasattr(library, "renamex_np"):
        status = library.renamex_np(*names, _EXCHANGE)
    elif hasattr(library, "renameat2"):
        status = library.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _EXCHANGE)
    else:
        return False
    number = ctypes.get_errno()
    if status and number not in (errno.EINVAL, errno.ENOSYS):
        raise OSError(number, os.strerror(number), str(other))
    return not status
