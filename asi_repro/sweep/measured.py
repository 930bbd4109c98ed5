"""Whether measured results are those that were written: dvc.lock leaves them out, so they carry checksums."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from asi_repro.archive.fsck.place import Place, Problem
from asi_repro.errors import AsiReproError, MissingInput
from asi_repro.results.training import REMAKE, WEIGHTS, read_training
from asi_repro.store.checksums import SUMS, check_sums
from asi_repro.store.files import sha256_file
from asi_repro.verify.certificate import read_certificate


def check_measured(place: Place) -> tuple[str, list[Problem]]:
    """Trained models, scores and certificates against their own checksums.

    Raises:
        MissingInput: where there are none.
    """
    artifacts = place.require_project().artifacts
    folders = sorted(path.parent for path in artifacts.glob(f"*/*/*/*/{SUMS}"))
    certificates = sorted(path for path in (artifacts / "certificates").glob("*.json") if path.stem.isdigit())
    if not folders and not certificates:
        raise MissingInput("nothing has been measured on this machine", hint="run `dvc repro`")
    problems = [*_wrong(folders, _check_folder), *_wrong(certificates, read_certificate)]
    return f"{len(folders)} trainings and scores, {len(certificates)} certificates", problems


def _check_folder(folder: Path) -> None:
    check_sums(folder, hint=REMAKE)
    if (folder / WEIGHTS).is_file() and sha256_file(folder / WEIGHTS) != read_training(folder).weights_sha256:
        raise AsiReproError("the weights are not the ones that were trained", where=str(folder / WEIGHTS))


def _wrong(paths: Iterable[Path], check: Callable[[Path], object]) -> Iterator[Problem]:
    for path in paths:
        try:
            check(path)
        except AsiReproError as error:
            yield Problem(f"{error.where or path}: {error.what}", error.hint or "make it again with --force")
