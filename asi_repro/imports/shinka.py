"""ShinkaEvolve: `programs.sqlite`, tables `programs` and `attempt_log`.

The database is copied, with its write-ahead log, and the copy is read: nothing is written beside a run that
may still be going. ShinkaEvolve maximizes `combined_score`; a program that is not `correct` has none. Columns
that other versions lack are taken as missing. The first program is scored once and copied to each island.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from asi_repro.archive.node_model import COPY, FAILED, FINISHED, MAXIMIZE, REJECTED
from asi_repro.errors import DataError
from asi_repro.imports.model import ImportedRun, NativeNode, NativeRecord, links, make_node
from asi_repro.imports.reading import Reader, inner_json
from asi_repro.imports.values import a_list, amount, an_object, finite, native_id, numbers, short, text, whole
from asi_repro.store.json_text import one_line

FORMAT = "shinka"
NAME = "programs.sqlite"
_WAL, _JOURNAL = f"{NAME}-wal", f"{NAME}-journal"
_QUERIES = {
    "programs": "SELECT * FROM programs ORDER BY rowid",
    "attempt_log": "SELECT * FROM attempt_log ORDER BY rowid",
    "generation_event_log": "SELECT * FROM generation_event_log ORDER BY rowid",
    "archive": "SELECT * FROM archive ORDER BY rowid",
    "metadata_store": "SELECT * FROM metadata_store ORDER BY rowid",
}


def recognise(reader: Reader) -> bool:
    """Whether the folder has ShinkaEvolve's database."""
    return reader.has(NAME)


def read(reader: Reader) -> ImportedRun:
    """The run in a folder's programs.sqlite.

    Raises:
        DataError: where it is no whole database, changes while it is copied, or has no programs.
    """
    run = ImportedRun("ShinkaEvolve", "combined_score", MAXIMIZE, "ShinkaEvolve maximizes combined_score")
    with tempfile.TemporaryDirectory(prefix="asi-repro-import-") as folder:
        copy = _copy(reader, Path(folder), run)
        try:
            with closing(sqlite3.connect(f"{copy.as_uri()}?mode=rw", uri=True)) as database:
                _read_tables(database, run)
        except (sqlite3.Error, OverflowError, UnicodeError) as error:
            raise DataError(
                f"the database cannot be read: {error}",
                where=NAME,
                hint="it may be cut off: copy it again when the run has stopped",
            ) from None
    return run


def _copy(reader: Reader, folder: Path, run: ImportedRun) -> Path:
    """Copy the database and its log, and look whether either changed meanwhile."""
    copy = folder / NAME
    names = [name for name in (NAME, _WAL, _JOURNAL) if reader.has(name)]
    before = [_stamp(reader.folder / name) for name in names]
    for name in names:
        (folder / name).write_bytes(reader.read(name))
    if [_stamp(reader.folder / name) for name in names] != before:
        raise DataError(
            "the database changed while it was copied: the run is going on",
            where=NAME,
            hint="wait until the run has stopped, or import a copy of its folder",
        )
    # With its journal beside it, SQLite takes back what a transaction had half written to the copy.
    for name, said in ((_WAL, "write-ahead log"), (_JOURNAL, "rollback journal")):
        if name in names and (folder / name).stat().st_size:
            run.note("count", f"the database was read with its {said}: the run may still be going on")
    return copy


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size


def _read_tables(database: sqlite3.Connection, run: ImportedRun) -> None:
    database.text_factory = lambda data: data.decode("utf-8", "replace")
    database.execute("PRAGMA trusted_schema = OFF")
    if (state := database.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        raise DataError(f"the database is damaged: {str(state)[:200]}", where=NAME)
    there = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "programs" not in there:
        raise DataError("the database has no table programs", where=NAME)
    for table, query in _QUERIES.items():
        if table in there:
            for place, row in enumerate(_rows(database, query)):
                node = _READ[table](row, run) if table in _READ else None
                if node is not None:
                    run.nodes.append(node)
                line = (one_line(row) + "\n").encode()
                run.records.append(NativeRecord(f"{table}.jsonl", place, line, node.id if node else None))
    run.nodes = _first_of_each(run.nodes, run)


def _rows(database: sqlite3.Connection, query: str) -> Iterator[dict[str, Any]]:
    cursor = database.execute(query)
    names = [column[0] for column in cursor.description]
    for row in cursor:
        yield dict(zip(names, map(_plain, row), strict=True))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    return str(value) if isinstance(value, float) and finite(value) is None else value


def _first_of_each(nodes: list[NativeNode], run: ImportedRun) -> list[NativeNode]:
    found: dict[str, NativeNode] = {}
    for node in nodes:
        if found.setdefault(node.id, node) is not node:
            run.note("duplicate", f"the id {node.id} is there twice; the first row counts")
    return list(found.values())


def _program(row: dict[str, Any], run: ImportedRun) -> NativeNode | None:
    key = native_id(row.get("id"))
    if key is None:
        run.note("damaged", "a row of programs has no id; it is kept in the records alone")
        return None
    metadata = an_object(inner_json(row.get("metadata")))
    score = finite(row.get("combined_score"))
    correct = row.get("correct") in (1, True) and score is not None
    return make_node(
        f"{NAME}, program {key}",
        run,
        id=key,
        status=FINISHED if correct else FAILED,
        parents=(*_copied(metadata), *_parents(row)),
        name=short(metadata.get("patch_name")),
        score=score if correct else None,
        metrics=numbers(
            {
                **an_object(inner_json(row.get("private_metrics"))),
                **an_object(inner_json(row.get("public_metrics"))),
            }
        ),
        program=row.get("code") if isinstance(row.get("code"), str) else None,
        language=short(row.get("language")),
        motivation=text(metadata.get("patch_description")),
        summary=text(row.get("text_feedback")),
        generation=whole(row.get("generation")),
        island=None if whole(row.get("island_idx")) is None else str(row["island_idx"]),
        time=finite(row.get("timestamp")),
        seconds=amount(metadata.get("evaluation_seconds")),
        cost=_sum(metadata, ("api_costs", "embed_cost", "novelty_cost")),
        tokens=_tokens(an_object(metadata.get("llm_result"))),
    )


def _parents(row: dict[str, Any]) -> tuple[Any, ...]:
    return (
        *links([row.get("parent_id")]),
        *links(a_list(inner_json(row.get("archive_inspiration_ids"))), "archive inspiration"),
        *links(a_list(inner_json(row.get("top_k_inspiration_ids"))), "top-k inspiration"),
    )


def _copied(metadata: dict[str, Any]) -> tuple[Any, ...]:
    if metadata.get("_is_island_copy") is not True:
        return ()
    return links([metadata.get("_original_program_id")], COPY)


def _attempt(row: dict[str, Any], run: ImportedRun) -> NativeNode | None:
    """A proposal that failed before it was evaluated; other rows of the log belong to programs."""
    details = an_object(inner_json(row.get("details")))
    if row.get("status") != "failed" or details.get("node_kind") != "failed_proposal":
        return None
    return make_node(
        f"{NAME}, attempt {row.get('id')}",
        run,
        id=f"attempt-{row.get('id')}",
        status=REJECTED,
        parents=_parents(details),
        name=short(details.get("failure_class")),
        language=short(details.get("language")),
        generation=whole(row.get("generation")),
        time=finite(row.get("created_at")),
        cost=_sum(details, ("api_costs", "embed_cost", "novelty_cost")),
    )


_READ = {"programs": _program, "attempt_log": _attempt}


def _sum(values: dict[str, Any], names: tuple[str, ...]) -> float | None:
    known = [found for name in names if (found := amount(values.get(name))) is not None]
    return sum(known) if known else None


def _tokens(usage: dict[str, Any]) -> int | None:
    known = [
        n for k in ("input_tokens", "output_tokens") if (n := whole(usage.get(k))) is not None and n >= 0
    ]
    return sum(known) if known else None
