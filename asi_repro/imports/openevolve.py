"""OpenEvolve: `checkpoints/checkpoint_N/{metadata.json,programs/ID.json}` and `evolution_trace.jsonl`.

The population is bounded, so a checkpoint lacks what was evicted before it, and the trace lacks what was not
logged. All checkpoints and the trace are merged: what any of them has is an experiment. OpenEvolve maximizes
`combined_score`, or else the mean of the numeric metrics (its `get_fitness_score`); a failed evaluation
leaves a metric `error`. A program that migrates to another island is copied, with its scores, under a new id;
so is the best one into an island that is empty.
"""

from __future__ import annotations

import re
from typing import Any

from asi_repro.archive.node_model import COPY, EVICTED, FAILED, FINISHED, MAXIMIZE, PARENT
from asi_repro.errors import DataError
from asi_repro.imports.model import ImportedRun, NativeNode, NativeRecord, links, make_node, settled
from asi_repro.imports.reading import Damaged, Reader, joined, json_lines, parse
from asi_repro.imports.values import a_list, amount, an_object, finite, native_id, numbers, short, text, whole
from asi_repro.text import counted

FORMAT = "openevolve"
TRACE, FAILURES = "evolution_trace.jsonl", "evolution_trace_failures.jsonl"
_CHECKPOINT = re.compile(r"checkpoint_(\d{1,9})")
_KNOWN = {
    *("id", "code", "changes_description", "language", "parent_id", "generation", "timestamp"),
    *("iteration_found", "metrics", "complexity", "diversity", "metadata", "prompts", "artifacts_json"),
    *("artifact_dir", "embedding"),
}
_COPIED = ("best_program_info.json", "metadata.json")
_SAME = ("program", "parents", "score", "metrics")
_COPIED_TOO = ("program", "score", "metrics", "generation")


def recognise(reader: Reader) -> bool:
    """Whether the folder has checkpoints or a trace of OpenEvolve, or is a checkpoint."""
    return bool(_checkpoints(reader)) or reader.has(TRACE)


def read(reader: Reader) -> ImportedRun:
    """The run in a folder: every checkpoint and the trace, merged.

    Raises:
        DataError: where nothing usable is in it.
    """
    run = ImportedRun("OpenEvolve", "combined_score", MAXIMIZE, "OpenEvolve maximizes combined_score")
    found: dict[str, NativeNode] = {}
    kept: set[str] = set()
    last = 0
    for number, folder in sorted(_checkpoints(reader).items()):
        ids, stated = _read_checkpoint(reader, folder, found, run)
        kept, last = ids or kept, max(last, number, stated)
    saved = set(found)
    traced = _read_trace(reader, found, run)
    _read_failures(reader, found, run)
    for folder in ["best", *_checkpoints(reader).values()]:
        _copy_rest(reader, folder, run)
    run.nodes = [
        settled(node, key in kept) if node.status == FINISHED else node
        for key, node in ((key, _told_copy(node, found)) for key, node in found.items())
    ]
    _account(run, saved, traced, last)
    return run


def _told_copy(node: NativeNode, found: dict[str, NativeNode]) -> NativeNode:
    """A node whose parent is the program that it copies says so.

    A child that happens to be equal is of the next generation.
    """
    parent = found.get(node.parents[0].id) if node.parents else None
    if (
        parent is None
        or node.program is None
        or any(getattr(node, k) != getattr(parent, k) for k in _COPIED_TOO)
    ):
        return node
    return node.model_copy(update={"parents": links([parent.id], COPY)})


def _checkpoints(reader: Reader) -> dict[int, str]:
    found: dict[int, str] = {}
    for parent in ("checkpoints", "."):
        for name in reader.folders(parent):
            if match := _CHECKPOINT.fullmatch(name):
                found.setdefault(int(match[1]), joined(parent, name))
    if not found and reader.has("metadata.json") and reader.files("programs", ".json"):
        found[0] = "."
    return found


def _read_checkpoint(
    reader: Reader, folder: str, found: dict[str, NativeNode], run: ImportedRun
) -> tuple[set[str], int]:
    """Add a checkpoint's programs; their ids, and the iteration that its metadata state."""
    ids: set[str] = set()
    for name in reader.files(joined(folder, "programs"), ".json"):
        file = joined(folder, f"programs/{name}")
        data = reader.read(file)
        node = _program(data, file, run)
        run.records.append(NativeRecord(file, 0, data, node.id if node else None))
        if node is None:
            continue
        ids.add(node.id)
        before = found.get(node.id)
        if before is not None and any(getattr(before, key) != getattr(node, key) for key in _SAME):
            run.note("duplicate", f"{file}: program {node.id} is not what an earlier checkpoint says of it")
        found[node.id] = node
    return ids, _read_metadata(reader, folder, ids, run)


def _read_metadata(reader: Reader, folder: str, ids: set[str], run: ImportedRun) -> int:
    file = joined(folder, "metadata.json")
    if not reader.has(file):
        run.note("damaged", f"{folder} has no metadata.json: the checkpoint was not finished")
        return 0
    try:
        stated = reader.document(file)
    except DataError as error:
        run.note("damaged", f"{file}: {error.what}")
        return 0
    if not isinstance(stated, dict):
        run.note("damaged", f"{file} is not a JSON object")
        return 0
    islands = stated.get("islands")
    listed = {i for island in _lists_of_text(islands) for i in island}
    if absent := sorted(listed - ids):
        run.note("count", f"{file} lists {len(absent)} programs that have no file, such as {absent[0]}")
    return whole(stated.get("last_iteration")) or 0


def _lists_of_text(value: Any) -> list[list[str]]:
    return [[one for one in a_list(inner) if isinstance(one, str)] for inner in a_list(value)]


def _program(data: bytes, file: str, run: ImportedRun) -> NativeNode | None:
    try:
        value = parse(data)
        if not isinstance(value, dict) or native_id(value.get("id")) is None:
            raise Damaged("no program with an id")
    except Damaged as error:
        run.note("damaged", f"{file} is not usable ({error}); it is kept in the records alone")
        return None
    run.note_unknown(file, value.keys() - _KNOWN)
    metadata = an_object(value.get("metadata"))
    return _node(
        file,
        run,
        value["id"],
        value.get("parent_id"),
        value.get("metrics"),
        metadata,
        role=COPY if metadata.get("migrant") is True else PARENT,
        program=value.get("code") if isinstance(value.get("code"), str) else None,
        language=short(value.get("language")),
        generation=whole(value.get("generation")),
        iteration=whole(value.get("iteration_found")),
        island=_island(metadata.get("island")),
        time=finite(value.get("timestamp")),
        motivation=text(value.get("changes_description")) or text(metadata.get("changes")),
    )


def _node(
    where: str,
    run: ImportedRun,
    key: Any,
    parent: Any,
    metrics: Any,
    metadata: dict[str, Any],
    *,
    role: str = PARENT,
    **more: Any,
) -> NativeNode:
    score, failed = _score(metrics)
    usage = an_object(metadata.get("token_usage"))
    return make_node(
        where,
        run,
        id=native_id(key),
        status=FAILED if failed else FINISHED,
        parents=links([parent], role),
        score=score,
        metrics=numbers(metrics),
        seconds=amount(metadata.get("iteration_time")),
        tokens=whole(usage.get("total_tokens")),
        **more,
    )


def _score(metrics: Any) -> tuple[float | None, bool]:
    """The fitness that OpenEvolve would give, and whether the evaluation failed."""
    if not isinstance(metrics, dict) or not metrics or "error" in metrics:
        return None, True
    if "combined_score" in metrics:
        score = finite(metrics["combined_score"])
        return score, score is None
    known = [value for value in numbers(metrics).values() if value is not None]
    return (sum(known) / len(known), False) if known else (None, True)


def _island(value: Any) -> str | None:
    return str(value) if whole(value) is not None else short(value)


def _read_trace(reader: Reader, found: dict[str, NativeNode], run: ImportedRun) -> set[str]:
    """Add what the trace has and no checkpoint; the ids of its children."""
    traced: set[str] = set()
    if not reader.has(TRACE):
        return traced
    for place, line, value in json_lines(reader.read(TRACE), TRACE, run):
        child = None if value is None else native_id(value.get("child_id"))
        run.records.append(NativeRecord(TRACE, place, line, child))
        if value is None or child is None:
            continue
        where = f"{TRACE}, line {place + 1}"
        if child in traced:
            run.note("duplicate", f"{where}: the child {child} is there twice")
        traced.add(child)
        node = _traced(value, where, run)
        before = found.get(child)
        if before is None:
            found[child] = node
        else:
            if before.score != node.score or before.parents != node.parents:
                run.note("duplicate", f"{where}: {child} has another score or parent than in the checkpoints")
            found[child] = before.model_copy(update={"seconds": before.seconds or node.seconds})
        _remember_parent(value, where, run)
    return traced


def _traced(value: dict[str, Any], where: str, run: ImportedRun) -> NativeNode:
    metadata = an_object(value.get("metadata"))
    node = _node(
        where,
        run,
        value["child_id"],
        value.get("parent_id"),
        value.get("child_metrics"),
        metadata,
        program=value.get("child_code") if isinstance(value.get("child_code"), str) else None,
        generation=whole(value.get("generation")),
        iteration=whole(value.get("iteration")),
        island=_island(value.get("island_id")),
        time=finite(value.get("timestamp")),
        motivation=text(value.get("child_changes_description")) or text(metadata.get("changes")),
    )
    return node if node.status == FAILED else node.model_copy(update={"status": EVICTED})


def _remember_parent(value: dict[str, Any], where: str, run: ImportedRun) -> None:
    parent, code = native_id(value.get("parent_id")), value.get("parent_code")
    if parent is not None and parent not in run.ghosts:
        score, _ = _score(value.get("parent_metrics"))
        run.ghosts[parent] = make_node(
            where,
            run,
            id=parent,
            score=score,
            metrics=numbers(value.get("parent_metrics")),
            program=code if isinstance(code, str) else None,
        )


def _read_failures(reader: Reader, found: dict[str, NativeNode], run: ImportedRun) -> None:
    """Iterations that gave no program, where the run was told to log them."""
    if not reader.has(FAILURES):
        return
    for place, line, value in json_lines(reader.read(FAILURES), FAILURES, run):
        key = f"failure-{place + 1}"
        run.records.append(NativeRecord(FAILURES, place, line, key if value else None))
        if value is None:
            continue
        usage = an_object(value.get("token_usage"))
        found[key] = make_node(
            f"{FAILURES}, line {place + 1}",
            run,
            id=key,
            status=FAILED,
            parents=links([value.get("parent_id")]),
            name=short(value.get("error")),
            iteration=whole(value.get("iteration")),
            island=_island(value.get("island_id")),
            time=finite(value.get("timestamp")),
            tokens=whole(usage.get("total_tokens")),
        )


def _copy_rest(reader: Reader, folder: str, run: ImportedRun) -> None:
    for name in reader.files(folder):
        if name in _COPIED or name.startswith("best_program."):
            run.records.append(NativeRecord(joined(folder, name), 0, reader.read(joined(folder, name))))


def _account(run: ImportedRun, saved: set[str], traced: set[str], last: int) -> None:
    """Say where checkpoints and trace differ, and which iterations left nothing."""
    if traced and saved:
        seeds = {n.id for n in run.nodes if not n.parents or n.parents[0].role == COPY}
        only_traced, untraced = traced - saved, saved - traced - seeds
        if only_traced or untraced:
            run.note(
                "count",
                f"the checkpoints hold {counted(len(saved), 'program')} and the trace {len(traced):,}: "
                f"{len(only_traced):,} in the trace alone and {len(untraced):,} in the checkpoints alone, "
                "seeds and copies aside",
            )
    had = {node.iteration for node in run.nodes if node.iteration is not None}
    last = max([last, *had])
    if missing := sorted(set(range(1, last + 1)) - had) if last <= 10**7 else []:
        shown = ", ".join(map(str, missing[:12])) + (", …" if len(missing) > 12 else "")
        run.note("gap", f"{len(missing)} of {counted(last, 'iteration')} left no program: {shown}")
