"""A sweep over the whole gallery in as many sittings as it needs: what is left to do, and what is kept.

What is finished is a row in Git (`results.sweep_rows`), so a later checkout goes on without weights. A row by
earlier code counts as done: otherwise any change of the code would begin hours of training anew, and no sweep
of several sittings would end. How many rows are by earlier code is said wherever they are used, and `renew`
trains them again. A row of another program, recipe, text or set of items does not count.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from asi_repro.config.params import load_params
from asi_repro.config.sweep import SittingSettings
from asi_repro.data.items import item_files
from asi_repro.errors import AsiReproError, DataError, MissingInput
from asi_repro.provenance.code import code_sha256
from asi_repro.results.layout import BASELINES, REFERENCE
from asi_repro.results.sweep_rows import (
    Standing,
    SweepRow,
    conditions_of,
    make_row,
    read_row,
    read_rows,
    row_path,
    write_row,
)
from asi_repro.results.table import SWEEPS_FOLDER
from asi_repro.sweep.jobs import Job, Report
from asi_repro.sweep.selection import gallery
from asi_repro.sweep.workspace import Workspace
from asi_repro.train.spec import Subject, baseline

_SCORER = "asi_repro.evaluate.trained"
Pair = tuple[Subject, int]


@dataclass
class Sittings:
    """The recorded sweep of a scale, and what one sitting has to do of it.

    Attributes:
        workspace: the project at that scale.
        settings: what the sweep consists of.
        seed: of the sample of architectures that come first.
        pairs: the models and seeds that were asked for.
        pending: those that are left, in order.
        standing: of the rows that were there, by name and seed.
        faults: rows that cannot be used (neither counted nor overwritten) or could not be written.
    """

    workspace: Workspace
    settings: SittingSettings
    seed: int
    pairs: list[Pair] = field(default_factory=list)
    pending: list[Pair] = field(default_factory=list)
    standing: dict[tuple[str, int], Standing] = field(default_factory=dict)
    faults: list[Report] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """artifacts/sweeps/SCALE."""
        return self.workspace.project.artifacts / SWEEPS_FOLDER / self.workspace.scale

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
        everything = self.everything(seeds)
        self.pairs = [pair for pair in everything if not names or pair[0].slug in names]
        for subject, seed in self.pairs:
            path = row_path(self.folder, subject.slug, seed)
            if path.is_file() and not force:
                try:
                    standing = self._standing(read_row(path), subject, seed)
                except DataError as error:
                    self.faults.append(_fault(subject.slug, seed, error))
                    continue
                self.standing[subject.slug, seed] = standing
                if standing == "current" or (standing == "earlier" and not renew):
                    continue
            self.pending.append((subject, seed))

    def everything(self, seeds: int | None = None) -> list[Pair]:
        """All that the sweep consists of, in the order in which it is done.

        Each baseline once, a random sample of the gallery with all its seeds (so that the reliability is
        known early), the baselines' other seeds, then seed after seed of the rest of the gallery.
        """
        if self.workspace.archive is None:
            raise MissingInput("the programs of the gallery are not there", hint="run `dvc repro archive`")
        return ordered(
            [baseline(name) for name in BASELINES],
            gallery(self.workspace.archive),
            size=self.settings.sample,
            seed=self.seed,
            baseline_seeds=seeds or self.settings.baseline_seeds,
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
            self.faults.append(_fault(report.name, report.seed, error))

    def notes(self) -> list[str]:
        """What was recorded before this sitting, and what is now."""
        count = Counter(self.standing.values())
        before = (
            f"recorded before: {count['current']} with this code, {count['earlier']} with earlier code, "
            f"{count['other']} of another program, recipe, text or set of items"
        )
        everything = self.everything()
        subjects = {(subject.slug, seed): subject for subject, seed in everything}
        rows = [
            row
            for row in read_rows(self.folder)[0]
            if (subject := subjects.get((row.name, row.seed))) is not None
            and self._standing(row, subject, row.seed) != "other"
        ]
        return [before, progress(rows, everything, self.settings.core_hours)]

    def _waiting(self, seed: int) -> set[str]:
        return {subject.slug for subject, other in self.pending if other == seed}

    def _standing(self, row: SweepRow, subject: Subject, seed: int) -> Standing:
        spec = self.workspace.spec(subject, seed)
        identity = spec.identity()
        return row.standing(
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
    architecture_seeds: int,
) -> list[Pair]:
    """See `Sittings.everything`; the sample is the same for a seed, in whatever order they are given."""
    listed = sorted(architectures, key=lambda subject: subject.slug)
    drawn = random.Random(seed).sample(listed, min(size, len(listed)))
    rest = [subject for subject in architectures if subject not in drawn]
    return [
        *((subject, 0) for subject in baselines),
        *((subject, number) for subject in drawn for number in range(architecture_seeds)),
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


def _fault(name: str, seed: int, error: AsiReproError) -> Report:
    return Report(name, seed, "evaluate", "failed", error.what, error.hint or "", where=error.where or "")
