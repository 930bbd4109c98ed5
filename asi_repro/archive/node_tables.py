"""The tables of the archive's version 2, column by column; `nodes` says what they are for."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from asi_repro.archive.node_model import DIRECTIONS, STATUSES, Objective
from asi_repro.archive.schema import VERSION_KEY, column, table
from asi_repro.archive.tables import read_parquet
from asi_repro.errors import DataError
from asi_repro.store.json_text import JsonDict

VERSION = "2"
_SCORE, _DIRECTION = b"asi_repro.score", b"asi_repro.direction"


NODES = table(
    "One row an experiment of an imported run, in index order.",
    column("index", pa.int32(), "Experiment index."),
    column("native_id", pa.string(), "Its id in the system that made it, verbatim."),
    column("status", pa.string(), f"One of {', '.join(STATUSES)}."),
    column("generation", pa.int32(), "Generation, as the system counts.", null=True),
    column("iteration", pa.int32(), "Iteration or step of the loop.", null=True),
    column("island", pa.string(), "Island or branch of the population.", null=True),
    column("language", pa.string(), "Language of the program.", null=True),
    column("time", pa.float64(), "When it was recorded, seconds since 1970 UTC.", null=True),
    column("seconds", pa.float64(), "How long its evaluation or iteration took.", null=True),
    column("cost", pa.float64(), "What the language model cost, US dollars.", null=True),
    column("tokens", pa.int64(), "Tokens of the language model, prompt and answer.", null=True),
    version=VERSION,
)
PARENTS = table(
    "One row a parent of an experiment, in index order and then as listed.",
    column("index", pa.int32(), "Experiment index."),
    column("parent", pa.int32(), "Index of the parent."),
    column(
        "role", pa.string(), "parent for a program that was changed or combined; else as the system says."
    ),
    version=VERSION,
)
RECORDS = table(
    "What the system wrote. The contents of one file, in order of place, are the file.",
    column("file", pa.string(), "Path below the imported folder."),
    column("place", pa.int32(), "Position in the file, from 0."),
    column("index", pa.int32(), "Experiment that it describes; null for what stands between.", null=True),
    column("sha256", pa.string(), "SHA-256 of the content."),
    column("content", pa.binary(), "The bytes; null where an earlier row has the same ones.", null=True),
    version=VERSION,
)
TABLES: dict[str, pa.Schema] = {"nodes": NODES, "parents": PARENTS, "records": RECORDS}


def extra_tables(
    nodes: Iterable[JsonDict], parents: Iterable[JsonDict], records: Iterable[JsonDict], objective: Objective
) -> dict[str, pa.Table]:
    """Rows as the tables of version 2; the objective stands in the metadata of `nodes`.

    Raises:
        DataError: where a row does not fit.
    """
    stated = {_SCORE: objective.score.encode(), _DIRECTION: objective.direction.encode()}
    schemas = TABLES | {"nodes": NODES.with_metadata(NODES.metadata | stated)}
    rows = {"nodes": list(nodes), "parents": list(parents), "records": list(records)}
    try:
        return {name: _made(rows[name], schema) for name, schema in schemas.items()}
    except (pa.ArrowException, OverflowError, KeyError) as error:
        raise DataError(
            f"a value does not fit its column: {error}", where="the tables of version 2"
        ) from error


def _made(rows: list[JsonDict], schema: pa.Schema) -> pa.Table:
    columns = [pa.array([row[field.name] for row in rows], type=field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def read_extra(
    folder: Path,
    name: str,
    columns: list[str] | None = None,
    *,
    only: tuple[str, Collection[Any]] | None = None,
) -> pa.Table:
    """A table of version 2, checked against its schema; `only` as `read_parquet` has it.

    Raises:
        MissingInput: where it is not there.
        DataError: where it is damaged, or of another version.
    """
    path = folder / f"{name}.parquet"
    found = read_parquet(path, columns, only=only)
    wanted = TABLES[name] if columns is None else pa.schema([TABLES[name].field(c) for c in columns])
    version = (found.schema.metadata or {}).get(VERSION_KEY, b"none").decode("utf-8", "replace")
    if version != VERSION or not found.schema.equals(wanted):
        raise DataError(
            f"the table has schema version {version}, or other columns; this asi-repro reads {VERSION}",
            where=str(path),
            hint="import the run again, or update asi-repro",
        )
    return found


def stated_objective(folder: Path) -> Objective:
    """The objective in the metadata of `nodes`.

    Raises:
        DataError: where there is none, or the direction is none that there is.
    """
    path = folder / "nodes.parquet"
    try:
        stated = pq.read_schema(path).metadata or {}
        found = Objective(stated[_SCORE].decode(), stated[_DIRECTION].decode())
    except (pa.ArrowException, OSError, KeyError, UnicodeDecodeError) as error:
        raise DataError("the table of nodes does not say what the scores are", where=str(path)) from error
    if found.direction not in DIRECTIONS:
        raise DataError(f"{found.direction[:40]!r} is not a direction of scores", where=str(path))
    return found
