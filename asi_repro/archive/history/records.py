"""A run as a sequence of experiments, each with all that the archive holds on it, read table by table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

from asi_repro.archive.node_model import Node
from asi_repro.archive.nodes import is_imported, other_parents, read_nodes
from asi_repro.archive.reader import Archive, Experiment, Program
from asi_repro.errors import DataError
from asi_repro.store.files import sha256_bytes
from asi_repro.store.json_text import JsonDict

# Rows read at a time. Programs are some 20 kB each, rows of the other tables some 50 bytes.
_BATCH_ROWS = {"programs": 128, "benchmarks": 8192, "curves": 8192}


@dataclass(frozen=True, slots=True)
class ExperimentRecord:
    """One finished experiment as the history stores it.

    Attributes:
        experiment: its row; `children` is not stored, for it changes while a run grows.
        program: its program with motivation and summary, or None where it was not released.
        benchmarks: its rows of `schema.BENCHMARKS`.
        curve: its rows of `schema.CURVES`.
        others: further parents of an experiment that combines several.
        node: what the system said of it, for an imported run.
        withheld: what a program that is not there was not (`Archive.withheld`).
    """

    experiment: Experiment
    program: Program | None = None
    benchmarks: list[JsonDict] = field(default_factory=list)
    curve: list[JsonDict] = field(default_factory=list)
    others: tuple[int, ...] = ()
    node: Node | None = None
    withheld: str = "released"

    @property
    def index(self) -> int:
        return self.experiment.index

    @property
    def parent(self) -> int | None:
        return self.experiment.parent


def read_records(archive: Archive) -> Iterator[ExperimentRecord]:
    """Every experiment in index order, save that one whose parent has a higher index follows its parent.

    Programs, curves and benchmarks are read in batches, never as a whole.

    Raises:
        DataError: where a table's rows are not in index order, belong to no experiment, or do not
            agree with `experiments` or with their own SHA-256; and where a parent is missing.
    """
    archive.lineage  # noqa: B018  (refuses cycles and missing parents before anything is written)
    written: set[int | None] = {None}
    waiting: dict[int, list[ExperimentRecord]] = {}
    for record in _in_index_order(archive):
        ready = [record]
        while ready:
            current = ready.pop()
            absent = next((i for i in (current.parent, *current.others) if i not in written), None)
            if absent is not None:
                waiting.setdefault(absent, []).append(current)
                continue
            written.add(current.index)
            yield current
            ready.extend(reversed(waiting.pop(current.index, [])))
    if waiting:
        absent = min(waiting)
        what = f"experiment {absent} is a parent that is not in the run, or descends from its own child"
        raise DataError(what, where="table parents", hint="import the run again")


def _in_index_order(archive: Archive) -> Iterator[ExperimentRecord]:
    programs, benchmarks, curves = (_Cursor(archive, name) for name in _BATCH_ROWS)
    nodes = read_nodes(archive) if is_imported(archive) else {}
    others = other_parents(archive)
    for index, experiment in sorted(archive.experiments.items()):
        rows = programs.take(index)
        yield ExperimentRecord(
            experiment,
            _program(experiment, rows),
            benchmarks.take(index),
            curves.take(index),
            others.get(index, ()),
            nodes.get(index),
            archive.withheld,
        )
    for cursor in (programs, benchmarks, curves):
        cursor.refuse_rest()


def _program(experiment: Experiment, rows: list[JsonDict]) -> Program | None:
    where = f"table programs, index {experiment.index}"
    if len(rows) != int(experiment.has_program):
        raise DataError(
            f"{len(rows)} programs, but the experiment has has_program = {experiment.has_program}",
            where=where,
            hint="run `dvc repro --force archive`",
        )
    if not rows:
        return None
    program = Program(**rows[0])
    if sha256_bytes(program.source.encode()) != program.sha256:
        raise DataError(
            "the SHA-256 of the source is not the one recorded beside it",
            where=f"{where}, field sha256",
            hint="run `dvc repro --force archive`",
        )
    return program


class _Cursor:
    """The rows of one table, handed out by ascending index."""

    def __init__(self, archive: Archive, name: str) -> None:
        self._name = name
        archive.table(name, ["index"])  # checks presence and schema
        self._groups = groupby(_stream(archive, name), key=itemgetter("index"))
        self._index: int | None = None
        self._rows: list[JsonDict] = []
        self._advance()

    def take(self, index: int) -> list[JsonDict]:
        """The rows of that experiment; indices asked for must ascend."""
        if self._index is not None and self._index < index:
            self.refuse_rest()
        if self._index != index:
            return []
        rows = self._rows
        self._advance()
        return rows

    def refuse_rest(self) -> None:
        if self._index is not None:
            raise DataError(
                f"index {self._index} is not an experiment, or its rows are not in index order",
                where=f"table {self._name}, index {self._index}",
                hint="run `dvc repro --force archive`",
            )

    def _advance(self) -> None:
        group = next(self._groups, None)
        self._index, self._rows = (None, []) if group is None else (group[0], list(group[1]))


def _stream(archive: Archive, name: str) -> Iterator[JsonDict]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = archive.folder / f"{name}.parquet"
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            to_rows: Callable[[Any], list[JsonDict]] = pa.RecordBatch.to_pylist
            for batch in file.iter_batches(batch_size=_BATCH_ROWS[name]):
                yield from to_rows(batch)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"the Parquet file is damaged: {str(error).splitlines()[0]}",
            where=str(path),
            hint="run `dvc repro --force archive`",
        ) from error
