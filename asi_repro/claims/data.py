"""The archive as the checks need it, worked out once."""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, TypeVar

from asi_repro.archive.reader import Archive, Experiment, Program
from asi_repro.store.files import sha256_bytes
from asi_repro.verify.program_text import parsed
from asi_repro.verify.static_facts import StaticFacts, static_facts

Kept = TypeVar("Kept")


@dataclass(frozen=True)
class FinalLoss:
    """The last finite value of a training curve."""

    step: int
    loss: float
    last_step: int

    @property
    def complete(self) -> bool:
        """Whether the curve's last step has a value."""
        return self.step == self.last_step


class Data:
    """Lookups over one archive."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self._made: dict[Hashable, Any] = {}

    def once(self, key: Hashable, make: Callable[[], Kept]) -> Kept:
        """What `make` returned at the first call with that key: for what no limit of a criterion changes."""
        if key not in self._made:
            self._made[key] = make()
        kept: Kept = self._made[key]
        return kept

    @cached_property
    def experiments(self) -> list[Experiment]:
        return list(self.archive.experiments.values())

    @cached_property
    def gallery(self) -> list[Experiment]:
        return self.archive.gallery

    @cached_property
    def programs(self) -> dict[int, Program]:
        return {program.index: program for program in self.archive.programs()}

    @cached_property
    def static_facts(self) -> dict[int, StaticFacts | None]:
        """What each program's syntax tree says; None where it does not parse."""
        return {index: _facts(program.source) for index, program in self.programs.items()}

    @cached_property
    def curves(self) -> dict[int, list[tuple[int, float | None]]]:
        """(step, loss) pairs by index, in step order; None where the release has NaN."""
        curves: dict[int, list[tuple[int, float | None]]] = {}
        for row in self.archive.table("curves").to_pylist():
            curves.setdefault(row["index"], []).append((row["step"], row["loss"]))
        return {index: sorted(curve, key=lambda point: point[0]) for index, curve in curves.items()}

    @cached_property
    def final_losses(self) -> dict[int, FinalLoss]:
        """The last finite loss by index; no entry where the curve has none."""
        found = {}
        for index, curve in self.curves.items():
            finite = [(step, loss) for step, loss in curve if loss is not None and math.isfinite(loss)]
            if finite:
                found[index] = FinalLoss(*finite[-1], last_step=curve[-1][0])
        return found

    @cached_property
    def benchmarks(self) -> dict[int, dict[str, float | None]]:
        """Value by index and source column."""
        found: dict[int, dict[str, float | None]] = {}
        for row in self.archive.table("benchmarks").to_pylist():
            found.setdefault(row["index"], {})[row["column"]] = row["value"]
        return found

    def mean_score(self, index: int, columns: list[str]) -> float | None:
        """The mean of those accuracies in points of 100; None where one is missing."""
        values = [self.benchmarks.get(index, {}).get(column) for column in columns]
        known = [value for value in values if value is not None]
        return 100 * math.fsum(known) / len(known) if known and len(known) == len(values) else None

    @cached_property
    def gallery_by_name(self) -> dict[str, list[Experiment]]:
        """Gallery experiments by `same_name` of their display name."""
        found: dict[str, list[Experiment]] = {}
        for experiment in self.gallery:
            found.setdefault(same_name(experiment.label), []).append(experiment)
        return found


@lru_cache(maxsize=512)
def _facts(source: str) -> StaticFacts | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the programs, such as invalid escapes: not ours to mend
            return static_facts(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@lru_cache(maxsize=512)
def syntax_digest(source: str) -> str:
    """A hash of the syntax tree, blind to comments and layout; of the text where it does not parse."""
    tree = parsed(source)
    text = source if tree is None else ast.dump(tree)
    return sha256_bytes(text.encode("utf-8", "surrogatepass"))


def same_name(name: str) -> str:
    """A form in which the paper's and the release's spelling of a name agree.

    Four names have a space in Table 2 where the release has an underscore.
    """
    return name.replace("_", " ").strip()
