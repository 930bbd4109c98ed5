"""Opening a history bundle: a clone that has the experiments' refs too."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from asi_repro.archive.history.bundle import HEAD, REMAKE, read_header
from asi_repro.errors import AsiReproError, DataError
from asi_repro.store.files import scratch_beside, unwritable
from asi_repro.store.git import require_git, run_git

EXPERIMENTS = "refs/experiments/*"


@dataclass(frozen=True)
class OpenedHistory:
    """A clone.

    Attributes:
        folder: where it is.
        experiments: refs below refs/experiments/.
        tags: the gallery's tags, by index.
        main: the ref of the experiment that main stands on.
    """

    folder: Path
    experiments: int
    tags: list[str]
    main: str

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "folder": str(self.folder)}


def open_history(bundle: Path, folder: Path) -> OpenedHistory:
    """Clone a history bundle into `folder`, whole or not at all.

    A plain `git clone` takes branches and tags alone. This clone has `refs/experiments/*` as well,
    fetches them again on `git fetch`, and leaves them out of the names that `git log` shows beside a
    commit (`log.excludeDecoration`), where the subject has the index already.

    Args:
        folder: a new or an empty folder, not the one you are in.

    Raises:
        MissingInput: where there is no bundle.
        DataError: where the bundle is damaged.
        AsiReproError: where the folder is not empty or not writable, or git is missing or too old.
    """
    require_git()
    refs, _ = read_header(bundle)
    if HEAD not in refs:
        raise DataError("the bundle has no HEAD", where=str(bundle), hint=REMAKE)
    _refuse_occupied(folder)
    with scratch_beside(folder) as scratch:
        _clone(bundle.resolve(), scratch / "clone")
        try:
            (scratch / "clone").replace(
                folder
            )  # takes an empty folder's place, refuses one that has filled up
        except OSError as error:
            raise unwritable(folder, error) from error
    prefix = EXPERIMENTS.rstrip("*")
    return OpenedHistory(
        folder=folder,
        experiments=sum(ref.startswith(prefix) for ref in refs),
        tags=sorted((r[10:] for r in refs if r.startswith("refs/tags/")), key=_tag_index),
        main=next((r for r in refs if r.startswith(prefix) and refs[r] == refs[HEAD]), HEAD),
    )


def _clone(bundle: Path, clone: Path) -> None:
    run_git(
        [
            *("-c", "transfer.fsckObjects=true", "clone", "--quiet", "--template="),
            *("-c", f"remote.origin.fetch=+{EXPERIMENTS}:{EXPERIMENTS}"),
            *("-c", f"log.excludeDecoration={EXPERIMENTS}"),
            *(str(bundle), str(clone)),
        ]
    )


def _refuse_occupied(folder: Path) -> None:
    hint = "name a folder that is not there yet"
    if folder.resolve() == Path.cwd():
        raise AsiReproError(f"{folder} is the current folder", hint=hint)
    if os.path.lexists(folder) and not (folder.is_dir() and not folder.is_symlink()):
        raise AsiReproError(f"{folder} exists and is not a folder", hint=hint)
    if folder.is_dir() and any(folder.iterdir()):
        raise AsiReproError(f"{folder} is not empty", hint=hint)


def _tag_index(tag: str) -> tuple[int, str]:
    number = tag.rpartition("-")[2]
    return (int(number) if number.isdecimal() else 0, tag)
