"""A run as a git repository in one bundle: a commit an experiment, the phylogenetic tree as its graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from asi_repro.archive.history.bundle import best, history_refs, write_bundle
from asi_repro.archive.history.commits import STREAM_END, STREAM_HEAD, commit_of
from asi_repro.archive.history.records import ExperimentRecord, read_records
from asi_repro.archive.reader import Archive
from asi_repro.errors import AsiReproError, DataError
from asi_repro.store.files import atomic_file, scratch_beside, sha256_file
from asi_repro.store.git import init_bare, require_git, start_git

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class HistorySummary:
    """What was written.

    Attributes:
        experiments: commits.
        programs: commits with a program.
        tags: gallery architectures.
        roots: experiments without a parent.
        main: index of the experiment that branch main stands on.
        main_commit: its commit.
        bytes: size of the bundle.
        sha256: SHA-256 of the bundle.
    """

    experiments: int
    programs: int
    tags: int
    roots: int
    main: int
    main_commit: str
    bytes: int
    sha256: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def write_history(archive: Archive, bundle: Path, progress: Progress | None = None) -> HistorySummary:
    """Write a run as a git bundle, whole or not at all; the same run gives the same bytes.

    Args:
        progress: called with (experiments done, experiments in all).

    Raises:
        AsiReproError: where git is missing, too old or fails, or the bundle cannot be written.
        DataError: where the archive is empty or its tables disagree.
    """
    require_git()
    experiments = archive.experiments
    if not experiments:
        raise DataError("the run has no experiments, so it has no history", where=str(archive.folder))
    with scratch_beside(bundle) as folder:  # the pack is written to the disk that it ends on
        repository = folder / "repository.git"
        init_bare(repository)
        records = _counted(read_records(archive), len(experiments), progress)
        commits = _import_commits(repository, records)
        objective = archive.objective
        refs = history_refs(experiments.values(), commits, objective)
        with atomic_file(bundle) as temporary:
            write_bundle(temporary, refs, _only_pack(repository))
            size, digest = temporary.stat().st_size, sha256_file(temporary)
    main = best(experiments.values(), objective).index
    return HistorySummary(
        experiments=len(commits),
        programs=sum(e.has_program for e in experiments.values()),
        tags=len(archive.gallery),
        roots=len(archive.lineage.roots),
        main=main,
        main_commit=commits[main],
        bytes=size,
        sha256=digest,
    )


def _import_commits(repository: Path, records: Iterable[ExperimentRecord]) -> dict[int, str]:
    """Write experiments, each after its parent, into a repository as commits, by index; no ref is set."""
    marks: dict[int, int] = {}
    marks_file = repository / "asi-repro-marks"
    arguments = [f"--git-dir={repository}", "fast-import", "--quiet", "--depth=0"]
    with start_git([*arguments, f"--export-marks={marks_file}"]) as process:
        process.stdin.write(STREAM_HEAD)
        for record in records:
            parent = None if record.parent is None else f":{marks[record.parent]}"
            marks[record.index] = len(marks) + 1
            others = tuple(f":{marks[other]}" for other in record.others)
            process.stdin.write(commit_of(record, parent, others).stream(marks[record.index]))
        process.stdin.write(STREAM_END)
    pairs = (line.split() for line in marks_file.read_text().splitlines())
    commits = {int(mark[1:]): commit for mark, commit in pairs}
    return {index: commits[mark] for index, mark in marks.items()}


def _counted(
    records: Iterable[ExperimentRecord], total: int, progress: Progress | None
) -> Iterator[ExperimentRecord]:
    for done, record in enumerate(records, 1):
        yield record
        if progress is not None and (done % 256 == 0 or done == total):
            progress(done, total)


def _only_pack(repository: Path) -> Path:
    packs = list((repository / "objects" / "pack").glob("*.pack"))
    if len(packs) != 1:
        raise AsiReproError(f"git fast-import left {len(packs)} packs instead of one", where=str(repository))
    return packs[0]
