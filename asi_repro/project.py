"""Where things are: the project's root and the places that stages read and write."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from asi_repro.errors import MissingInput, NotFound

RELEASE = "release"


@dataclass(frozen=True)
class Project:
    """Paths below one checkout of the project."""

    root: Path

    @property
    def artifacts(self) -> Path:
        return self.root / "artifacts"

    @property
    def runs(self) -> Path:
        """Runs of our own and imported ones."""
        return self.artifacts / "runs"

    @property
    def recorded(self) -> Path:
        """Runs that Git holds as records."""
        return self.artifacts / "recorded"

    @property
    def release(self) -> Path:
        """The pulled release, byte for byte as upstream published it."""
        return self.artifacts / "release"

    @property
    def archive(self) -> Path:
        """The release as Parquet tables."""
        return self.artifacts / "archive"

    @property
    def history(self) -> Path:
        """The run as one git bundle."""
        return self.artifacts / "history.bundle"

    @property
    def certificates(self) -> Path:
        """Results of the checks on programs."""
        return self.artifacts / "certificates"

    @property
    def claims(self) -> Path:
        """The claims ledger (JSON)."""
        return self.artifacts / "claims.json"

    @property
    def facts(self) -> Path:
        """What the data show beyond the papers (JSON)."""
        return self.artifacts / "facts.json"

    @property
    def report(self) -> Path:
        """Figures and pages."""
        return self.artifacts / "report"


def find_project(start: Path | None = None) -> Project:
    """The checkout at `ASI_REPRO_HOME`, or around `start` (the working folder).

    Raises:
        MissingInput: where no folder upwards holds a dvc.yaml and a params.yaml.
    """
    if home := os.environ.get("ASI_REPRO_HOME"):
        return Project(Path(home).resolve())
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "dvc.yaml").is_file() and (folder / "params.yaml").is_file():
            return Project(folder)
    raise MissingInput(
        f"{here} is not inside a checkout of asi_repro (neither it nor a folder above it contains "
        "dvc.yaml and params.yaml)",
        hint="change to the checkout, or set ASI_REPRO_HOME to its path",
    )


def run_folders(project: Project) -> dict[str, Path]:
    """The folder of every run made here, by name: a run of `runs/` hides a recorded one of its name."""
    found: dict[str, Path] = {}
    for folder in (project.runs, project.recorded):
        for child in sorted(folder.iterdir()) if folder.is_dir() else ():
            if child.is_dir() and not child.name.startswith("."):
                found.setdefault(child.name, child)
    return found


def run_folder(project: Project, name: str) -> Path:
    """The folder of the run of that name.

    Raises:
        NotFound: where there is no such run.
    """
    folders = run_folders(project)
    if name not in folders:
        known = ", ".join([RELEASE, *folders])
        raise NotFound(f"there is no run called {name!r}", hint=f"available runs: {known}")
    return folders[name]


def archive_of(project: Project, name: str) -> Path:
    """The folder of tables of the release or of the run of that name.

    Raises:
        NotFound: where there is no such run.
        MissingInput: where the run has no archive yet.
    """
    if name == RELEASE:
        return project.archive
    archive = run_folder(project, name) / "archive"
    if not archive.is_dir():
        raise MissingInput(
            f"the run {name!r} has no archive", where=str(archive), hint=how_to_finish(project, name)
        )
    return archive


def how_to_finish(project: Project, name: str) -> str:
    """The command that writes the archive and the traces of a run that has none yet."""
    option = "--recorded" if run_folders(project)[name].parent == project.recorded else "--run"
    return f"run `asi-repro discover {option} {name}`"
