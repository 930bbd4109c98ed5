"""The run's database: a bare git repository, one commit a finished experiment, refs made but once.

Objects are written by `git fast-import`, whose scratch ref is thrown away; then the ref is created by
compare-and-swap (`git update-ref` with the null id as the old value), so an experiment is there whole or not
at all, and never twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from asi_repro.archive.history.commits import STREAM_END, STREAM_HEAD, Commit
from asi_repro.archive.history.content import experiment_ref
from asi_repro.errors import AsiReproError, DataError
from asi_repro.store.files import make_folder
from asi_repro.store.git import init_bare, read_objects, require_git, run_git, start_git

_NULL = "0" * 40
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
            DataError: where a commit is not in the repository.
        """
        wanted = list(names)
        listed = list(commits)
        objects = read_objects(self.folder, (f"{commit}:{name}" for commit in listed for name in wanted))
        found = [
            {name: there[1] for name, there in zip(wanted, objects, strict=False) if there is not None}
            for _ in listed
        ]
        if any(not files for files in found):
            raise DataError("a commit of the run is not in its repository", where=str(self.folder))
        return found

    @property
    def _at(self) -> str:
        return f"--git-dir={self.folder}"
