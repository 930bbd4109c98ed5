"""What the checks of `fsck` look at, and what they answer with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from asi_repro.archive.manifest import Manifest, release_manifest
from asi_repro.archive.reader import Archive
from asi_repro.errors import DataError, MissingInput
from asi_repro.project import Project

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
        return Archive(self.folder)

    @property
    def release(self) -> Path:
        """The pulled release.

        Raises:
            MissingInput: where nothing was pulled, or there is no project.
        """
        project = self.require_project()
        if not any((project.release / file.path).exists() for file in self.manifest.files):
            raise MissingInput("the release has not been downloaded", hint="run `asi-repro pull`")
        return project.release

    def require_project(self) -> Project:
        """The project.

        Raises:
            MissingInput: where there is none.
        """
        if self.project is None:
            raise MissingInput(
                "the current folder is not inside a checkout of asi_repro", hint="change to the checkout"
            )
        return self.project

    @cached_property
    def is_the_release(self) -> bool:
        """Whether the archive says that it was made from the files of the manifest."""
        return {row["file"] for row in self.sources} == {file.path for file in self.manifest.files}

    @cached_property
    def sources(self) -> list[dict[str, Any]]:
        return list(self.archive.table("sources").to_pylist())


Check = Callable[[Place], tuple[str, list[Problem]]]


def damaged(what: str, where: str) -> DataError:
    """The error for a file of ours that cannot be understood."""
    return DataError(what, where=where, hint="restore it with `git checkout`")
