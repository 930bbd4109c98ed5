"""The run's database: a bare git repository, one commit a finished experiment, refs made but once.

Objects are written by `git fast-import`, whose scratch ref is thrown away; then the ref is created by
compare-and-swap (`git update-ref` with the null id as the old value), so an experiment is there whole or not
at all, and never twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import tee
from pathlib import Path

from asi_repro.archive.history.commits import STREAM_END, STREAM_HEAD, Commit, object_id
from asi_repro.archive.history.content import experiment_ref
from asi_repro.errors import AsiReproError, DataError
from asi_repro.store.files import make_folder
from asi_repro.store.git import init_bare, read_objects, require_git, run_git, start_git

DAMAGED = (
    "`git fsck` in the run's run.git says which objects are damaged; restore the run's folder from a copy, "
    "or repeat the run (`asi-repro discover --renew`)"
)

_NULL = "0" * 40
_ENTRY = re.compile(rb"[0-7]+ ([^\0]+)\0(.{20})", re.DOTALL)  # of a tree: mode, name, id
EXPERIMENTS, VERIFIED = "refs/experiments/", "refs/verified/"


class RunStore:
    """The repository of one run.

    Args:
        folder: of the bare repository; made by `create`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self) -> None:
        """Make the repository where it is not there.

        Raises:
            AsiReproError: where git is missing, too old or fails.
        """
        require_git()
        if not (self.folder / "HEAD").is_file():
            make_folder(self.folder.parent)
            init_bare(self.folder)

    def commits(self, prefix: str = EXPERIMENTS) -> dict[int, str]:
        """Object ids by index of the refs below `prefix`, in index order."""
        if not (self.folder / "HEAD").is_file():
            return {}
        text = run_git([self._at, "for-each-ref", "--format=%(refname) %(objectname)", prefix]).decode()
        pairs = (line.split() for line in text.splitlines())
        return {int(ref.rpartition("/")[2]): commit for ref, commit in pairs}

    def add(self, commit: Commit, prefix: str = EXPERIMENTS) -> str:
        """Write a commit and create its ref; its object id. Adding the same commit again changes nothing.

        Whoever calls has the claim of the experiment (`DiscoveryRun.claim`), or a run to himself.

        Raises:
            DataError: where the ref is there with another commit.
            AsiReproError: where git fails.
        """
        ref = experiment_ref(commit.index).replace(EXPERIMENTS, prefix)
        made = commit.id
        with start_git(["-c", "fastimport.unpackLimit=1000", self._at, "fast-import", "--quiet"]) as process:
            process.stdin.write(STREAM_HEAD + commit.stream(1) + STREAM_END)
        try:
            self._create(ref, made)
        except AsiReproError as error:
            there = self.commits(prefix).get(commit.index)
            if there is None:
                raise
            if there != made:
                raise DataError(
                    f"experiment {commit.index} already exists as another commit ({there[:12]}, not "
                    f"{made[:12]})",
                    where=f"{self.folder}, {ref}",
                    hint="the run contains results of different settings or of another program; use "
                    "another name (--run)",
                ) from error
        return made

    def _create(self, ref: str, made: str) -> None:
        # A git that was killed may still be at its end, or has left its lock: nobody else makes this ref.
        patient = ["-c", "core.filesRefLockTimeout=2000", "-c", "core.fsync=committed"]
        arguments = [*patient, self._at, "update-ref", ref, made, _NULL]
        try:
            run_git(arguments)
        except AsiReproError:
            left = self.folder / f"{ref}.lock"
            if not left.exists():
                raise
            left.unlink(missing_ok=True)
            run_git(arguments)

    def files(self, commits: Iterable[str], names: Iterable[str]) -> list[dict[str, bytes]]:
        """The named files of each commit; a file that a commit does not have is left out.

        Raises:
            DataError: where an object is missing or is not what its id says, or a commit has no such files.
        """
        wanted = list(names)
        trees = [commit[5:45].decode() for commit in self._objects(commits)]
        there = [dict(_ENTRY.findall(tree)) for tree in self._objects(trees)]
        asked = [[name for name in wanted if name.encode() in entries] for entries in there]
        if not all(asked):
            raise DataError("a commit lacks its files", where=str(self.folder), hint=DAMAGED)
        contents = self._objects(
            entries[name.encode()].hex()
            for entries, listed in zip(there, asked, strict=True)
            for name in listed
        )
        return [dict(zip(listed, contents, strict=False)) for listed in asked]

    def _objects(self, ids: Iterable[str]) -> Iterator[bytes]:
        """The content of each object. Git does not compare what it reads with the id, so this does."""
        asked, listed = tee(ids)
        for wanted, found in zip(listed, read_objects(self.folder, asked), strict=True):
            if found is None or object_id(*found) != wanted:
                what = f"object {wanted[:12]} of the run's repository is missing or damaged"
                raise DataError(what, where=str(self.folder), hint=DAMAGED)
            yield found[1]

    @property
    def _at(self) -> str:
        return f"--git-dir={self.folder}"
