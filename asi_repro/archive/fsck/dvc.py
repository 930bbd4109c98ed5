"""Whether DVC's pins and lock say the hashes that the files have.

MD5 is computed here as DVC records it, without importing DVC (which takes seconds). DVC's hash of a folder is
the MD5 of a JSON list of its files' hashes and paths, with `.dir` appended; a test holds this against DVC.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from asi_repro.archive.fsck.place import REPULL, Place, Problem, damaged
from asi_repro.errors import DataError, MissingInput
from asi_repro.plain_yaml import plain_yaml

_RESTORE = "restore the pin with `git checkout -- artifacts/release`"


def check_pins(place: Place) -> tuple[str, list[Problem]]:
    """Each import pin names the manifest's repository and commit, and the MD5 of what was pulled.

    Raises:
        MissingInput: where there is no project or no pin.
        DataError: where a pin is no YAML.
    """
    folder = place.require_project().release
    try:
        pulled = bool(place.release)
    except MissingInput:
        pulled = False
    problems: list[Problem] = []
    for path in place.manifest.paths:
        pin = folder / f"{path}.dvc"
        if not pin.is_file():
            problems.append(Problem(f"{path}: its pin {pin.name} is missing", _RESTORE))
            continue
        content = _read_yaml(pin)
        problems.extend(_upstream(path, content, place))
        for out in _entries(content, "outs", pin) if pulled else ():
            problems.extend(_differs(pin.parent / str(out["path"]), out, path, REPULL))
    what = "repository, commit and MD5" if pulled else "repository and commit; nothing is pulled to hash"
    return f"{len(place.manifest.paths)} import pins: {what}", problems


def _upstream(path: str, content: dict[str, Any], place: Place) -> Iterator[Problem]:
    try:
        repository = content["deps"][0]["repo"]
        url, commit = str(repository["url"]), str(repository["rev_lock"])
    except (KeyError, IndexError, TypeError):
        yield Problem(f"{path}: its pin names no repository and commit", _RESTORE)
        return
    if commit != place.manifest.commit:
        yield Problem(f"{path}: its pin says commit {commit}, the manifest {place.manifest.commit}", _RESTORE)
    if url.removesuffix(".git") != place.manifest.url.removesuffix(".git"):
        yield Problem(f"{path}: its pin says {url}, the manifest {place.manifest.url}", _RESTORE)


def check_lock(place: Place) -> tuple[str, list[Problem]]:
    """Every file and folder in dvc.lock has the MD5 that is locked; parameters are not looked at.

    Raises:
        MissingInput: where there is no project or nothing was locked yet.
        DataError: where dvc.lock is no YAML.
    """
    root = place.require_project().root
    lock = root / "dvc.lock"
    if not lock.is_file():
        raise MissingInput("there is no dvc.lock, so no stage has run yet", hint="run `dvc repro`")
    stages = _read_yaml(lock).get("stages", {})
    if not isinstance(stages, dict):
        raise damaged("dvc.lock has no stages", str(lock))
    hashes: dict[str, str | None] = {}
    ignored = dvc_ignored(root)
    problems: list[Problem] = []
    for name, stage in stages.items():
        for kind in ("deps", "outs"):
            for entry in _entries(stage, kind, lock):
                what = f"stage {name}, {'input' if kind == 'deps' else 'output'} {entry['path']}"
                problems.extend(
                    _differs(
                        root / str(entry["path"]), entry, what, f"run `dvc repro {name}`", hashes, ignored
                    )
                )
    return f"{len(stages)} stages, {len(hashes)} files and folders against their MD5 in dvc.lock", problems


def _entries(content: Any, kind: str, where: Path) -> list[dict[str, Any]]:
    entries = content.get(kind) or [] if isinstance(content, dict) else None
    if not isinstance(entries, list) or not all(isinstance(e, dict) and "path" in e for e in entries):
        raise damaged(f"{where.name} has no list of {kind}", str(where))
    return entries


def _differs(
    path: Path,
    entry: dict[str, Any],
    what: str,
    todo: str,
    known: dict[str, str | None] | None = None,
    ignored: Callable[[Path], bool] = lambda file: False,
) -> Iterator[Problem]:
    key = str(path)
    cache = {} if known is None else known
    if key not in cache:
        try:
            cache[key] = dvc_md5(path, ignored)
        except FileNotFoundError:
            cache[key] = None
        except OSError as error:
            yield Problem(f"{what}: cannot be read ({error.strerror})", "check its permissions")
            return
    found, locked = cache[key], entry.get("md5")
    if found is None:
        yield Problem(f"{what}: missing", todo)
    elif found != locked:
        yield Problem(f"{what}: MD5 {found}, recorded is {locked}", todo)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = plain_yaml(path.read_bytes(), where=str(path))
    except DataError as error:
        raise damaged(f"{path.name} is no YAML: {error.what}", str(path)) from error
    if not isinstance(content, dict):
        raise damaged(f"{path.name} is not a YAML mapping", str(path))
    return content


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
