"""AIDE and AI-Scientist-v2: `journal.json`, a tree of nodes whose parents stand in `node2parent`.

AIDE writes one journal; AI-Scientist-v2 one a stage, in folders `stage_*`, whose nodes name their `parent_id`
themselves. A metric says whether it is to be maximized; a buggy node has none.
"""

from __future__ import annotations

from typing import Any

from asi_repro.archive.node_model import FAILED, FINISHED, MAXIMIZE, MINIMIZE, UNKNOWN
from asi_repro.errors import DataError
from asi_repro.imports.model import ImportedRun, NativeNode, links, make_node
from asi_repro.imports.reading import Reader, joined, split
from asi_repro.imports.values import (
    NAME_CHARACTERS,
    amount,
    an_object,
    finite,
    native_id,
    objects,
    text,
    whole,
)

FORMAT = "journal"
NAME = "journal.json"
_STAGE = "stage_"
_DEPTH = 3


def recognise(reader: Reader) -> bool:
    """Whether the folder has a journal, or stages with one each."""
    return bool(_journals(reader))


def read(reader: Reader) -> ImportedRun:
    """The run in a folder: its journal, or the journals of its stages one after the other.

    Raises:
        DataError: where a journal is not whole, or the folder holds several runs.
    """
    files = _journals(reader)
    if not files:
        raise DataError("there is no journal.json", where=str(reader.folder))
    stages = [file for file in files if _stage(file) is not None]
    if len(files) > 1 and len(stages) < len(files):
        raise DataError(
            f"the folder holds {len(files)} runs, such as {files[0]} and {files[1]}",
            where=str(reader.folder),
            hint="name the folder of one of them",
        )
    run = ImportedRun("AI-Scientist-v2" if stages else "AIDE", "metric")
    found: dict[str, NativeNode] = {}
    ways: set[str] = set()
    for file in files:
        _read_journal(reader, file, found, ways, run)
    run.nodes = list(found.values())
    run.direction, run.direction_from = _direction(ways, run)
    return run


def _journals(reader: Reader) -> list[str]:
    folders, found = ["."], []
    for _ in range(_DEPTH + 1):
        found += [name for folder in folders if reader.has(name := joined(folder, NAME))]
        if found:
            return sorted(found)
        folders = [joined(folder, name) for folder in folders for name in reader.folders(folder)]
    return []


def _stage(file: str) -> str | None:
    parts = file.split("/")
    return parts[-2] if len(parts) > 1 and parts[-2].startswith(_STAGE) else None


def _direction(ways: set[str], run: ImportedRun) -> tuple[str, str]:
    if len(ways) == 1:
        return next(iter(ways)), "as each metric of the journal states"
    if ways:
        run.note("count", "the journal's metrics are to be maximized in some nodes and minimized in others")
    return UNKNOWN, "the journal does not say one direction for all metrics"


def _read_journal(
    reader: Reader, file: str, found: dict[str, NativeNode], ways: set[str], run: ImportedRun
) -> None:
    data, value = reader.read(file), reader.document(file)
    listed = an_object(value).get("nodes")
    if not isinstance(listed, list):
        raise DataError("the journal has no list of nodes", where=file)
    version = value.get("__version")
    if version not in (None, "2"):
        run.note("unknown", f"{file} has version {str(version)[:20]}; version 2 is known")
    parents = an_object(value.get("node2parent"))
    ids: list[str | None] = []
    for place, node in enumerate(listed):
        made = _node(node, parents, f"{file}, node {place}", _stage(file), ways, run)
        ids.append(None if made is None else made.id)
        if made is not None:
            before = found.get(made.id)
            if before is not None and (before.program, before.score) != (made.program, made.score):
                run.note("duplicate", f"{file}, node {place}: {made.id} is not what an earlier record says")
            found.setdefault(made.id, made)
    run.records += split(data, file, "nodes", ids)


def _node(
    value: Any, parents: dict[str, Any], where: str, stage: str | None, ways: set[str], run: ImportedRun
) -> NativeNode | None:
    key = native_id(value.get("id")) if isinstance(value, dict) else None
    if key is None:
        run.note("damaged", f"{where} has no id; it is kept in the records alone")
        return None
    score, way, metrics = _metric(value.get("metric"))
    failed = value.get("is_buggy") is not False or score is None
    if way is not None and not failed:
        ways.add(way)
    parent = parents.get(key) or value.get("parent_id") or value.get("parent")
    return make_node(
        where,
        run,
        id=key,
        status=FAILED if failed else FINISHED,
        parents=links([parent]),
        score=None if failed else score,
        metrics=metrics,
        program=value.get("code") if text(value.get("code")) else None,
        language="python",
        motivation=text(value.get("plan")),
        summary=text(value.get("analysis")),
        iteration=whole(value.get("step")) if stage is None else None,
        generation=None if stage is None else whole(value.get("step")),
        island=stage[:NAME_CHARACTERS] if stage else None,
        time=finite(value.get("ctime")),
        seconds=amount(value.get("exec_time")),
    )


def _metric(value: Any) -> tuple[float | None, str | None, dict[str, float | None]]:
    """The value, direction and parts of a metric.

    A metric of several data sets (AI-Scientist-v2) counts with the mean of their final values.
    """
    if not isinstance(value, dict):
        return finite(value), None, {}
    maximize = value.get("maximize")
    way = None if not isinstance(maximize, bool) else MAXIMIZE if maximize else MINIMIZE
    inner = value.get("value")
    if not isinstance(inner, dict):
        return finite(inner), way, {}
    parts: dict[str, float | None] = {}
    ways = set()
    for one in objects(inner.get("metric_names")):
        if isinstance(one.get("lower_is_better"), bool):
            ways.add(MINIMIZE if one["lower_is_better"] else MAXIMIZE)
        for part in objects(one.get("data")):
            label = f"{one.get('metric_name')} of {part.get('dataset_name')}"[:NAME_CHARACTERS]
            parts[label] = finite(part.get("final_value"))
    known = [number for number in parts.values() if number is not None]
    if len(ways) == 1:
        way = ways.pop()
    return (sum(known) / len(known) if known else None), way, parts
