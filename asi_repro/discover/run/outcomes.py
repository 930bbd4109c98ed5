"""What a run's experiments came to, in the order they were run: the same for our runs and the release."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asi_repro.archive.node_model import COPY, GHOST, MINIMIZE, REJECTED
from asi_repro.archive.nodes import read_parents, statuses_of
from asi_repro.archive.reader import Archive
from asi_repro.archive.tables import read_parquet
from asi_repro.discover.run.folder import SETTINGS, DiscoveryRun
from asi_repro.discover.run.rejected import read_rejected
from asi_repro.discover.run.spending import NOTHING, Spending, own_spending
from asi_repro.errors import DataError, MissingInput
from asi_repro.imports.layout import is_import
from asi_repro.imports.outcomes import discovery_of, steps
from asi_repro.imports.record import read_import
from asi_repro.project import RELEASE, Project, archive_of, run_folders
from asi_repro.store.json_text import dump_json

OWN = "beats its run's first program in training loss and in mean benchmark score, at the first stage"
GALLERY = (
    "is one of the gallery: for most of the release's experiments neither loss nor benchmarks were "
    "published, so what beat the baseline in both is not known"
)


@dataclass(frozen=True)
class Outcomes:
    """The experiments of one run.

    Attributes:
        name: of the run.
        arm: operators, llm, or release.
        discovery: what counts as one here, ending a sentence that begins with "a discovery".
        indices: of the experiments, ascending; the baseline is not among them.
        found: whether each is a discovery.
        verified: whether each passed the second stage (release: is in the gallery).
        flops: training FLOPs of each, 0.0 where nothing was trained; None where it is not known.
        scores: fitness of each, None where it has none.
        higher: whether a higher score is better; None where that is not stated.
        spent: what each took, by unit.
        first_generation: whether each builds on a program that builds on none.
        repeats: scores of each program that the run scored more than once.
        scoring: what makes scores; those of two runs compare where it is equal.
        same_evaluator: whether an equal `scoring` says that one evaluator made them.
    """

    name: str
    arm: str
    discovery: str
    indices: tuple[int, ...]
    found: tuple[bool, ...]
    verified: tuple[bool, ...]
    flops: tuple[float, ...] | None
    scores: tuple[float | None, ...]
    higher: bool | None = True
    spent: Spending = field(default_factory=lambda: dict(NOTHING))
    first_generation: tuple[bool, ...] = ()
    repeats: tuple[tuple[float, ...], ...] = ()
    scoring: str = ""
    same_evaluator: bool = True

    @property
    def count(self) -> int:
        """Discoveries."""
        return sum(self.found)


def read_outcomes(project: Project, name: str) -> Outcomes:
    """The outcomes of the run of that name, or of the release.

    Raises:
        NotFound: where there is no such run.
        MissingInput: where it has no archive.
        DataError: where it has no experiment besides its baseline.
    """
    folder = archive_of(project, name)
    if name == RELEASE:
        made = _release(folder)
    elif is_import(folder.parent):
        made = _imported(name, folder.parent)
    else:
        made = own_outcomes(name, run_folders(project)[name], spending=True)
    if not made.indices:
        raise DataError("the run has no experiments apart from its baseline", where=str(folder))
    return made


def _release(folder: Path) -> Outcomes:
    archive = Archive(folder)
    experiments = [e for e in archive.experiments.values() if e.parent is not None]
    gallery = tuple(e.in_gallery for e in experiments)
    return Outcomes(
        name=RELEASE,
        arm=RELEASE,
        discovery=GALLERY,
        indices=tuple(e.index for e in experiments),
        found=gallery,
        verified=gallery,
        flops=None,
        scores=tuple(e.score for e in experiments),
        first_generation=_first_generation(archive, [e.index for e in experiments]),
        repeats=_repeats(archive, archive.experiments),
        scoring=RELEASE,
    )


def _first_generation(archive: Archive, indices: Sequence[int]) -> tuple[bool, ...]:
    depth = {e.index: e.depth for e in archive.experiments.values()}
    return tuple(depth.get(index) == 1 for index in indices)


def _after_a_seed(archive: Archive, indices: Sequence[int]) -> tuple[bool, ...]:
    """Whether the parent of each is a program that builds on none, or a copy of such a one.

    What a ghost builds on is not known.
    """
    status = statuses_of(archive)
    original = {row["index"]: row["parent"] for row in read_parents(archive) if row["role"] == COPY}

    def is_seed(index: int | None) -> bool:
        while index in original:
            index = original[index]
        return index is not None and archive.experiments[index].parent is None and status[index] != GHOST

    return tuple(is_seed(archive.experiments[index].parent) for index in indices)


def _repeats(archive: Archive, indices: Collection[int]) -> tuple[tuple[float, ...], ...]:
    """Scores of the programs that were scored more than once, equal byte for byte."""
    found: dict[str, list[float]] = defaultdict(list)
    table = archive.table("programs", ["index", "sha256"])
    for index, digest in zip(table["index"].to_pylist(), table["sha256"].to_pylist(), strict=True):
        if index in indices and (score := archive.experiments[index].score) is not None:
            found[digest].append(score)
    return tuple(tuple(scores) for scores in found.values() if len(scores) > 1)


def _imported(name: str, folder: Path) -> Outcomes:
    objective, made = steps(folder)
    archive, later = Archive(folder / "archive"), made[1:]
    indices = tuple(step.experiment.index for step in later)
    record = read_import(folder)
    return Outcomes(
        name=name,
        arm=record.system,
        discovery=discovery_of(record.system, objective),
        indices=indices,
        found=tuple(step.found for step in later),
        verified=tuple(False for _ in later),
        flops=None,
        scores=tuple(step.experiment.score for step in later),
        higher=objective.direction != MINIMIZE if objective.directed else None,
        spent={
            "evaluations": tuple(float(step.node.status != REJECTED) for step in later),
            "seconds": _all_stated(step.node.seconds for step in later),
            "tokens": _all_stated(step.node.tokens for step in later),
            "usd": _all_stated(step.node.cost for step in later),
        },
        first_generation=_after_a_seed(archive, indices),
        repeats=_repeats(archive, {step.experiment.index for step in made}),
        scoring=dump_json([record.system, record.score]),
        same_evaluator=False,
    )


def _all_stated(values: Iterable[float | None]) -> tuple[float, ...] | None:
    """The numbers, or None where one is not stated: a sum of the others would be too low."""
    listed = list(values)
    return None if None in listed else tuple(float(value) for value in listed if value is not None)


def own_outcomes(name: str, folder: Path, *, spending: bool = False) -> Outcomes:
    """The outcomes of the run in a folder; none where it has its baseline alone.

    Args:
        spending: read what each experiment took, too, which needs every trace.

    Raises:
        MissingInput: where it has no archive.
    """
    path = folder / "archive" / "fitness.parquet"
    if not (folder / SETTINGS).is_file() or not path.is_file():
        raise MissingInput(
            "this is not the archive of a run of the discovery loop",
            where=str(path),
            hint="`asi-repro discover` creates one",
        )
    run = DiscoveryRun(folder)
    rows: dict[int, dict[str, Any]] = {row["index"]: row for row in read_parquet(path).to_pylist()}
    failed = run.failed()
    indices = tuple(sorted((set(rows) | failed) - {1}))
    typical = max((float(row["flops"]) for row in rows.values()), default=0.0)
    trained = {i for i in failed if read_rejected(run.rejected(i, failed=True)).was_trained}
    return Outcomes(
        name=name,
        arm=run.discover.arm,
        discovery=OWN,
        indices=indices,
        found=tuple(index in rows and bool(rows[index]["beats_baseline"]) for index in indices),
        verified=tuple(index in rows and bool(rows[index]["passed"]) for index in indices),
        # A failed training is charged in full: how far it came is not kept.
        flops=tuple(
            float(rows[index]["flops"]) if index in rows else typical if index in trained else 0.0
            for index in indices
        ),
        scores=tuple(rows[index]["fitness"] if index in rows else None for index in indices),
        spent=own_spending(run, indices) if spending else dict(NOTHING),
        first_generation=_first_generation(Archive(path.parent), indices),
        scoring=dump_json(
            [run.settings.exploration, run.discover.fitness.model_dump(), run.discover.components]
        ),
    )
