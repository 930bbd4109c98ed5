"""Whether measured results are those that were written: dvc.lock leaves them out, so they carry checksums."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from asi_repro.archive.fsck.place import Place, Problem
from asi_repro.errors import AsiReproError, MissingInput
from asi_repro.results.probe_rows import probe_paths, read_probe
from asi_repro.results.sweep_rows import read_row, row_paths
from asi_repro.results.table import SWEEPS_FOLDER
from asi_repro.results.training import REMAKE, WEIGHTS, read_training
from asi_repro.store.checksums import SUMS, check_sums
from asi_repro.store.files import sha256_file
from asi_repro.verify.certificate import read_certificate


def check_measured(place: Place) -> tuple[str, list[Problem]]:
    """Trained models, scores, certificates and the rows of recorded sweeps against their own checksums.

    Raises:
        MissingInput: where there are none.
    """
    artifacts = place.require_project().artifacts
    folders = sorted(path.parent for path in artifacts.glob(f"*/*/*/*/{SUMS}"))
    certificates = sorted(path for path in (artifacts / "certificates").glob("*.json") if path.stem.isdigit())
    sweeps = sorted((artifacts / SWEEPS_FOLDER).glob("*/"))
    rows = [path for folder in sweeps for path in row_paths(folder)]
    probes = [path for folder in sweeps for path in probe_paths(folder)]
    if not (folders or certificates or rows or probes):
        raise MissingInput("nothing has been measured on this machine", hint="run `dvc repro`")
    problems = [
        *_wrong(folders, _check_folder),
        *_wrong(certificates, read_certificate),
        *_wrong(rows, read_row),
        *_wrong(probes, read_probe),
    ]
    counted = (
        f"{len(folders)} trainings and scores, {len(certificates)} certificates, "
        f"{len(rows) + len(probes)} recorded rows"
    )
    return counted, problems


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
