"""Reading an archive: the one way in to a run's tables, for the release and for our own runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asi_repro.archive.lineage import Lineage
from asi_repro.archive.node_model import Objective
from asi_repro.errors import DataError, MissingInput, NotFound

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Experiment:
    """One node of a run; see `schema.EXPERIMENTS` for what each field means."""

    index: int
    name: str
    display_name: str | None
    parent: int | None
    depth: int
    children: int
    score: float | None
    in_gallery: bool
    has_program: bool

    @property
    def label(self) -> str:
        """The display name where there is one, else the name."""
        return self.display_name or self.name

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Program:
    """A released program with what was said about it; see `schema.PROGRAMS`."""

    index: int
    name: str
    display_name: str | None
    parent: int | None
    score: float | None
    source: str
    sha256: str
    lines: int
    motivation: str | None
    summary: str | None
    diagram: str | None
    parameters_stated: str | None
    parameters: int | None


class Archive:
    """A folder of Parquet tables, opened lazily and checked against the schemas.

    Raises:
        MissingInput: where the folder or a table is not there.
        DataError: where a table is damaged or of another schema version.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._tables: dict[str, pa.Table] = {}
        self._places: dict[str, dict[int, tuple[int, int]]] = {}
        self._near: tuple[int, Any] = (-1, None)  # a row group of programs, and its rows
        try:
            there = (folder / "experiments.parquet").is_file()
        except OSError as error:
            raise DataError(f"cannot read the archive: {error}", where=str(folder)) from error
        if not there:
            raise MissingInput(
                f"there is no archive at {folder}",
                hint="run `asi-repro pull` and then `dvc repro archive`",
            )

    def table(self, name: str, columns: list[str] | None = None) -> pa.Table:
        """A table of `schema.TABLES`, or some of its columns."""
        from asi_repro.archive.tables import read_table

        key = name if columns is None else f"{name}:{','.join(columns)}"
        if key not in self._tables:
            self._tables[key] = read_table(self.folder / f"{name}.parquet", name, columns)
        return self._tables[key]

    @cached_property
    def experiments(self) -> dict[int, Experiment]:
        """Every experiment by index, in index order."""
        columns = self.table("experiments").to_pydict()
        fields = list(Experiment.__dataclass_fields__)
        rows = zip(*(columns[field] for field in fields), strict=True)
        return {row[0]: Experiment(*row) for row in rows}

    @cached_property
    def lineage(self) -> Lineage:
        table = self.table("experiments", ["index", "parent"])
        pairs = zip(table["index"].to_pylist(), table["parent"].to_pylist(), strict=True)
        return Lineage(dict(pairs))

    @property
    def imported(self) -> bool:
        """Whether it has the tables of version 2; see `nodes`."""
        return (self.folder / "nodes.parquet").is_file()

    @property
    def withheld(self) -> str:
        """What a program that is not there was not."""
        return "recorded" if self.imported else "released"

    @cached_property
    def objective(self) -> Objective:
        """What the scores are; as the paper has it where the run is not an imported one.

        Raises:
            DataError: where the direction is none that there is.
        """
        if not self.imported:
            return Objective()
        from asi_repro.archive.node_tables import stated_objective

        return stated_objective(self.folder)

    @property
    def gallery(self) -> list[Experiment]:
        """The architectures that passed verification, in index order."""
        return [e for e in self.experiments.values() if e.in_gallery]

    def get(self, index: int) -> Experiment:
        """The experiment of that index.

        Raises:
            NotFound: where there is none; the nearest indices are named.
        """
        if index in self.experiments:
            return self.experiments[index]
        near = sorted(self.experiments, key=lambda i: abs(i - index))[:2]
        raise NotFound(
            f"no experiment has index {index}",
            hint=f"indices run from {min(self.experiments)} to {max(self.experiments)} with gaps; "
            f"nearest: {', '.join(map(str, sorted(near)))}",
        )

    def find(self, key: str) -> Experiment:
        """The experiment with that index, name or display name.

        Raises:
            NotFound: where none has it, or several do (their indices are named).
        """
        if key.isascii() and key.isdigit():
            return self.get(int(key))
        found = self.named(key)
        if len(found) == 1:
            return found[0]
        if found:
            rows = "; ".join(
                f"{e.index} ({e.name}, {e.label}{', gallery' if e.in_gallery else ''})" for e in found[:12]
            )
            more = f"; and {len(found) - 12} more" if len(found) > 12 else ""
            raise NotFound(
                f"{len(found)} experiments are called {key!r}",
                hint=f"give the index of one of them: {rows}{more}",
            )
        raise NotFound(f"no experiment is called {key!r}", hint=self._suggest(key))

    def named(self, key: str) -> list[Experiment]:
        """All with that name or display name (case matters only if that decides)."""
        exact = [e for e in self.experiments.values() if key in (e.name, e.display_name)]
        folded = key.casefold()
        return exact or [
            e
            for e in self.experiments.values()
            if folded in (e.name.casefold(), (e.display_name or "").casefold())
        ]

    def _suggest(self, key: str) -> str:
        names = {n for e in self.experiments.values() for n in (e.name, e.display_name) if n}
        near = get_close_matches(key, sorted(names), n=3, cutoff=0.5)
        similar = f"similar: {', '.join(near)}; " if near else ""
        return f"{similar}`asi-repro search TEXT` looks through names and motivations"

    @cached_property
    def _program_places(self) -> dict[int, tuple[int, int]]:
        """Row group of each program, and row in it."""
        groups = enumerate(self.groups("programs", ["index"]))
        return {
            index: (group, row)
            for group, table in groups
            for row, index in enumerate(table["index"].to_pylist())
        }

    def groups(self, name: str, columns: list[str] | None = None) -> Iterator[pa.Table]:
        """A table of `schema.TABLES` piece by piece; none is kept."""
        from asi_repro.archive.tables import read_groups

        return read_groups(self.folder / f"{name}.parquet", name, columns)

    def program(self, index: int) -> Program:
        """The program of an experiment.

        Raises:
            NotFound: where its program is not there.
        """
        experiment = self.get(index)
        if index not in self._program_places:
            raise NotFound(
                f"the program of experiment {index} ({experiment.label}) was not {self.withheld}",
                hint="`asi-repro list --has-program` lists the experiments whose program was",
            )
        group, row = self._program_places[index]
        last, table = self._near
        if last != group:
            from asi_repro.archive.tables import read_table

            table = read_table(self.folder / "programs.parquet", "programs", group=group)
            self._near = (group, table)
        return Program(**table.slice(row, 1).to_pylist()[0])

    def programs(self) -> Iterator[Program]:
        """Every program, in index order."""
        return (Program(**row) for table in self.groups("programs") for row in table.to_pylist())

    def nearest_program_ancestor(self, index: int) -> int | None:
        """The closest ancestor whose program was released, or None."""
        return next((i for i in self.lineage.ancestors(index) if i in self._program_places), None)

    def rows(self, name: str, index: int) -> list[dict[str, Any]]:
        """The rows of `curves` or `benchmarks` that belong to one experiment, without its index."""
        # A pyarrow filter on a Python number imports pandas where it is installed, which takes a second.
        first, last = self.places(name).get(index, (0, -1))
        near = self.table(name).slice(first, last - first + 1).to_pylist()
        return [row for row in near if row.pop("index") == index]

    def places(self, name: str) -> dict[int, tuple[int, int]]:
        """The first and the last row of each experiment in `curves` or `benchmarks`."""
        if name not in self._places:
            found: dict[int, tuple[int, int]] = {}
            for place, index in enumerate(self.table(name)["index"].to_pylist()):
                found[index] = (found[index][0] if index in found else place, place)
            self._places[name] = found
        return self._places[name]
