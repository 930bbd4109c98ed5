"""A sweep over the whole gallery in as many runs of the command as it takes: what is left, and what is kept.

What is finished is a row in Git (`results.sweep_rows`), so a later checkout goes on without weights. A row by
earlier code counts as done: otherwise any change of the code would begin hours of training anew, and no sweep
of several runs would end. How many rows are by earlier code is said wherever they are used, and `renew`
trains them again. A row of another program, recipe, text or set of items does not count.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar

from asi_repro.config.params import load_params
from asi_repro.config.sweep import RecordedSweepSettings
from asi_repro.data.items import item_files
from asi_repro.errors import AsiReproError, DataError, MissingInput
from asi_repro.provenance.code import code_sha256
from asi_repro.results.layout import BASELINES, REFERENCE
from asi_repro.results.recorded_rows import Freshness
from asi_repro.results.sweep_rows import (
    SweepRow,
    conditions_of,
    make_row,
    read_row,
    read_rows,
    row_path,
    write_row,
)
from asi_repro.results.table import SWEEPS_FOLDER
from asi_repro.sweep.jobs import Job, Phase, Report, failed_report
from asi_repro.sweep.selection import gallery
from asi_repro.sweep.workspace import Workspace
from asi_repro.train.spec import Subject, baseline

_SCORER = "asi_repro.evaluate.trained"
Pair = tuple[Subject, int]


@dataclass
class RecordedWork:
    """Work whose results are rows in Git, and what one run of the command has to do of it.

    Attributes:
        phase: of the faults.
        workspace: the project at the scale of the work.
        freshness: of the rows that were there, counted.
        faults: rows that cannot be used (neither counted nor overwritten) or could not be written.
    """

    phase: ClassVar[Phase] = "evaluate"
    workspace: Workspace
    freshness: Counter[Freshness] = field(default_factory=Counter, init=False)
    faults: list[Report] = field(default_factory=list, init=False)

    @property
    def folder(self) -> Path:
        """artifacts/sweeps/SCALE."""
        return self.workspace.project.artifacts / SWEEPS_FOLDER / self.workspace.scale

    @property
    def gallery(self) -> list[Subject]:
        """The architectures of the gallery.

        Raises:
            MissingInput: where there is no archive.
        """
        if self.workspace.archive is None:
            raise MissingInput("the programs of the gallery are not there", hint="run `dvc repro archive`")
        return gallery(self.workspace.archive)

    def is_left(
        self, name: str, seed: int, path: Path, freshness: Callable[[], Freshness], *, renew: bool
    ) -> bool:
        """Whether the work of a row is to be done; a row that cannot be used is a fault, and is left alone.

        Args:
            name, seed: of the work.
            path: of the row.
            freshness: reads the row.
            renew: do what is recorded with earlier code again.
        """
        if not path.is_file():
            return True
        try:
            found = freshness()
        except DataError as error:
            self.faults.append(failed_report(name, seed, error, self.phase))
            return False
        self.freshness[found] += 1
        return found == "other" or (found == "earlier" and renew)

    def recorded_before(self, other: str) -> str:
        """What was recorded before; `other` is what a row of other work has of its own."""
        count = self.freshness
        return (
            f"recorded before: {count['current']} with this code, {count['earlier']} with earlier code, "
            f"{count['other']} of another {other}"
        )


@dataclass
class SweepWork(RecordedWork):
    """The recorded sweep of a scale.

    Attributes:
        settings: what the sweep consists of.
        seed: of the sample of architectures that come first.
        pending: the models and seeds that are left, in order.
    """

    settings: RecordedSweepSettings
    seed: int
    pending: list[Pair] = field(default_factory=list, init=False)

    @cached_property
    def evaluation(self) -> dict[str, Any]:
        """How models are scored: settings, items and held-out text.

        Raises:
            MissingInput: where the items are not prepared.
        """
        how = load_params(self.workspace.project.root).evaluation(self.workspace.scale)
        files = item_files(self.workspace.project.artifacts / "benchmarks")
        shards = self.workspace.corpus.shards
        return {
            **how.model_dump(mode="json"),
            "items": {task: files[task].sha256 for task in how.tasks if task in files},
            "validation": [shard.sha256 for shard in shards if shard.split == "validation"],
        }

    def open(
        self,
        names: Collection[str] = (),
        seeds: int | None = None,
        *,
        renew: bool = False,
        force: bool = False,
    ) -> None:
        """See what is there and what is left.

        Args:
            names: of the models; none for all.
            seeds: of every model; None takes the settings'.
            renew: train what is recorded with earlier code again.
            force: train everything again, damaged rows too.

        Raises:
            MissingInput: where there is no archive, no corpus or no items.
        """
        for subject, number in self.everything(seeds):
            path = row_path(self.folder, subject.slug, number)
            read = partial(self._freshness_at, path, subject, number)
            if (not names or subject.slug in names) and (
                force or self.is_left(subject.slug, number, path, read, renew=renew)
            ):
                self.pending.append((subject, number))

    def everything(self, seeds: int | None = None) -> list[Pair]:
        """All that the sweep consists of, in the order in which it is done.

        Each baseline once, a random sample of the gallery with all its seeds (so that the reliability is
        known early), the baselines' other seeds, then seed after seed of the rest of the gallery.
        """
        return ordered(
            [baseline(name) for name in BASELINES],
            self.gallery,
            size=self.settings.sample,
            seed=self.seed,
            baseline_seeds=seeds or self.settings.baseline_seeds,
            sample_seeds=seeds or self.settings.architecture_seeds,
            architecture_seeds=seeds or self.settings.architecture_seeds,
        )

    def jobs(self, root: Path, **options: Any) -> list[Job]:
        """What is left as jobs; before them DeltaNet's first training, whose curve the leak guard needs."""
        jobs = [Job(root, subject, seed, **options) for subject, seed in self.pending]
        first = (REFERENCE, 0)
        if not jobs or first in [(subject.slug, seed) for subject, seed in self.pending]:
            return jobs
        return [Job(root, baseline(REFERENCE), 0, **{**options, "phases": ("train",), "force": False}), *jobs]

    def keep(self, report: Report) -> None:
        """Write the row of a finished job; a row that cannot be written is one of the `faults`."""
        if report.status == "failed" or report.name not in self._waiting(report.seed):
            return
        try:
            row = make_row(
                self.workspace.trained(report.name, report.seed),
                self.workspace.evaluated(report.name, report.seed),
                evaluation=self.evaluation,
                score_code=code_sha256(_SCORER),
                train_seconds=report.train_cpu_seconds,
                evaluate_seconds=report.evaluate_cpu_seconds,
            )
            if not row.stop.startswith("slow"):  # of this machine at this moment, not of the model
                write_row(row, self.folder)
        except AsiReproError as error:
            self.faults.append(failed_report(report.name, report.seed, error, self.phase))

    def notes(self) -> list[str]:
        """What was recorded before this run, and what is now."""
        everything = self.everything()
        subjects = {(subject.slug, seed): subject for subject, seed in everything}
        rows = [
            row
            for row in read_rows(self.folder)[0]
            if (subject := subjects.get((row.name, row.seed))) is not None
            and self._freshness(row, subject, row.seed) != "other"
        ]
        before = self.recorded_before("program, recipe, text or set of items")
        return [before, progress(rows, everything, self.settings.core_hours)]

    def _waiting(self, seed: int) -> set[str]:
        return {subject.slug for subject, other in self.pending if other == seed}

    def _freshness_at(self, path: Path, subject: Subject, seed: int) -> Freshness:
        return self._freshness(read_row(path), subject, seed)

    def _freshness(self, row: SweepRow, subject: Subject, seed: int) -> Freshness:
        spec = self.workspace.spec(subject, seed)
        identity = spec.identity()
        return row.freshness(
            key=spec.key,
            program=identity["model"],
            conditions=conditions_of(identity, self.evaluation),
            score_code=code_sha256(_SCORER),
        )


def ordered(
    baselines: Sequence[Subject],
    architectures: Sequence[Subject],
    *,
    size: int,
    seed: int,
    baseline_seeds: int,
    sample_seeds: int,
    architecture_seeds: int,
) -> list[Pair]:
    """See `SweepWork.everything`; the sample is the same for a seed, in whatever order they are given."""
    listed = sorted(architectures, key=lambda subject: subject.slug)
    drawn = random.Random(seed).sample(listed, min(size, len(listed)))
    rest = [subject for subject in architectures if subject not in drawn]
    return [
        *((subject, 0) for subject in baselines),
        *((subject, number) for subject in drawn for number in range(sample_seeds)),
        *((subject, number) for number in range(1, baseline_seeds) for subject in baselines),
        *((subject, number) for number in range(architecture_seeds) for subject in rest),
    ]


def progress(rows: Sequence[SweepRow], pairs: Sequence[Pair], core_hours: float) -> str:
    """One sentence: what is recorded of a sweep, and the processor time that it took."""
    there = {(row.name, row.seed) for row in rows}
    wanted: dict[str, set[int]] = {}
    for subject, seed in pairs:
        wanted.setdefault(subject.slug, set()).add(seed)
    whole = {name for name, seeds in wanted.items() if all((name, seed) in there for seed in seeds)}
    begun = {name for name, _ in there}
    architectures = {name for name in wanted if name not in BASELINES}
    baselines = wanted.keys() - architectures
    stopped = sorted(f"{row.name} seed {row.seed}" for row in rows if not row.completed)
    hours = sum(row.cpu_seconds for row in rows) / 3600
    said = (
        f"{len(rows)} trainings recorded: {len(architectures & begun)} of {len(architectures)} architectures "
        f"have a seed and {len(architectures & whole)} all of theirs, {len(baselines & whole)} of "
        f"{len(baselines)} baselines all of theirs; {hours:.2f} of {core_hours:g} core-hours"
    )
    return f"{said}; stopped by a guard: {', '.join(stopped)}" if stopped else said
