"""Checks that archive, manifest and what was pulled speak of the same files and programs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from asi_repro.archive.fsck.place import REMAKE, REPULL, Place, Problem
from asi_repro.archive.manifest import check_release
from asi_repro.errors import MissingInput
from asi_repro.store.files import sha256_bytes, sha256_file


def check_pulled(place: Place) -> tuple[str, list[Problem]]:
    """The pulled files have the SHA-256 of the manifest, and none is missing or extra."""
    problems = [Problem(text, REPULL) for text in check_release(place.release, place.manifest)]
    size = sum(file.bytes for file in place.manifest.files) / 1e6
    return (
        f"{len(place.manifest.files)} pulled files, {size:.1f} MB, against the manifest's SHA-256",
        problems,
    )


def check_programs(place: Place) -> tuple[str, list[Problem]]:
    """Each program has the SHA-256 and the number of lines the table says."""
    problems: list[Problem] = []
    count = 0
    for program in place.archive.programs():
        count += 1
        digest = sha256_bytes(program.source.encode())
        if digest != program.sha256:
            what = f"program {program.index}: source has SHA-256 {digest}, the table says {program.sha256}"
            problems.append(Problem(what, REMAKE))
        elif len(program.source.splitlines()) != program.lines:
            problems.append(Problem(f"program {program.index}: not the {program.lines} lines stated", REMAKE))
    return f"{count} programs against the SHA-256 beside them", problems


def check_sources(place: Place) -> tuple[str, list[Problem]]:
    """The files the archive was made from are those of the manifest, and those that were pulled.

    Raises:
        MissingInput: where the archive is not of the release, or the release was not pulled.
    """
    if not place.is_the_release:
        raise MissingInput(
            "the archive was not made from the release's files, so there is nothing to compare it with"
        )
    published = {file.path: file for file in place.manifest.files}
    problems: list[Problem] = []
    for row in place.sources:
        file, name = published[row["file"]], row["file"]
        if row["sha256"] != file.sha256:
            what = f"{name}: the archive was made from SHA-256 {row['sha256']}, published is {file.sha256}"
            problems.append(Problem(what, f"{REPULL}; then {REMAKE}"))
        if row["commit"] not in (None, place.manifest.commit):
            what = f"{name}: the archive says commit {row['commit']}, the manifest {place.manifest.commit}"
            problems.append(Problem(what, REMAKE))
        problems.extend(_pulled_differs(place.release / name, row))
    return f"{len(place.sources)} source files against the manifest and the pulled files", problems


def _pulled_differs(path: Path, row: dict[str, Any]) -> Iterator[Problem]:
    try:
        digest = sha256_file(path)
    except OSError as error:
        yield Problem(f"{row['file']}: cannot be read ({error.strerror})", REPULL)
        return
    if digest != row["sha256"]:
        what = f"{row['file']}: pulled is SHA-256 {digest}, the archive was made from {row['sha256']}"
        yield Problem(what, f"{REPULL}; then {REMAKE}")
