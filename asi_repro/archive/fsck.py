"""Whether archive, history, release and pins agree, hash by hash.

Each check is one function over a `Place` and answers with a `Result`. A check whose input is not there
is 'not run', with what to do about it; it is never taken for a pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asi_repro.archive.manifest import Manifest, check_release, release_manifest
from asi_repro.errors import AsiReproError, DataError, MissingInput
from asi_repro.files import sha256_bytes, sha256_file
from asi_repro.project import Project

if TYPE_CHECKING:
    from asi_repro.archive.store import Archive

REPULL = "run `asi-repro pull`, which replaces what is not as published"
REMAKE = "make the archive again with `dvc repro --force archive`"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that does not agree.

    Attributes:
        what: what is wrong, one sentence.
        todo: what to do about it.
    """

    what: str
    todo: str


@dataclass(frozen=True, slots=True)
class Result:
    """What one check found.

    Attributes:
        check: its name.
        status: 'ok', 'problem' or 'not run'.
        detail: what was compared, or why it was not.
    """

    check: str
    status: str
    detail: str
    problems: list[Problem] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Place:
    """What is checked.

    Attributes:
        project: the checkout; None where there is none, which leaves the archive alone to check.
        folder: the archive.
        manifest: the release's files as published.
    """

    project: Project | None
    folder: Path
    manifest: Manifest = field(default_factory=release_manifest)

    @cached_property
    def archive(self) -> Archive:
        from asi_repro.archive.store import open_archive

        return open_archive(self.folder)

    @property
    def release(self) -> Path:
        """The pulled release.

        Raises:
            MissingInput: where nothing was pulled, or there is no project.
        """
        project = self.require_project()
        if not any((project.release / file.path).exists() for file in self.manifest.files):
            raise MissingInput("the release was not pulled", hint="run `asi-repro pull`")
        return project.release

    def require_project(self) -> Project:
        """The project.

        Raises:
            MissingInput: where there is none.
        """
        if self.project is None:
            raise MissingInput("there is no checkout around the working folder", hint="cd into it")
        return self.project

    @cached_property
    def is_the_release(self) -> bool:
        """Whether the archive says that it was made from the files of the manifest."""
        return {row["file"] for row in self.sources} == {file.path for file in self.manifest.files}

    @cached_property
    def sources(self) -> list[dict[str, Any]]:
        return list(self.archive.table("sources").to_pylist())


Check = Callable[[Place], tuple[str, list[Problem]]]


def run_checks(place: Place, checks: dict[str, Check] | None = None) -> Iterator[Result]:
    """Run each check in turn.

    Args:
        place: what to check.
        checks: which; all of `all_checks` where None.
    """
    for name, check in (all_checks() if checks is None else checks).items():
        try:
            detail, problems = check(place)
        except MissingInput as error:
            yield Result(name, "not run", error.what + (f"; {error.hint}" if error.hint else ""))
        except AsiReproError as error:
            where = f" ({error.where})" if error.where else ""
            problem = Problem(f"{error.what}{where}", error.hint or REMAKE)
            yield Result(name, "problem", "could not be read", [problem])
        else:
            yield Result(name, "problem" if problems else "ok", detail, problems)


def all_checks() -> dict[str, Check]:
    """Every check by name, in the order they make sense in."""
    from asi_repro.archive import fsck_dvc, fsck_history, fsck_tables

    return {
        "release": check_pulled,
        "pins": fsck_dvc.check_pins,
        "tables": fsck_tables.check_tables,
        "programs": check_programs,
        "sources": check_sources,
        "rebuild": fsck_tables.check_rebuild,
        "history": fsck_history.check_history,
        "lock": fsck_dvc.check_lock,
    }


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
            "the archive was not made from the release's files, so there is nothing to hold it to"
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


def summarise(results: list[Result]) -> bool:
    """Whether nothing was found and at least one check ran."""
    ran = [result for result in results if result.status != "not run"]
    return bool(ran) and all(result.status == "ok" for result in ran)


def damaged(what: str, where: str) -> DataError:
    """The error for a file of ours that cannot be understood."""
    return DataError(what, where=where, hint="restore it with `git checkout`")
