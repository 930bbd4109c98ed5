"""A run as one file for somebody else: a git bundle of its commits and of its records.

The file may lie anywhere that DVC can reach: a path, http(s), S3 and what speaks it, Google Cloud, SSH. What
comes from there is hostile until it is checked: git checks every object and so every hash, refs are those of
a run and no others, settings and records are read by schema, and commits are those that the record lists.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from asi_repro.archive.history.commits import Commit
from asi_repro.discover.lab.cache import ResultCache
from asi_repro.discover.run.archive import write_run_archive
from asi_repro.discover.run.folder import COMMITS, LAB, LLM, SETTINGS, TIMINGS, DiscoveryRun, check_name
from asi_repro.discover.run.recorded import commit_lines, listed_commits
from asi_repro.discover.run.rejected import read_rejected
from asi_repro.discover.run.remote import reaching
from asi_repro.discover.run.store import EXPERIMENTS, VERIFIED
from asi_repro.discover.run.traces import write_run_traces
from asi_repro.errors import AsiReproError, DataError, MissingInput
from asi_repro.llm.records import Records
from asi_repro.project import Project
from asi_repro.store.files import atomic_file, scratch_beside, sha256_file
from asi_repro.store.git import init_bare, require_git, run_git
from asi_repro.store.json_lines import read_lines

RECORD = "refs/asi-repro/record/"
MOST_BYTES = 2 << 30
_REF = re.compile(rf"(?:{EXPERIMENTS}|{VERIFIED}|{RECORD})\d{{7}}")
_FILE = re.compile(
    r"(?:settings\.json|(?:lab|llm|timings)\.jsonl|commits\.txt|rejected-\d{7}(?:\.failed)?\.json)"
)
_REJECTED = "rejected-"
# What git says of this machine and not of the file that it reads.
_OF_THE_DISK = ("No space left", "Read-only file system", "Out of diskspace", "Permission denied")


@dataclass(frozen=True)
class Shared:
    """A run in one file.

    Attributes:
        run: its name.
        place: where the file is.
        sha256, bytes: of the file.
        experiments: finished ones, committed or failed.
    """

    run: str
    place: str
    sha256: str
    bytes: int
    experiments: int


def share_run(run: DiscoveryRun, place: str) -> Shared:
    """Write a run to `place` as one file.

    Args:
        place: a path, or a URL that DVC can write to.

    Raises:
        MissingInput: where the run has no experiment.
        AsiReproError: where git fails or the place cannot be written.
    """
    lines = commit_lines(run)
    if not lines:
        raise MissingInput("the run has no experiments yet", where=str(run.folder))
    with tempfile.TemporaryDirectory(prefix="asi-repro-share-") as folder:
        bundle = Path(folder) / "run.bundle"
        _write_bundle(run, lines, bundle)
        if commit_lines(run) != lines:
            raise AsiReproError(
                "the run continued while it was being exported",
                where=str(run.folder),
                hint="wait until it has finished, or stop it with Ctrl-C",
            )
        shared = Shared(
            run.folder.name, place, sha256_file(bundle), bundle.stat().st_size, len(run.finished())
        )
        put_file(bundle, place)
    return shared


def receive_run(
    project: Project, place: str, *, name: str | None = None, sha256: str | None = None
) -> DiscoveryRun:
    """Get somebody's run into artifacts/runs, checked; with its archive and its traces.

    Args:
        place: a path, or a URL that DVC can read.
        name: of the run here; the file's name by default.
        sha256: that the file has to have.

    Raises:
        MissingInput: where there is no such file.
        DataError: where it is damaged, or is no run.
        AsiReproError: where a run of that name is here, or the place cannot be reached.
    """
    chosen = check_name(name or Path(place.rstrip("/")).name.removesuffix(".bundle"))
    folder = project.runs / chosen
    if folder.exists():
        raise AsiReproError(
            f"there is already a run named {chosen}",
            where=str(folder),
            hint="choose another name with --as NAME",
        )
    with scratch_beside(folder) as work:
        bundle = work / "run.bundle"
        _get(place, bundle)
        if bundle.stat().st_size > MOST_BYTES:
            raise DataError(f"the file is larger than {MOST_BYTES >> 30} GiB", where=place)
        if sha256 is not None and (found := sha256_file(bundle)) != sha256.lower():
            raise DataError(
                f"the file's SHA-256 is {found}, not {sha256.lower()}",
                where=place,
                hint="ask for the file again",
            )
        made = work / chosen
        _unpack(bundle, made, place)
        run = DiscoveryRun(made)
        _check(run, place)
        write_run_archive(run)
        write_run_traces(run, project.root)
        made.rename(folder)
    return DiscoveryRun(folder)


def _write_bundle(run: DiscoveryRun, lines: list[str], bundle: Path) -> None:
    files = {
        name: (run.folder / name).read_bytes()
        for name in (SETTINGS, LAB, LLM, TIMINGS)
        if (run.folder / name).is_file()
    }
    for path in sorted((run.folder / "rejected").glob("*.json")):
        files[_REJECTED + path.name] = path.read_bytes()
    files[COMMITS] = ("\n".join(lines) + "\n").encode()
    git_dir = f"--git-dir={run.store.folder}"
    for before, commit in run.store.commits(RECORD).items():
        run_git([git_dir, "update-ref", "-d", f"{RECORD}{before:07d}", commit])
    last = max(run.finished())
    record = Commit(last, files, b"Record of the run\n", None)
    run.store.add(record, RECORD)
    ref = f"{RECORD}{last:07d}"
    # Globs: naming ten thousand refs would not fit on a command line.
    run_git(
        [
            git_dir,
            "bundle",
            "create",
            "--quiet",
            str(bundle),
            f"--glob={EXPERIMENTS}*",
            f"--glob={VERIFIED}*",
            ref,
        ]
    )


def _unpack(bundle: Path, folder: Path, place: str) -> None:
    require_git()
    store = folder / "run.git"
    folder.mkdir()
    init_bare(store)
    refs = [f"+{prefix}*:{prefix}*" for prefix in (EXPERIMENTS, VERIFIED, RECORD)]
    git_dir = f"--git-dir={store}"
    try:
        run_git(
            ["-c", "fetch.fsckObjects=true", git_dir, "fetch", "--quiet", "--no-tags", str(bundle), *refs]
        )
    except AsiReproError as error:
        if any(words in error.what for words in _OF_THE_DISK):
            raise
        raise DataError(
            f"the file is not the bundle of a run, or is damaged: {error.what}",
            where=place,
            hint="ask for the file again",
        ) from error
    names = run_git([git_dir, "for-each-ref", "--format=%(refname) %(objecttype)"]).decode().splitlines()
    for line in names:
        ref, kind = line.split(" ")
        if kind != "commit" or not _REF.fullmatch(ref):
            raise DataError(f"the file contains a ref that no run has: {ref[:80]!r}", where=place)
    records = [line.split(" ")[0] for line in names if line.startswith(RECORD)]
    if not records:
        raise DataError("the file contains no record of a run", where=place)
    _write_files(git_dir, max(records), folder, place)


def _write_files(git_dir: str, ref: str, folder: Path, place: str) -> None:
    """The record's files, by names that a run has: nothing else is written, and nothing outside of it."""
    (folder / "rejected").mkdir()
    listed = run_git([git_dir, "ls-tree", "-z", ref]).decode("utf-8", "replace").split("\0")
    for line in filter(None, listed):
        head, name = line.split("\t", 1)
        mode, kind, blob = head.split(" ")
        if mode != "100644" or kind != "blob" or not _FILE.fullmatch(name):
            raise DataError(f"the file's record contains a file that no run has: {name[:80]!r}", where=place)
        data = run_git([git_dir, "cat-file", "blob", blob])
        if name.startswith(_REJECTED):
            (folder / "rejected" / name.removeprefix(_REJECTED)).write_bytes(data)
        else:
            (folder / name).write_bytes(data)


def _check(run: DiscoveryRun, place: str) -> None:
    path = run.folder / COMMITS
    if not path.is_file():
        raise DataError("the file's record lists no commits", where=place)
    pinned = listed_commits(path)
    different = sorted(set(pinned) ^ set(commit_lines(run)))
    if different:
        raise DataError(
            "the file's commits are not those listed in its record; the first difference is "
            f"{different[0][:80]!r}",
            where=place,
        )
    _read_records(run)
    path.unlink()  # it says what a recorded run must come to; this one may go on


def _read_records(run: DiscoveryRun) -> None:
    """Read what a reproduction will read, so that it is now that damage shows.

    Raises:
        DataError: naming the file and the line.
    """
    ResultCache(run.folder / LAB).get("")
    if (run.folder / LLM).is_file():
        Records(run.folder / LLM)
    read_lines(run.folder / TIMINGS)
    for path in sorted((run.folder / "rejected").iterdir()):
        read_rejected(path)


def put_file(file: Path, place: str) -> None:
    """Write a file to a path or a URL that DVC can write to.

    Raises:
        AsiReproError: where the place cannot be written.
    """
    with reaching(place) as (filesystem, path):
        if "://" in place:
            filesystem.put_file(str(file), path)  # an object appears when it is whole
        else:
            with atomic_file(Path(path)) as temporary:
                shutil.copyfile(file, temporary)


def _get(place: str, file: Path) -> None:
    with reaching(place) as (filesystem, path):
        if not filesystem.exists(path):
            raise MissingInput("there is no such file", where=place)
        filesystem.get_file(path, str(file))
