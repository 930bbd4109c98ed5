"""What a question's function is given: the archive, the papers' tables, certificates, recorded sweeps."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asi_repro.archive.reader import Experiment
from asi_repro.claims.context import Settings
from asi_repro.claims.data import Data
from asi_repro.claims.paper_tables import PaperTables
from asi_repro.data.benchmarks import BENCHMARKS
from asi_repro.data.item_counts import BOOLQ_YES, SCORED
from asi_repro.facts.outcome import NotRun
from asi_repro.results.speed import TIMES, read_times
from asi_repro.results.table import SUMMARY, Results, read_results
from asi_repro.verify.certificate import Certificate, current_certificates

Vector = NDArray[np.float64]
_SWEEP = "smoke"


def guess(task: str) -> float:
    """The accuracy of a guess that knows only which answer is the most common."""
    chance = BENCHMARKS[task].chance or 0.0
    return BOOLQ_YES / SCORED["boolq"] if task == "boolq" else chance


@dataclass(frozen=True)
class Context:
    """One question with the data that it is answered from.

    Attributes:
        identifier: of the question; random draws depend on it.
        folder: of the certificates, or None.
        sweeps: the folder with the recorded sweeps, or None.
    """

    data: Data
    paper: PaperTables = field(default_factory=PaperTables)
    settings: Settings = field(default_factory=Settings)
    folder: Path | None = None
    sweeps: Path | None = None
    identifier: str = ""

    def rng(self) -> np.random.Generator:
        """Random numbers of this question's own."""
        return np.random.default_rng([self.settings.seed, zlib.crc32(self.identifier.encode())])

    @cached_property
    def scored(self) -> list[Experiment]:
        """The gallery's architectures that have an accuracy on every task of the score, in index order."""
        found = [e for e in self.data.gallery if self.data.mean_score(e.index, list(SCORED)) is not None]
        if len(found) < 3:
            raise NotRun("fewer than three architectures have accuracies on all tasks")
        return found

    @cached_property
    def accuracies(self) -> Vector:
        """In points of 100, shape [architectures, tasks], in the order of `scored` and `SCORED`."""
        rows = [[self.data.benchmarks[e.index][task] for task in SCORED] for e in self.scored]
        return 100 * np.asarray(rows, dtype=np.float64)

    @property
    def scores(self) -> Vector:
        """The mean over the tasks, in points, in the order of `scored`."""
        return np.asarray(self.accuracies.mean(axis=1))

    @cached_property
    def trained(self) -> list[Experiment]:
        """Those of `scored` whose curve has a loss at its last step."""
        losses = self.data.final_losses
        found = [e for e in self.scored if e.index in losses and losses[e.index].complete]
        if len(found) < 3:
            raise NotRun("fewer than three architectures have a final loss")
        return found

    def final_losses(self, experiments: list[Experiment]) -> Vector:
        """In nats per token."""
        return np.asarray([self.data.final_losses[e.index].loss for e in experiments])

    def scores_of(self, experiments: list[Experiment]) -> Vector:
        """The test score in points."""
        places = {e.index: place for place, e in enumerate(self.scored)}
        return self.scores[[places[e.index] for e in experiments]]

    @cached_property
    def certificates(self) -> dict[int, Certificate]:
        """By index, of the archive's programs as they are.

        Raises:
            NotRun: where a program has none.
        """
        programs = self.data.programs
        found = current_certificates(self.folder, programs.values())
        if not found:
            raise NotRun("the programs were not run: `asi-repro verify --all` makes the certificates")
        if len(found) < len(programs):
            raise NotRun(f"{len(programs) - len(found)} of {len(programs)} programs have no certificate")
        return found

    def failing(self, *rows: str) -> dict[int, list[str]]:
        """By index, ascending, the programs that fail certificate rows, and which of these they fail."""
        found = {
            index: [name for name in rows if one.row(name).verdict == "fail"]
            for index, one in sorted(self.certificates.items())
        }
        return {index: failed for index, failed in found.items() if failed}

    @cached_property
    def sweep(self) -> Results:
        """Our recorded training of the whole gallery at the smallest scale.

        Raises:
            NotRun: where there is none.
        """
        folder = None if self.sweeps is None else self.sweeps / _SWEEP
        if folder is None or not (folder / SUMMARY).is_file():
            raise NotRun("the gallery was not trained here: `asi-repro sweep` does")
        return read_results(folder)

    @cached_property
    def step_seconds(self) -> dict[str, float]:
        """Seconds of an optimizer step by model, in the recorded training.

        Raises:
            NotRun: where none were recorded.
            DataError: where the file is not that.
        """
        folder = None if self.sweeps is None else self.sweeps / _SWEEP
        if folder is None or not (folder / TIMES).is_file():
            raise NotRun("no step times were recorded")
        return read_times(folder).step_seconds
