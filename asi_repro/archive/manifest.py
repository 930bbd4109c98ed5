"""The manifest of the release: every file's size, SHA-256 and record count, committed with the code."""

from __future__ import annotations

import os
import stat
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from pydantic import TypeAdapter

from asi_repro.store.files import sha256_file
from asi_repro.store.json_text import dump_json

MANIFEST = Path(__file__).with_name("release_manifest.json")


@dataclass(frozen=True, slots=True)
class ReleaseFile:
    """One file of the release: path in upstream's repository, size in bytes, hash, records in it."""

    path: str
    bytes: int
    sha256: str
    records: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the release consists of and where it was published.

    Attributes:
        paths: the files and folders that are imported; every file below them is in `files`.
    """

    url: str
    commit: str
    paths: tuple[str, ...]
    files: tuple[ReleaseFile, ...]

    def to_json(self) -> str:
        return dump_json(asdict(self))


@lru_cache(maxsize=1)
def release_manifest() -> Manifest:
    """The committed manifest."""
    return TypeAdapter(Manifest).validate_json(MANIFEST.read_bytes())


def check_release(folder: Path, manifest: Manifest) -> list[str]:
    """What is wrong with the copy of the release below `folder`; nothing if it is whole.

    Every byte is hashed. Only the manifest's paths are looked at: other files beside them are no
    business of ours, but an extra file inside an imported folder is reported.
    """
    problems = [problem for file in manifest.files if (problem := _check_file(folder, file))]
    return sorted([*problems, *extra_files(folder, manifest)])


def extra_files(folder: Path, manifest: Manifest) -> list[str]:
    """What stands inside the imported folders and is not the release's; no file is read."""
    known = {file.path for file in manifest.files}
    found = {extra for path in manifest.paths for extra in _files_below(folder, path)}
    return [f"{extra}: not part of the release" for extra in sorted(found - known)]


def _check_file(folder: Path, file: ReleaseFile) -> str | None:
    path = folder / file.path
    try:
        info = path.lstat()
        if not stat.S_ISREG(info.st_mode) or path.resolve() != folder.resolve() / file.path:
            return f"{file.path}: not a plain file"
        if info.st_size != file.bytes:
            return f"{file.path}: {info.st_size} bytes where the release has {file.bytes}"
        digest = sha256_file(path)
    except (FileNotFoundError, NotADirectoryError):
        return f"{file.path}: missing"
    except OSError as error:
        return f"{file.path}: cannot be read ({error.strerror})"
    if digest != file.sha256:
        return f"{file.path}: altered (SHA-256 {digest[:12]}…, the release has {file.sha256[:12]}…)"
    return None


def _files_below(folder: Path, path: str) -> set[str]:
    found: set[str] = set()
    for parent, folders, files in os.walk(folder / path):
        links = [name for name in folders if (Path(parent) / name).is_symlink()]
        for name in [*files, *links]:
            found.add((Path(parent) / name).relative_to(folder).as_posix())
    return found
