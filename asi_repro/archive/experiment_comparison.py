"""Several experiments put side by side: facts, benchmarks, curves, and how they are related."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from asi_repro.archive.details import Details, collect_details
from asi_repro.archive.lineage import Lineage
from asi_repro.archive.node_model import AS_RECORDED
from asi_repro.archive.reader import Archive, Experiment
from asi_repro.errors import AsiReproError

MOST = 4
_LOWER_IS_BETTER = {"perplexity"}


@dataclass(frozen=True)
class Kinship:
    """How experiments are related.

    Attributes:
        ancestor: the last experiment that all descend from (or are); None where they share none.
        paths: for each, the indices from below the ancestor down to itself.
    """

    ancestor: int | None
    paths: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Row:
    """One benchmark over all of them.

    Attributes:
        values: one each; None where it is missing.
        best: places of the best values; empty where fewer than two are known.
    """

    column: str
    metric: str
    values: tuple[float | None, ...]
    best: tuple[int, ...]


@dataclass(frozen=True)
class SideBySide:
    """All of it, in the order asked for."""

    details: tuple[Details, ...]
    kinship: Kinship
    benchmarks: tuple[Row, ...]

    @property
    def experiments(self) -> list[Experiment]:
        return [one.experiment for one in self.details]


def side_by_side(archive: Archive, indices: Sequence[int]) -> SideBySide:
    """Put experiments together.

    Raises:
        AsiReproError: for more than `MOST`.
        NotFound: where one is not there.
    """
    if len(indices) > MOST:
        raise AsiReproError(f"{len(indices)} are too many to compare", hint=f"choose up to {MOST}")
    details = tuple(collect_details(archive, archive.get(index)) for index in indices)
    return SideBySide(details, kinship(archive.lineage, indices), tuple(_benchmarks(details)))


def kinship(lineage: Lineage, indices: Sequence[int]) -> Kinship:
    """The last common ancestor and the ways down from it."""
    paths = [[*reversed(lineage.ancestors(index)), index] for index in indices]
    shared = 0
    for generation in zip(*paths, strict=False):
        if len(set(generation)) > 1:
            break
        shared += 1
    ancestor = paths[0][shared - 1] if paths and shared else None
    return Kinship(ancestor, tuple(tuple(path[shared:]) for path in paths))


def best_places(values: Sequence[float | None], *, lower: bool = False) -> tuple[int, ...]:
    """Places of the best values; none where fewer than two are known or all are equal."""
    known = [value for value in values if value is not None]
    if len(known) < 2 or len(set(known)) == 1:
        return ()
    best = min(known) if lower else max(known)
    return tuple(place for place, value in enumerate(values) if value == best)


def _benchmarks(details: Sequence[Details]) -> Iterable[Row]:
    tables: list[dict[str, dict[str, Any]]] = [
        {row["column"]: row for row in one.benchmarks} for one in details
    ]
    for column in dict.fromkeys(column for table in tables for column in table):
        metric = next(table[column]["metric"] for table in tables if column in table)
        values = tuple(table[column]["value"] if column in table else None for table in tables)
        known = metric != AS_RECORDED  # of a metric of another system nothing says which way is better
        best = best_places(values, lower=metric in _LOWER_IS_BETTER) if known else ()
        yield Row(column, metric, values, best)
