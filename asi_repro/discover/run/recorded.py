"""A run's versioned form: settings, records and the commits that a reproduction must come to."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from asi_repro.discover.run.folder import COMMITS, LAB, LLM, SETTINGS, DiscoveryRun
from asi_repro.discover.run.store import VERIFIED
from asi_repro.errors import AsiReproError, DataError, MissingInput
from asi_repro.store.files import atomic_dir, atomic_write, sha256_file

MOST_BYTES = 3_000_000
_LINE = re.compile(r"(?:experiment|failed|verified) [0-9]{7,10} [0-9a-f]{40,64}")
_MADE = (
    "run.git",
    "rejected",
    "journal",
    "locks",
    "archive",
    "discoveries.json",
    "retest.json",
    "timings.jsonl",
)
_IGNORED = "# What a reproduction makes anew.\n" + "".join(
    f"/{name}\n" for name in (*_MADE, "certificates", "report")
)


def commit_lines(run: DiscoveryRun) -> list[str]:
    """The outcome of every experiment, one a line: what it is, its index, its commit.

    A failed one has no commit: the SHA-256 of its record stands there.
    """
    lines = [f"experiment {index:07d} {commit}" for index, commit in run.store.commits().items()]
    lines += [f"failed {index:07d} {sha256_file(run.rejected(index, failed=True))}" for index in run.failed()]
    lines += [f"verified {index:07d} {commit}" for index, commit in run.store.commits(VERIFIED).items()]
    return sorted(lines)


def listed_commits(path: Path) -> list[str]:
    """The lines of a file that has `commit_lines`.

    Raises:
        OSError: where it cannot be read.
        DataError: where it is not such a file.
    """
    lines = path.read_bytes().decode("utf-8", "replace").splitlines()
    if not lines or not all(map(_LINE.fullmatch, lines)):
        raise DataError("the file is not a list of commits", where=str(path))
    return lines


def record_run(run: DiscoveryRun, folder: Path) -> int:
    """Write the versioned form of a finished run; its size in bytes.

    Raises:
        AsiReproError: where it is larger than Git should hold.
        MissingInput: where the run has no results.
    """
    lines = commit_lines(run)
    if not lines:
        raise MissingInput("the run has no experiments yet", where=str(run.folder))
    names = [name for name in (SETTINGS, LAB, LLM) if (run.folder / name).is_file()]
    size = sum((run.folder / name).stat().st_size for name in names)
    if size > MOST_BYTES:
        raise AsiReproError(
            f"the record has {size / 1e6:.1f} MB, more than the limit of {MOST_BYTES / 1e6:.0f} MB",
            where=str(run.folder),
            hint="record a shorter run",
        )
    with atomic_dir(folder) as new:
        for name in names:
            shutil.copyfile(run.folder / name, new / name)
        (new / COMMITS).write_text("\n".join(lines) + "\n", encoding="utf-8")
        (new / ".gitignore").write_text(_IGNORED, encoding="utf-8")
    return size


def set_up_reproduction(folder: Path) -> tuple[DiscoveryRun, int]:
    """A recorded run with nothing done yet, and how many experiments it has.

    Raises:
        MissingInput: where there is no such record.
    """
    lines = _pinned(folder)
    for name in _MADE:
        place = folder / name
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
    run = DiscoveryRun(folder)
    run.store.create()
    return run, max(int(line.split()[1]) for line in lines)


def check_reproduction(run: DiscoveryRun) -> int:
    """How many outcomes were compared with the record.

    Raises:
        DataError: at the first that differs.
    """
    pinned, made = _pinned(run.folder), commit_lines(run)
    different = sorted(line.split()[1] for line in set(pinned) ^ set(made))
    if different:
        index = different[0]
        recorded = [line for line in pinned if line.split()[1] == index]
        found = [line for line in made if line.split()[1] == index]
        raise DataError(
            f"experiment {int(index)} came out differently: recorded {recorded}, now {found}",
            where=str(run.folder / COMMITS),
            hint="the loop or an operator has changed: record the run again, or revert the change",
        )
    return len(pinned)


def pin(run: DiscoveryRun) -> None:
    """Write what this run came to as what every reproduction must come to."""
    atomic_write(run.folder / COMMITS, "\n".join(commit_lines(run)) + "\n")


def _pinned(folder: Path) -> list[str]:
    path = folder / COMMITS
    try:
        return listed_commits(path)
    except OSError as error:
        raise MissingInput(
            f"there is no recorded run: {error.strerror}", where=str(path), hint="`asi-repro runs` lists them"
        ) from error
