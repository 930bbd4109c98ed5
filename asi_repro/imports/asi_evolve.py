"""ASI-Evolve: `database_data/nodes.json`, in the folder of an experiment.

A node lists all the nodes that its Researcher was shown as its parents. ASI-Evolve ranks by the highest
`score`; a failed evaluation has the score 0, which is none. Times have no zone and are taken as UTC.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from asi_repro.archive.node_model import FAILED, FINISHED, MAXIMIZE
from asi_repro.errors import DataError
from asi_repro.imports.model import ImportedRun, NativeNode, NativeRecord, links, make_node
from asi_repro.imports.reading import Damaged, Reader, parse, split
from asi_repro.imports.values import amount, an_object, finite, native_id, numbers, short, text, whole
from asi_repro.text import counted

FORMAT = "asi_evolve"
_PLACES = ("database_data/nodes.json", "nodes.json")
_COPIED = ("pipeline_state.json", "run_stats.json")


def recognise(reader: Reader) -> bool:
    """Whether the folder is that of an experiment of ASI-Evolve."""
    return any(map(reader.has, _PLACES))


def read(reader: Reader) -> ImportedRun:
    """The run in an experiment's folder.

    Raises:
        DataError: where nodes.json is not whole, or holds no nodes.
    """
    run = ImportedRun("ASI-Evolve", "score", MAXIMIZE, "ASI-Evolve ranks by the highest score")
    file = next((place for place in _PLACES if reader.has(place)), _PLACES[0])
    data = reader.read(file)
    value = reader.document(file)
    listed = an_object(value).get("nodes")
    if not isinstance(listed, dict):
        raise DataError("the file has no object of nodes", where=file)
    ids: list[str | None] = []
    for key, node in listed.items():
        made = _node(key, node, f"{file}, node {key[:80]}", run)
        ids.append(None if made is None else made.id)
        if made is not None:
            run.nodes.append(made)
    run.records += split(data, file, "nodes", ids)
    run.records += [NativeRecord(name, 0, reader.read(name)) for name in _COPIED if reader.has(name)]
    _account(reader, run, value)
    return run


def _node(key: str, value: Any, where: str, run: ImportedRun) -> NativeNode | None:
    if not isinstance(value, dict):
        run.note("damaged", f"{where} is not an object; it is kept in the records alone")
        return None
    if (stated := native_id(value.get("id"))) not in (None, key):
        run.note("duplicate", f"{where} says that its id is {stated}; the key counts")
    results, meta = an_object(value.get("results")), an_object(value.get("meta_info"))
    score = finite(value.get("score"))
    failed = results.get("success") is False or score is None
    parents = value.get("parent") if isinstance(value.get("parent"), list) else [value.get("parent")]
    return make_node(
        where,
        run,
        id=key,
        status=FAILED if failed else FINISHED,
        parents=links(parents or ()),
        name=short(value.get("name")),
        score=None if failed else score,
        metrics=numbers(results),
        program=value.get("code") if text(value.get("code")) else None,
        motivation=text(value.get("motivation")),
        summary=text(value.get("analysis")),
        iteration=int(key) if key.isascii() and key.isdigit() and len(key) < 10 else None,
        island=None if whole(meta.get("island")) is None else str(meta["island"]),
        time=_time(value.get("created_at")),
        seconds=amount(results.get("runtime")),
    )


def _time(value: Any) -> float | None:
    try:
        found = datetime.fromisoformat(value)
        return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def _account(reader: Reader, run: ImportedRun, value: dict[str, Any]) -> None:
    had = {node.iteration for node in run.nodes}
    following = whole(value.get("next_id")) or 0
    if missing := [i for i in range(min(following, 10**6)) if i not in had]:
        run.note("gap", f"no node for {len(missing)} of {counted(following, 'id')}, such as {missing[0]}")
    try:
        state = parse(reader.read("pipeline_state.json")) if reader.has("pipeline_state.json") else {}
    except Damaged as error:
        run.note("damaged", f"pipeline_state.json is not usable ({error}); it is kept in the records alone")
        return
    step = whole(an_object(state).get("step"))
    evolved = sum(bool(node.parents) for node in run.nodes)
    if step is not None and step != evolved:
        run.note("count", f"pipeline_state.json says {step} steps, and {evolved} nodes have a parent")
