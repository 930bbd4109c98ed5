"""Traces of a run as one Parquet file, one row a span."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from asi_repro.archive.tables import read_parquet, write_parquet
from asi_repro.errors import DataError, MissingInput
from asi_repro.store.files import atomic_file
from asi_repro.store.json_text import JsonDict
from asi_repro.traces.columns import COLUMNS
from asi_repro.traces.openinference import flatten

SCHEMA_VERSION = "1"
VERSION_KEY = b"asi_repro.traces_version"

_TYPES = {"text": pa.string(), "int": pa.int64(), "float": pa.float64()}

SCHEMA = pa.schema(
    [
        pa.field(name, _TYPES[kind], nullable, metadata={b"description": said.encode()})
        for name, kind, nullable, said in COLUMNS
    ],
    metadata={VERSION_KEY: SCHEMA_VERSION.encode()},
)


def write_traces(rows: Iterable[JsonDict], path: Path, timings: Iterable[Mapping[str, Any]] = ()) -> int:
    """Write the spans of a run, whole or not at all; the same input gives the same bytes.

    Args:
        rows: `Trace.to_rows` of its experiments, in any order.
        path: of the Parquet file.
        timings: `Trace.timings` rows, for the times.

    Returns:
        The number of rows.

    Raises:
        DataError: where an attribute does not fit its column.
        AsiReproError: where the file cannot be written.
    """
    table = traces_table(flatten(rows, timings), str(path))
    with atomic_file(path) as temporary:
        write_parquet(table, temporary)
    return int(table.num_rows)


def traces_table(records: Sequence[JsonDict], where: str) -> pa.Table:
    """Records of spans as an Arrow table.

    Raises:
        DataError: where an attribute does not fit its column.
    """
    try:
        columns = [pa.array([r[f.name] for r in records], type=f.type, from_pandas=False) for f in SCHEMA]
        return pa.Table.from_arrays(columns, schema=SCHEMA)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError) as error:
        raise DataError(f"an attribute of a span does not fit its column: {error}", where=where) from error


def read_traces(path: Path, session: str | None = None) -> list[JsonDict]:
    """The records in a file of traces, by experiment and sequence.

    Args:
        path: of the Parquet file.
        session: index of one experiment; all where None.

    Raises:
        MissingInput: where the file is not there.
        DataError: where it is damaged or of another schema.
    """
    mine = None if session is None else ("session.id", {session})
    try:
        found = pq.read_schema(path)
        version = (found.metadata or {}).get(VERSION_KEY, b"none").decode("utf-8", "replace")
        if version != SCHEMA_VERSION or not found.equals(SCHEMA):
            raise DataError(
                f"the file contains traces of version {version}, but this version of asi-repro reads "
                f"{SCHEMA_VERSION}",
                where=str(path),
                hint="write the run's traces again",
            )
        rows: list[JsonDict] = read_parquet(path, only=mine).to_pylist()
        return rows
    except FileNotFoundError:
        raise MissingInput(
            "there are no traces", where=str(path), hint="create the run or import it first"
        ) from None
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"the Parquet file is damaged: {str(error).splitlines()[0]}", where=str(path)
        ) from error


def read_sessions(path: Path) -> list[str]:
    """The experiments in a file of traces that `read_traces` reads, in order."""
    column = read_parquet(path, ["session.id"])["session.id"]
    return list(dict.fromkeys(column.to_pylist()))
