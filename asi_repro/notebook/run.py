"""One run, opened to be looked at: its tables as Arrow, its claims and certificates as objects."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from asi_repro.archive.node_model import Objective
from asi_repro.archive.node_tables import NODES
from asi_repro.archive.nodes import read_nodes, read_parents
from asi_repro.archive.reader import Archive, Program
from asi_repro.archive.tables import read_parquet
from asi_repro.claims.ledger import Entry, read_ledger
from asi_repro.errors import MissingInput
from asi_repro.imports.layout import is_import
from asi_repro.imports.spans import imported_spans
from asi_repro.notebook.listing import Listing
from asi_repro.project import RELEASE, Project, archive_of, find_project
from asi_repro.text import counted, short_value
from asi_repro.traces.parquet import traces_table
from asi_repro.verify.certificate import Certificate, read_certificates

if TYPE_CHECKING:
    import pandas

TABLES = ("experiments", "programs", "curves", "benchmarks", "lineage", "traces")


def open_run(run: str | Path = RELEASE) -> OpenRun:
    """Open a run to read it.

    Args:
        run: "release", the name of a run (`asi-repro runs` lists them), or a folder of Parquet tables.

    Raises:
        NotFound: where there is no run of that name.
        MissingInput: where it has no tables, or a name is given outside a project.
    """
    place = Path(run)
    if isinstance(run, Path) or len(place.parts) > 1 or place.is_dir():
        folder = place / "archive" if (place / "archive").is_dir() else place
        return OpenRun(folder.resolve().parent.name if folder.name == "archive" else folder.name, folder)
    project = find_project()
    return OpenRun(run, archive_of(project, run), project)


class OpenRun:
    """A run. Nothing is read before it is asked for, and nothing is ever executed.

    The tables are Arrow tables: `run.experiments.to_pandas()`, or `run.frame("experiments")`.

    Attributes:
        name: of the run.
        folder: of its Parquet tables.
    """

    def __init__(self, name: str, folder: Path, project: Project | None = None) -> None:
        self.name = name
        self.folder = folder
        self._project = project
        self._archive = Archive(folder)

    def __repr__(self) -> str:
        experiments = counted(len(self._archive.experiments), "experiment")
        programs = counted(self.programs.num_rows, "program")
        measured = f"{self.objective.score}, {self.objective.direction}"
        return f"<run {self.name}: {experiments}, {programs}; {measured}>"

    @cached_property
    def objective(self) -> Objective:
        """What the scores are called, and which direction is better."""
        return self._archive.objective

    @cached_property
    def experiments(self) -> pa.Table:
        """One row an experiment, with what the system of an imported run says of it."""
        table = self._archive.table("experiments")
        nodes = read_nodes(self._archive)
        indices = table["index"].to_pylist()
        for field in list(NODES)[1:]:  # without the index
            values = [getattr(nodes[index], field.name) for index in indices]
            table = table.append_column(field.name, pa.array(values, type=field.type))
        return table

    @property
    def programs(self) -> pa.Table:
        """One row a program, with its source; untrusted text."""
        return self._archive.table("programs")

    @property
    def curves(self) -> pa.Table:
        """One row a logged step of training."""
        return self._archive.table("curves")

    @property
    def benchmarks(self) -> pa.Table:
        """One row a benchmark or metric of an experiment."""
        return self._archive.table("benchmarks")

    @cached_property
    def lineage(self) -> pa.Table:
        """One row an edge: index, parent, role."""
        schema = pa.schema([("index", pa.int32()), ("parent", pa.int32()), ("role", pa.string())])
        return pa.Table.from_pylist(read_parents(self._archive), schema=schema)

    @cached_property
    def traces(self) -> pa.Table:
        """One row a span of what the agents did; of an imported run, what its system recorded of that.

        Raises:
            MissingInput: where the run has no traces.
        """
        if is_import(self.folder.parent):
            return traces_table(imported_spans(self._archive), str(self.folder))
        project = self._project
        path = None if project is None else project.root / "traces" / f"{self.name}.parquet"
        if path is None or not path.is_file():
            raise MissingInput(f"the run {self.name} has no traces", where=str(path or self.folder))
        return read_parquet(path)

    def frame(self, name: str) -> pandas.DataFrame:
        """A table as a pandas DataFrame.

        Args:
            name: experiments, programs, curves, benchmarks, lineage or traces.
        """
        if name not in TABLES:
            raise KeyError(f"{name!r} is none of {', '.join(TABLES)}")
        found: pandas.DataFrame = getattr(self, name).to_pandas()
        return found

    def program(self, index: int) -> Program:
        """The program of an experiment, with what was said about it.

        Raises:
            NotFound: where there is none.
        """
        return self._archive.program(index)

    @cached_property
    def claims(self) -> Listing[Entry]:
        """The paper's claims with their verdicts, for the release.

        Raises:
            MissingInput: where there is no ledger.
        """
        path = self.folder.parent / "claims.json"
        return Listing(
            read_ledger(path).claims,
            ("claim", "verdict", "claimed", "found"),
            lambda claim: (claim.id, claim.verdict, claim.claimed, claim.found),
        )

    @cached_property
    def certificates(self) -> Listing[Certificate]:
        """What the checks found about each program.

        Raises:
            MissingInput: where no program was checked.
        """
        return Listing(
            read_certificates(self.folder.parent / "certificates"),
            ("index", "name", "fails", "passes", "not run"),
            lambda one: (short_value(one.index), one.display_name or one.name, *_verdicts(one)),
        )


def _verdicts(certificate: Certificate) -> tuple[str, str, str]:
    failing = [row.check for row in certificate.checks if row.verdict == "fail"]
    passing = sum(row.verdict == "pass" for row in certificate.checks)
    return ", ".join(failing) or "-", str(passing), str(len(certificate.checks) - passing - len(failing))
