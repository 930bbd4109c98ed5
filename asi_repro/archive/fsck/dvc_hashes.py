"""MD5 as DVC records it in pins and in dvc.lock, without importing DVC (which takes seconds).

DVC's hash of a folder is the MD5 of a JSON list of its files' hashes and paths, with `.dir` appended;
a test holds this against DVC itself.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path


def dvc_ignored(root: Path) -> Callable[[Path], bool]:
    """Whether DVC leaves a file below `root` out of its folder's hash, by `root`/.dvcignore."""
    from pathspec import GitIgnoreSpec

    try:
        lines = (root / ".dvcignore").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        lines = []
    spec = GitIgnoreSpec.from_lines(lines)
    return lambda file: bool(spec.match_file(file.relative_to(root).as_posix()))


def dvc_md5(path: Path, ignored: Callable[[Path], bool] = lambda file: False) -> str:
    """The hash that DVC gives a file or a folder.

    Args:
        path: of the file or folder.
        ignored: files of a folder that do not count; see `dvc_ignored`.

    Raises:
        FileNotFoundError: where there is nothing.
        OSError: where it cannot be read.
    """
    if not path.is_dir():
        return _file_md5(path)
    entries = [
        {"md5": _file_md5(file), "relpath": file.relative_to(path).as_posix()}
        for file in _files(path)
        if not ignored(file)
    ]
    entries.sort(key=lambda entry: entry["relpath"])
    return (
        hashlib.md5(json.dumps(entries, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"
    )


def _files(folder: Path) -> list[Path]:
    return [Path(parent) / name for parent, _, names in os.walk(folder) for name in names]


def _file_md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
