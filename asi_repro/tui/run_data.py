"""What the views read: one run with all that was made of it, opened lazily, dropped when files change."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from asi_repro.archive.cognition import entries
from asi_repro.archive.reader import Archive, Program
from asi_repro.archive.search import SearchIndex
from asi_repro.errors import AsiReproError, MissingInput, of_run
from asi_repro.imports.layout import is_import
from asi_repro.imports.mixers import is_token_mixer
from asi_repro.project import Project, archive_of, find_project, run_folders
from asi_repro.verify.certificate import path_of, read_certificate, read_certificates

if TYPE_CHECKING:
    from asi_repro.archive.search import SearchIndex
    from asi_repro.claims.ledger import Ledger
    from asi_repro.facts.ledger import Facts
    from asi_repro.sweep.workspace import Workspace
    from asi_repro.verify.certificate import Certificate

Made = TypeVar("Made")
Fingerprint = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True)
class RunPaths:
    """Where one run is.

    Attributes:
        name: "release", or the name of a run of our own.
        archive: its folder of Parquet tables, which may not be there (yet).
        certificates: its folder of certificates.
        claims: its ledger.
        traces: its file of spans.
        live: the folder of a discovery run (bare git repository and records), None for the release.
    """

    name: str
    archive: Path
    certificates: Path
    claims: Path
    traces: Path
    live: Path | None = None

    @property
    def facts(self) -> Path:
        """The answers to our own questions, beside the ledger."""
        return self.claims.with_name("facts.json")


def release_paths(project: Project) -> RunPaths:
    """The release, as the stages made it."""
    return RunPaths(
        "release",
        project.archive,
        project.certificates,
        project.claims,
        project.root / "traces" / "release.parquet",
    )


def archive_paths(folder: Path) -> RunPaths:
    """Tables in any folder; what else was made of that run is looked for beside it."""
    near = folder.parent
    return RunPaths(
        folder.name,
        folder,
        near / "certificates",
        near / "claims.json",
        near.parent / "traces" / f"{folder.name}.parquet",
    )


def run_paths(project: Project, folder: Path) -> RunPaths:
    """A discovery run of our own below artifacts/runs."""
    return RunPaths(
        folder.name,
        folder / "archive",
        folder / "certificates",
        folder / "claims.json",
        project.root / "traces" / f"{folder.name}.parquet",
        live=folder,
    )


class Source:
    """One run. Every method raises `AsiReproError` where its data is missing or damaged."""

    def __init__(self, paths: RunPaths, project: Project | None = None) -> None:
        self.paths = paths
        self.project = project
        self._kept: dict[Any, Any] = {}
        self._seen = self._fingerprint()

    @classmethod
    def at(cls, archive: Path | None = None) -> Source:
        """The source of `--archive DIR` or `--run NAME`, or of the project around the working folder.

        Raises:
            NotFound: for a plain name that is neither a folder here nor a run.
        """
        try:
            project = find_project()
        except MissingInput:
            project = None
        if project is None:
            return cls(archive_paths((archive or Path("artifacts") / "archive").resolve()))
        return cls(release_paths(project) if archive is None else _paths_at(project, archive), project)

    @property
    def archive(self) -> Archive:
        """The tables, with the experiments read."""
        return self._once("archive", self._open)

    @property
    def imported(self) -> Path | None:
        """The folder of the run, where another system made it."""
        folder = self.paths.archive.parent
        return folder if is_import(folder) else None

    @property
    def has_traces(self) -> bool:
        """Whether the run's experiments have traces."""
        return self.imported is not None or self.paths.traces.is_file()

    def _open(self) -> Archive:
        import pyarrow

        # Memory that Arrow's own pool keeps for itself is 40 MB with 10,000 experiments.
        pyarrow.set_memory_pool(pyarrow.system_memory_pool())
        opened = Archive(self.paths.archive)
        _ = opened.experiments, opened.lineage, opened.objective
        return opened

    def _once(self, name: str, make: Callable[[], Made]) -> Made:
        """What was made, kept until `reload`."""
        if name not in self._kept:
            self._kept[name] = make()
        made: Made = self._kept[name]
        return made

    def for_run(self, error: AsiReproError) -> AsiReproError:
        """The error with commands in its hint that are about this run and not the release."""
        return error if self.paths.live is None else of_run(error, self.paths.name)

    def certificates(self) -> list[Certificate]:
        """All certificates, in index order (0.2 s for the release: read them in a thread)."""
        try:
            return self._once("certificates", lambda: read_certificates(self.paths.certificates))
        except MissingInput:
            self._some_can_be_checked(self.archive.programs)
            raise

    def certificate(self, index: int) -> Certificate:
        """The certificate of one experiment."""
        try:
            return read_certificate(path_of(self.paths.certificates, index))
        except MissingInput:
            if self.archive.get(index).has_program:
                self._some_can_be_checked(lambda: [self.archive.program(index)])
            raise

    def _some_can_be_checked(self, programs: Callable[[], Iterable[Program]]) -> None:
        """Raise where an imported run's programs are all of a kind that `asi-repro verify` refuses."""
        if self.imported is None:
            return
        sources = (program.source for program in programs())
        if not any("Module" in source and is_token_mixer(source) for source in sources):
            raise MissingInput(
                "only token mixers (classes derived from torch.nn.Module) are checked",
                hint="programs of other kinds are text here and are never run",
            )

    def ledger(self) -> Ledger:
        """The ledger of claims (`asi_repro.claims.ledger`)."""
        from asi_repro.claims.ledger import read_ledger

        return self._once("ledger", lambda: read_ledger(self.paths.claims))

    def facts(self) -> Facts:
        """The answers to our own questions (`asi_repro.facts.ledger`)."""
        from asi_repro.facts.ledger import read_facts

        return self._once("facts", lambda: read_facts(self.paths.facts))

    def cognition(self) -> dict[str, dict[str, Any]]:
        """The entries of the cognition base (`asi_repro.archive.cognition.entries`) by id."""
        return self._once("cognition", lambda: {entry["id"]: entry for entry in entries(self.archive)})

    def search_index(self, kind: str) -> SearchIndex:
        """What finds experiments, programs or entries of the cognition base."""
        return self._once(f"index {kind}", lambda: SearchIndex(self.archive, kind))

    def spans(self, index: int) -> list[dict[str, Any]]:
        """The spans of one experiment (`asi_repro.traces.parquet.read_traces`), in order."""
        if self.imported is not None:
            from asi_repro.imports.spans import imported_spans

            return imported_spans(self.archive, index)
        if not self.paths.traces.is_file():
            raise MissingInput(
                f"no traces are kept of the run {self.paths.name}",
                where=str(self.paths.traces),
                hint="the release has none; a discovery run of our own writes them",
            )
        from asi_repro.traces.parquet import read_traces

        return read_traces(self.paths.traces, str(index))

    def workspace(self) -> Workspace | None:
        """Training as the project has it, or None outside a project."""
        if self.project is None:
            return None
        from asi_repro.sweep.workspace import open_workspace

        return open_workspace(self.project.root)

    def runs(self) -> list[RunPaths]:
        """The release and every run of our own, whether or not its archive is there yet."""
        if self.project is None:
            return [self.paths]
        below = self.project.artifacts / "runs"
        folders = sorted(f for f in below.iterdir() if f.is_dir()) if below.is_dir() else []
        found = [release_paths(self.project), *(run_paths(self.project, folder) for folder in folders)]
        known = {run.archive for run in found}
        return found if self.paths.archive in known else [*found, self.paths]

    def changed(self) -> bool:
        """Whether a file was replaced, added or removed since the last `reload`."""
        return self._fingerprint() != self._seen

    def reload(self) -> None:
        """Forget what was read."""
        self._kept.clear()
        self._seen = self._fingerprint()

    def _fingerprint(self) -> Fingerprint:
        run = self.paths
        paths = [run.claims, run.facts, run.traces]
        for folder in (run.archive, run.certificates):
            try:
                paths.extend(Path(entry.path) for entry in os.scandir(folder) if entry.name[:1] != ".")
            except OSError:
                paths.append(folder)
        return tuple(sorted(_stamp(path) for path in paths))


def _paths_at(project: Project, given: Path) -> RunPaths:
    """The place of a run's name, or of a folder of tables, which may be that of a run too."""
    if len(given.parts) == 1 and not given.is_dir() and given.name != "..":
        given = archive_of(project, given.name)
    folder = given.resolve()
    if folder == project.archive.resolve():
        return release_paths(project)
    runs = (run for run in run_folders(project).values() if (run / "archive").resolve() == folder)
    run = next(runs, None)
    return archive_paths(folder) if run is None else run_paths(project, run)


def _stamp(path: Path) -> tuple[str, int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (str(path), 0, 0, 0)
    return (str(path), found.st_mtime_ns, found.st_size, found.st_ino)
