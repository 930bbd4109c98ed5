"""Fetching the release: from a local copy or from the pinned git import, checked byte by byte.

The three upstream paths are DVC imports: their pins (`artifacts/release/**/*.dvc`) are committed, the
data is not. Files are staged and hashed beside their target and only then renamed onto it.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from asi_repro.archive.manifest import Manifest, ReleaseFile, check_release, extra_files, release_manifest
from asi_repro.errors import AsiReproError, DataError, MissingInput
from asi_repro.plain_yaml import plain_yaml
from asi_repro.project import Project
from asi_repro.store.files import scratch_beside, unwritable

ENVIRONMENT = "ASI_REPRO_RELEASE"
QUIET_SECONDS = 20.0
"""How long the network may say nothing. Git's client asks four times, so that is some 80 seconds in all."""
_HINT = (
    f"name a copy with `asi-repro pull --from DIR` or {ENVIRONMENT}=DIR "
    "(DIR holds data/106.json, data/tree.json and cognition_base/cognition)"
)


@dataclass(frozen=True)
class Pulled:
    """What a pull did.

    Attributes:
        source: where the files came from; None where they were already here.
        replaced: what was wrong with the files that were replaced.
    """

    source: str | None
    replaced: list[str]


def pull(
    project: Project,
    *,
    source: Path | None = None,
    url: str | None = None,
    rev: str | None = None,
    manifest: Manifest | None = None,
) -> Pulled:
    """Bring the release to `artifacts/release`, whole and checked, and into DVC's cache.

    Args:
        source: a local copy; without one, ASI_REPRO_RELEASE, then the git import.
        url: another git repository to import from than upstream's.
        rev: its revision; upstream's pinned commit where None.
        manifest: what to hold the files against; the committed manifest where None.

    Raises:
        MissingInput: where a named copy is not there, or upstream cannot be reached.
        DataError: where a file is missing, truncated, altered or extra; nothing is kept of it.
        AsiReproError: where the target cannot be written.
    """
    manifest = manifest or release_manifest()
    problems = check_release(project.release, manifest)
    if not problems and _in_dvc_cache(project, manifest):
        return Pulled(None, [])
    origin = None
    if problems:
        try:
            origin = _fetch(project, manifest, source or _from_environment(), url, rev)
        except OSError as error:
            raise unwritable(project.release, error) from error
    _commit_to_dvc(project, manifest)
    return Pulled(origin, [p for p in problems if not p.endswith(": missing")])


def _from_environment() -> Path | None:
    value = os.environ.get(ENVIRONMENT)
    return Path(value) if value else None


def _fetch(
    project: Project, manifest: Manifest, source: Path | None, url: str | None, rev: str | None
) -> str:
    with scratch_beside(project.release / "pulled") as staging:
        if source is not None and url is None:
            origin = str(source)
            _copy(source, staging, manifest)
        else:
            origin = f"{url or manifest.url} at {rev or manifest.commit}"
            _import(url or manifest.url, rev or manifest.commit, staging, manifest)
        _require_whole(staging, manifest, origin)
        for path in manifest.paths:
            _exchange(staging / path, project.release / path)
    return origin


def _copy(source: Path, staging: Path, manifest: Manifest) -> None:
    if not source.is_dir():
        raise MissingInput(f"there is no folder {source}", hint=_HINT)
    for file in manifest.files:
        _copy_file(source, staging, file)
    if extra := extra_files(source, manifest):
        raise DataError(extra[0] + _and_more(extra), where=str(source), hint=_WHOLE)


_WHOLE = (
    "get an unaltered copy of the release; the manifest of hashes is asi_repro/archive/release_manifest.json"
)


def _copy_file(source: Path, staging: Path, file: ReleaseFile) -> None:
    target = staging / file.path
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Never wait on a FIFO, and never copy more than the release has (plus one byte, which shows it).
        descriptor = os.open(source / file.path, os.O_RDONLY | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise DataError(f"{file.path}: cannot be read ({error.strerror})", where=str(source)) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise DataError(f"{file.path}: this is not a regular file", where=str(source), hint=_WHOLE)
    with os.fdopen(descriptor, "rb") as stream:
        target.write_bytes(stream.read(file.bytes + 1))


def _require_whole(staging: Path, manifest: Manifest, origin: str) -> None:
    problems = check_release(staging, manifest)
    if problems:
        raise DataError(problems[0] + _and_more(problems), where=origin, hint=_WHOLE)


def _and_more(problems: list[str]) -> str:
    rest = len(problems) - 1
    return f" (and {rest} more problem{'s' if rest > 1 else ''})" if rest else ""


def _exchange(new: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir() and not target.is_symlink():
        # A folder cannot be renamed onto a folder that has files: park the old one in the staging area.
        target.rename(new.with_name(f"{new.name}.old"))
    new.rename(target)


def _import(url: str, rev: str, staging: Path, manifest: Manifest) -> None:
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.scm import SCMError

    for path in manifest.paths:
        (staging / path).parent.mkdir(parents=True, exist_ok=True)
        try:
            with _no_endless_wait():
                Repo.get(url, path, out=str(staging / path), rev=rev)
        except (DvcException, SCMError) as error:
            raise MissingInput(
                f"cannot download {path} from the published release: {_reason(error)}",
                where=f"{url} at {rev}",
                hint=f"check the network, or {_HINT}",
            ) from error


@contextmanager
def _no_endless_wait() -> Iterator[None]:
    """A bound on each wait for the network: DVC and its git client set none, so a silent one would hang."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(QUIET_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _reason(error: BaseException) -> str:
    """What went wrong at first: DVC's own error only says 'SCM error'."""
    said = [str(error)]
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
        said.append(str(error))
    lines = [text.splitlines()[0] for text in said if text.strip()]
    reason = lines[0] if lines[0] == lines[-1] else f"{lines[0]}: {lines[-1]}"
    return reason if len(reason) <= 300 else f"{reason[:300]}…"


def _pin(project: Project, path: str) -> Path:
    return project.release / f"{path}.dvc"


def _in_dvc_cache(project: Project, manifest: Manifest) -> bool:
    """Whether DVC's default cache has every pinned object (DVC itself need not be imported to see)."""
    cache = project.root / ".dvc" / "cache" / "files" / "md5"
    for path in manifest.paths:
        try:
            md5 = plain_yaml(_pin(project, path).read_bytes(), where=path)["outs"][0]["md5"]
        except (OSError, DataError, KeyError, IndexError, TypeError):
            return False
        if not (cache / md5[:2] / md5[2:]).is_file():
            return False
    return True


def _commit_to_dvc(project: Project, manifest: Manifest) -> None:
    """Put the pulled files into DVC's cache, so that `dvc repro` need not ask upstream for them.

    Raises:
        DataError: where a file's MD5 is not that of its committed pin.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(project.root)) as repo, repo.lock:
            for path in manifest.paths:
                (stage,) = repo.stage.load_file(str(_pin(project, path)))
                (out,) = stage.outs
                pinned = out.hash_info.value
                out.save()
                if out.hash_info.value != pinned:
                    raise DataError(
                        f"{path}: MD5 {out.hash_info.value} does not match the pinned value {pinned}",
                        where=str(_pin(project, path)),
                        hint="restore the pin with `git checkout -- artifacts/release`",
                    )
                out.commit()
    except DvcException as error:
        raise AsiReproError(
            f"DVC cannot import the release: {str(error).splitlines()[0]}",
            where=str(project.root),
            hint="check that this is a checkout of asi_repro with its .dvc folder, and that there is "
            "free disk space",
        ) from error
