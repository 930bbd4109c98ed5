"""Where the archives of a checkout are: the release's, and those of runs made here."""

from __future__ import annotations

from pathlib import Path

from asi_repro.errors import MissingInput, NotFound
from asi_repro.project import Project

RELEASE = "release"
RUNS = "runs"
RECORDED = "recorded"


def run_folders(project: Project) -> dict[str, Path]:
    """The folder of every run made here, by name: a run of `runs/` hides a recorded one of its name."""
    found: dict[str, Path] = {}
    for parent in (RUNS, RECORDED):
        folder = project.artifacts / parent
        for child in sorted(folder.iterdir()) if folder.is_dir() else ():
            if child.is_dir() and not child.name.startswith("."):
                found.setdefault(child.name, child)
    return found


def archive_of(project: Project, name: str) -> Path:
    """The folder of tables of the release or of the run of that name.

    Raises:
        NotFound: where there is no such run.
        MissingInput: where the run has no archive yet.
    """
    if name == RELEASE:
        return project.archive
    folders = run_folders(project)
    if name not in folders:
        known = ", ".join([RELEASE, *folders])
        raise NotFound(f"there is no run called {name!r}", hint=f"runs at hand: {known}")
    archive = folders[name] / "archive"
    if not archive.is_dir():
        raise MissingInput(f"the run {name!r} has no archive", where=str(archive))
    return archive
