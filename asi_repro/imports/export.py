"""An imported run given back: the files that its system wrote, and the whole as neutral JSON lines."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from asi_repro.archive.node_model import FINISHED, GHOST
from asi_repro.archive.node_tables import read_extra
from asi_repro.archive.nodes import read_nodes, read_parents
from asi_repro.archive.reader import Archive
from asi_repro.errors import AsiReproError, DataError
from asi_repro.imports.layout import ARCHIVE
from asi_repro.imports.model import ImportedRun, Link, NativeNode, NativeRecord
from asi_repro.imports.neutral import neutral_lines
from asi_repro.imports.record import read_import
from asi_repro.store.files import atomic_dir, atomic_file, sha256_bytes, sha256_file
from asi_repro.text import terminal_safe


@dataclass(frozen=True)
class SharedImport:
    """A run in one file."""

    place: Path
    sha256: str
    bytes: int
    experiments: int


def share_import(folder: Path, place: Path) -> SharedImport:
    """Write an imported run to one file of neutral JSON lines, whole or not at all.

    Importing that file gives the same tables and the same history, byte for byte.

    Raises:
        DataError: where the run is damaged.
        AsiReproError: where the place cannot be written.
    """
    run = rebuild(folder)
    with atomic_file(place) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(f"{line}\n" for line in neutral_lines(run))
    return SharedImport(place, sha256_file(place), place.stat().st_size, len(run.nodes))


def export_records(folder: Path, to: Path) -> list[str]:
    """Write the files that the system wrote into a new folder, byte for byte; their names.

    Raises:
        AsiReproError: where the folder is there already.
        DataError: where a record is damaged, or a file's name leads out of the folder.
    """
    if to.exists():
        raise AsiReproError(f"{to} exists", where=str(to), hint="name a folder that is not there yet")
    whole: dict[str, list[bytes]] = defaultdict(list)
    for row in _records(Archive(folder / ARCHIVE)):
        whole[row["file"]].append(row["content"])
    with atomic_dir(to) as new:
        for name, parts in whole.items():
            path = new / inside(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"".join(parts))
    return sorted(whole)


def inside(name: str) -> PurePosixPath:
    """A relative path that stays in its folder.

    Raises:
        DataError: for any other.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name or not path.parts:
        raise DataError(
            f"{terminal_safe(name[:80], keep='')!r} is not a path inside a folder", where="records"
        )
    return path


def _records(archive: Archive) -> list[dict[str, Any]]:
    known: dict[str, bytes] = {}
    rows = read_extra(archive.folder, "records").to_pylist()
    for row in rows:
        if row["content"] is None:
            row["content"] = known.get(row["sha256"])
        if row["content"] is None or sha256_bytes(row["content"]) != row["sha256"]:
            where = f"{row['file']}, place {row['place']}"
            raise DataError("the record is not what its SHA-256 says", where=terminal_safe(where, keep=""))
        known[row["sha256"]] = row["content"]
    return list(rows)


def rebuild(folder: Path) -> ImportedRun:
    """The run in memory from which its tables were made."""
    archive, said = Archive(folder / ARCHIVE), read_import(folder)
    objective = archive.objective
    run = ImportedRun(said.system, objective.score, objective.direction, said.direction_from)
    run.notices = said.notices
    run.sources = archive.table("sources").to_pylist()
    nodes = read_nodes(archive)
    for index, node in _nodes(archive).items():
        if nodes[index].status == GHOST:
            run.ghosts[node.id] = node
        else:
            run.nodes.append(node)
    run.records = [
        NativeRecord(
            row["file"],
            row["place"],
            row["content"],
            None if row["index"] is None else nodes[row["index"]].native_id,
        )
        for row in _records(archive)
    ]
    return run


def _nodes(archive: Archive) -> dict[int, NativeNode]:
    nodes = read_nodes(archive)
    parents: dict[int, list[Link]] = defaultdict(list)
    metrics: dict[int, dict[str, float | None]] = defaultdict(dict)
    for row in read_parents(archive):
        parents[row["index"]].append(Link(id=nodes[row["parent"]].native_id, role=row["role"]))
    for row in archive.table("benchmarks").to_pylist():
        metrics[row["index"]][row["task"]] = row["value"]
    programs = {program.index: program for program in archive.programs()}
    found = {}
    for index, node in nodes.items():
        experiment, program = archive.experiments[index], programs.get(index)
        kept = ("generation", "iteration", "island", "language", "time", "seconds", "cost", "tokens")
        found[index] = NativeNode(
            id=node.native_id,
            status=FINISHED if node.status == GHOST else node.status,  # type: ignore[arg-type]
            parents=tuple(parents[index]),
            name=experiment.display_name,
            score=experiment.score,
            metrics=metrics[index],
            program=None if program is None else program.source,
            motivation=None if program is None else program.motivation,
            summary=None if program is None else program.summary,
            **{name: getattr(node, name) for name in kept},
        )
    return found
