"""The runs at hand: the release's archive, and what is in artifacts/runs and artifacts/recorded."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from asi_repro.archive.node_model import FAILED
from asi_repro.archive.reader import Archive
from asi_repro.archive.tables import read_parquet
from asi_repro.discover.run.folder import COMMITS, SETTINGS, DiscoveryRun
from asi_repro.discover.run.recorded import listed_commits
from asi_repro.errors import AsiReproError
from asi_repro.imports.layout import ARCHIVE, is_import
from asi_repro.imports.outcomes import steps
from asi_repro.imports.record import read_import
from asi_repro.project import RELEASE, Project, run_folders
from asi_repro.text import one_line


@dataclass(frozen=True)
class RunRow:
    """One run.

    Attributes:
        name: to give to --run.
        kind: release, live, recorded or imported.
        arm: who proposes, the system of an imported run; None for the release.
        experiments: committed ones.
        failed: without a commit; None where that is not known.
        beat_baseline: better than the baseline in both metrics; of an imported run, than its first program
            by its own score; None where that is not known.
        verified: that passed the second stage; of the release, the gallery.
        archive: its folder of tables, None where it has none yet.
        note: what is wrong with it, or "".
    """

    name: str
    kind: str
    arm: str | None
    experiments: int
    failed: int | None = None
    beat_baseline: int | None = None
    verified: int | None = None
    archive: str | None = None
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    def cells(self) -> tuple[Any, ...]:
        """As a row of a table."""
        numbers = (self.experiments, self.failed, self.beat_baseline, self.verified)
        return (self.name, self.kind, self.arm, *numbers, self.note or self.archive)


def list_runs(project: Project) -> list[RunRow]:
    """Every run, the release first; one that cannot be read is listed with the reason."""
    found = [_release(project)] if (project.archive / "experiments.parquet").is_file() else []
    for name, folder in run_folders(project).items():
        if (folder / SETTINGS).is_file() or is_import(folder):
            try:
                found.append(_imported(name, folder) if is_import(folder) else _own(name, folder))
            except AsiReproError as error:
                found.append(RunRow(name, "damaged", None, 0, note=error.what))
    return found


def _release(project: Project) -> RunRow:
    archive, where = Archive(project.archive), str(project.archive)
    count = len(archive.experiments)
    return RunRow(RELEASE, RELEASE, None, count, verified=len(archive.gallery), archive=where)


def _imported(name: str, folder: Path) -> RunRow:
    record, (objective, made) = read_import(folder), steps(folder)
    return RunRow(
        name,
        "imported",
        one_line(record.system),
        record.experiments,
        record.statuses.get(FAILED, 0),
        sum(step.found for step in made) if objective.directed else None,
        archive=str(folder / ARCHIVE),
    )


def _own(name: str, folder: Path) -> RunRow:
    run = DiscoveryRun(folder)
    kind = "recorded" if (folder / COMMITS).is_file() else "live"
    archive = folder / "archive"
    committed, failed = len(run.store.commits()), len(run.failed())
    beat = verified = None
    if not committed and kind == "recorded":
        lines = listed_commits(folder / COMMITS)
        committed = sum(line.startswith("experiment ") for line in lines)
        failed = sum(line.startswith("failed ") for line in lines)
    if (archive / "fitness.parquet").is_file():
        table = read_parquet(archive / "fitness.parquet", ["beats_baseline", "passed"])
        beat, verified = sum(table["beats_baseline"].to_pylist()), sum(map(bool, table["passed"].to_pylist()))
    there = str(archive) if archive.is_dir() else None
    return RunRow(name, kind, run.discover.arm, committed, failed, beat, verified, there)
