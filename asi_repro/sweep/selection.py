"""Which models are trained and evaluated: names to subjects, and the file that DVC's stages run over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from asi_repro.archive.reader import Archive, Experiment
from asi_repro.errors import DataError, MissingInput, NotFound
from asi_repro.plain_yaml import plain_yaml
from asi_repro.results.layout import BASELINES, CONTROLS
from asi_repro.store.files import atomic_write
from asi_repro.train.spec import Subject, architecture, baseline

SELECTION = "selection.yaml"
KEY = "selection"
# Small, so that a first run stays quick: what the paper builds on and compares with, and softmax attention.
DEFAULT_BASELINES = ("delta_net", "gated_delta_net", "transformer")
DEFAULT_ARCHITECTURES = 2
_HINT = "asi-repro select --default"
# Where each model's program is, which its stage depends on: so a baseline needs no release.
_BASELINE_CODE, _ARCHIVE = "asi_repro/models/baselines", "artifacts/archive"
_HEAD = """# Written by `asi-repro select`; the stages train@NAME and evaluate@NAME run over it.
# Each name has the place of its program.
"""


def table1(archive: Archive, names: Iterable[str]) -> tuple[list[Subject], list[str]]:
    """The architectures of Table 1 whose programs are there, and the names of those whose are not.

    A display name may belong to several experiments: every one with a program is taken. The table shortens
    one name (`Ada…` for `Adaptive…`).
    """
    found: list[Subject] = []
    missing: list[str] = []
    for name in names:
        spelled = (name, name.replace("Ada", "Adaptive", 1) if name.startswith("Ada") else name)
        matches = {e.index: e for spelling in spelled for e in archive.named(spelling) if e.has_program}
        found += [architecture(archive.program(index)) for index in sorted(matches)]
        if not matches:
            missing.append(name)
    return found, missing


def top(archive: Archive, count: int) -> list[Subject]:
    """The gallery's best `count` by the score that the run recorded; ties in index order."""
    scored = [e for e in archive.gallery if e.score is not None and e.has_program]

    def rank(experiment: Experiment) -> tuple[float, int]:
        return -(experiment.score or 0.0), experiment.index

    return [architecture(archive.program(e.index)) for e in sorted(scored, key=rank)[:count]]


def gallery(archive: Archive) -> list[Subject]:
    """Every architecture of the gallery, in index order."""
    return [architecture(archive.program(e.index)) for e in archive.gallery if e.has_program]


def find_subject(name: str, archive: Archive | None) -> Subject:
    """The model of a name: a baseline, a slug, an index, a name or a display name.

    Raises:
        NotFound: where nothing is called so, or its program was not released.
        MissingInput: where it is no baseline and there is no archive.
    """
    if name in (*BASELINES, *CONTROLS):
        return baseline(name)
    if archive is None:
        raise MissingInput(
            f"{name!r} is not a baseline, and there is no archive to look it up in",
            hint=f"run `dvc repro archive` to make the archive; the baselines are {', '.join(BASELINES)}",
        )
    head = name.partition("-")[0]
    if head.isascii() and head.isdigit() and int(head) in archive.experiments:
        subject = architecture(archive.program(int(head)))
        if name in (head, subject.slug):
            return subject
    matches = [e for e in archive.named(name) if e.has_program]
    if len(matches) == 1:
        return architecture(archive.program(matches[0].index))
    try:
        return architecture(archive.program(archive.find(name).index))
    except NotFound as error:
        more = f"; baselines: {', '.join(BASELINES)}"
        raise NotFound(error.what, where=error.where, hint=f"{error.hint or ''}{more}") from None


def unique(subjects: Iterable[Subject]) -> list[Subject]:
    """Without repetitions, in the order given."""
    return list({subject.slug: subject for subject in subjects}.values())


def write_selection(subjects: Sequence[Subject], path: Path) -> None:
    """Write the names of the stages `train@NAME` and `evaluate@NAME`.

    Raises:
        DataError: for an empty selection, over which DVC could run nothing.
    """
    if not subjects:
        raise DataError("no models are selected", hint=_HINT)
    lines = "".join(
        f"  {subject.slug}: {_BASELINE_CODE if subject.baseline else _ARCHIVE}\n" for subject in subjects
    )
    atomic_write(path, f"{_HEAD}{KEY}:\n{lines}")


def read_selection(path: Path) -> list[str]:
    """The slugs in a selection.

    Raises:
        MissingInput: where the file is not there.
        DataError: where it is not a selection.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise MissingInput(f"there is no selection: {error.strerror}", where=str(path), hint=_HINT) from error
    data = plain_yaml(text, where=str(path), hint=_HINT)
    slugs = data.get(KEY) if isinstance(data, dict) else None
    if not isinstance(slugs, dict) or not slugs or not all(isinstance(slug, str) for slug in slugs):
        raise DataError(f"there are no names under {KEY!r}", where=str(path), hint=_HINT)
    return list(slugs)
