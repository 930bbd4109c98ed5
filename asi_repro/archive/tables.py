"""A run in memory, and writing and reading an archive's Parquet tables."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from asi_repro.archive.lineage import Lineage
from asi_repro.archive.schema import SCHEMA_VERSION, TABLES, VERSION_KEY
from asi_repro.errors import DataError, MissingInput
from asi_repro.store.files import atomic_dir
from asi_repro.store.json_text import JsonDict

# Rows of a row group, of tables that may be large and of which a person looks at single rows.
_GROUPS = {"programs": 500, "records": 500}


@dataclass
class Run:
    """A run on its way into the tables; each row has the columns of its table in `schema`.

    `experiments` rows carry no depth and no children: the tables work those out from the parents.
    """

    experiments: list[JsonDict] = field(default_factory=list)
    programs: list[JsonDict] = field(default_factory=list)
    curves: list[JsonDict] = field(default_factory=list)
    benchmarks: list[JsonDict] = field(default_factory=list)
    cognition: list[JsonDict] = field(default_factory=list)
    sources: list[JsonDict] = field(default_factory=list)


def write_archive(run: Run, folder: Path, *, more: Mapping[str, pa.Table] | None = None) -> dict[str, int]:
    """Write every table of `run` below `folder`, all or none; the same run gives the same bytes.

    Args:
        more: further tables by name, of what only some runs have.

    Returns:
        Rows by table.

    Raises:
        DataError: where a row does not fit its schema.
        AsiReproError: where the folder cannot be written.
    """
    rows = {
        "experiments": _with_lineage(run.experiments),
        "programs": _by_index(run.programs),
        "curves": _by_index(run.curves),
        "benchmarks": _by_index(run.benchmarks),
        "cognition": run.cognition,
        "sources": run.sources,
    }
    tables = {name: build_table(name, rows[name]) for name in TABLES} | dict(more or {})
    with atomic_dir(folder) as temporary:
        for name, table in tables.items():
            write_parquet(table, temporary / f"{name}.parquet", _GROUPS.get(name))
    return {name: table.num_rows for name, table in tables.items()}


def write_parquet(table: pa.Table, path: Path, group: int | None = None) -> None:
    """Write a table with a checksum a page: without them one flipped bit in five gives another value.

    Args:
        group: rows of a row group, where single rows will be read.
    """
    pq.write_table(
        table, path, compression="zstd", version="2.6", write_page_checksum=True, row_group_size=group
    )


def read_parquet(
    path: Path, columns: list[str] | None = None, *, only: tuple[str, Collection[Any]] | None = None
) -> pa.Table:
    """A table as it stands, its checksums verified.

    Args:
        path: of the file.
        columns: the columns to read; all where None.
        only: a column, and the values of the rows to read; row groups without one are not read.

    Raises:
        MissingInput: where the file is not there.
        DataError: where it is damaged.
    """
    try:
        # Neither pq.read_table nor a filter, whose Python values import pandas where it is installed.
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            found = file.read(columns) if only is None else _matching(file, columns, *only)
            found.validate(full=True)  # Arrow reads text that is not UTF-8, and fails where it is used
            return found
    except FileNotFoundError:
        raise MissingInput("the table is missing", where=str(path)) from None
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"the Parquet file is damaged: {str(error).splitlines()[0]}", where=str(path)
        ) from error


def _matching(
    file: pq.ParquetFile, columns: list[str] | None, name: str, values: Collection[Any]
) -> pa.Table:
    rows = [file.read_row_groups([], columns, use_threads=False)]
    for group in range(file.num_row_groups):
        key = file.read_row_group(group, [name], use_threads=False)[name].to_pylist()
        if places := [place for place, value in enumerate(key) if value in values]:
            table = file.read_row_group(group, columns)
            rows += [table.slice(place, 1) for place in places]
    return pa.concat_tables(rows)


def _with_lineage(experiments: list[JsonDict]) -> list[JsonDict]:
    lineage = Lineage({row["index"]: row["parent"] for row in experiments})
    return [
        {
            **row,
            "depth": lineage.depth(row["index"]),
            "children": len(lineage.children(row["index"])),
        }
        for row in _by_index(experiments)
    ]


def _by_index(rows: list[JsonDict]) -> list[JsonDict]:
    # Stable: the rows of one experiment stay in the order they came in.
    return sorted(rows, key=lambda row: int(row["index"]))


def build_table(name: str, rows: list[JsonDict]) -> pa.Table:
    """Rows as a table of the schema called `name`.

    Raises:
        DataError: naming the table and what does not fit.
    """
    schema = TABLES[name]
    try:
        # Columns one by one: from_pylist would take a missing key for a null.
        columns = [
            pa.array([row[field.name] for row in rows], type=field.type, from_pandas=False)
            for field in schema
        ]
        table = pa.Table.from_arrays(columns, schema=schema)
        table.validate(full=True)
    except KeyError as error:
        raise DataError(f"a row has no {error}", where=f"table {name}") from error
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        raise DataError(f"a value does not fit its column: {error}", where=f"table {name}") from error
    _refuse_nulls(table, name)
    return table


def _refuse_nulls(table: pa.Table, name: str) -> None:
    for column in table.schema:
        if not column.nullable and table[column.name].null_count:
            raise DataError(
                "a value is null in a column that does not allow nulls",
                where=f"table {name}, column {column.name}",
            )


def read_table(
    path: Path, name: str, columns: list[str] | None = None, *, group: int | None = None
) -> pa.Table:
    """A table, checked against its schema.

    Args:
        columns: the columns to read; all where None.
        group: of the row group to read; all where None.

    Raises:
        MissingInput: where the file is not there.
        DataError: where it is damaged, or of another schema.
    """
    with _opened(path, name) as file:
        found = file.read(columns) if group is None else file.read_row_group(group, columns)
        found.validate(full=True)
        return found


def read_groups(path: Path, name: str, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """A table as `read_table` has it, one row group after another, so that one is in memory at a time."""
    with _opened(path, name) as file:
        for group in range(file.num_row_groups):
            found = file.read_row_group(group, columns)
            found.validate(full=True)
            yield found


@contextmanager
def _opened(path: Path, name: str) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            _check_schema(file.schema_arrow, TABLES[name], path)
            yield file
    except FileNotFoundError:
        raise MissingInput(
            f"the table {name} is missing", where=str(path), hint="run `dvc repro archive`"
        ) from None
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        first_line = str(error).splitlines()[0]
        raise DataError(
            f"the Parquet file is damaged: {first_line}",
            where=str(path),
            hint="run `dvc repro --force archive`",
        ) from error


def _check_schema(found: pa.Schema, expected: pa.Schema, path: Path) -> None:
    version = (found.metadata or {}).get(VERSION_KEY, b"none").decode("utf-8", "replace")
    if version != SCHEMA_VERSION:
        raise DataError(
            f"the archive has schema version {version}, but this version of asi-repro reads version "
            f"{SCHEMA_VERSION}",
            where=str(path),
            hint="rebuild the archive with `dvc repro --force archive`, or update asi-repro",
        )
    if not found.equals(expected):
        raise DataError(
            "the columns do not match this schema version",
            where=str(path),
            hint="rebuild the archive with `dvc repro --force archive`",
        )
