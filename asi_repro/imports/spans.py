"""Traces of an imported run: one span an experiment, and inside it what its system recorded of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from asi_repro.archive.node_model import FAILED, GHOST, REJECTED, Node
from asi_repro.archive.node_tables import read_extra
from asi_repro.archive.reader import Archive
from asi_repro.imports.reading import Damaged, parse
from asi_repro.imports.record import read_import
from asi_repro.imports.recorded import TELLERS, Step, Story
from asi_repro.imports.values import NAME_CHARACTERS
from asi_repro.store.json_text import JsonDict
from asi_repro.text import instant
from asi_repro.traces.openinference import flatten
from asi_repro.traces.spans import Trace

Metrics = Mapping[int, JsonDict]
_BILLION = 1_000_000_000


def imported_spans(archive: Archive, index: int | None = None) -> list[JsonDict]:
    """Records of spans, as `traces.parquet.read_traces` gives them, read from what the import kept.

    Ghosts have none. Times are there where the system recorded them.

    Args:
        archive: of an imported run.
        index: of one experiment; all where None.

    Raises:
        DataError: where the run is damaged.
    """
    system = read_import(archive.folder.parent).system
    metrics, records = _metrics(archive, index), _records(archive, index)
    rows: list[JsonDict] = []
    timings: list[JsonDict] = []
    for node in _nodes(archive, index):
        if node.status == GHOST:
            continue
        tell = TELLERS.get(system)
        story = Story() if tell is None else tell(records.get(node.index, ()))
        if not story.steps and (found := metrics.get(node.index)):
            story = Story(
                (Step("evaluation", "EVALUATOR", {"output.value": found}),), story.interval, story.error
            )
        trace, times = _trace(_whole(archive, node, story), str(node.index), system)
        rows += trace.to_rows()
        timings += times
    return flatten(rows, timings)


def _nodes(archive: Archive, index: int | None) -> list[Node]:
    return [Node(**row) for row in read_extra(archive.folder, "nodes", only=_of(index)).to_pylist()]


def _of(index: int | None) -> tuple[str, set[int]] | None:
    return None if index is None else ("index", {index})


def _metrics(archive: Archive, index: int | None) -> Metrics:
    """The score and the metrics of each experiment that has any, by index."""
    name = archive.objective.score
    found: dict[int, JsonDict] = defaultdict(dict)
    if index is None:
        for row in archive.table("benchmarks", ["index", "task", "value"]).to_pylist():
            found[row["index"]][row["task"]] = row["value"]
    elif values := {row["task"]: row["value"] for row in archive.rows("benchmarks", index)}:
        found[index] = values
    there = archive.experiments
    for key in there if index is None else {index} & there.keys():
        if (score := there[key].score) is not None:
            found[key].setdefault(name, score)
    return found


def _records(archive: Archive, index: int | None) -> Mapping[int, Sequence[tuple[str, JsonDict]]]:
    """The records of each experiment that are JSON objects, by index."""
    columns = ["file", "index", "sha256", "content"]
    rows = read_extra(archive.folder, "records", columns, only=_of(index)).to_pylist()
    again = rows
    # Bytes that an earlier row has stand there.
    if index is not None and (wanted := {row["sha256"] for row in rows if row["content"] is None}):
        again = rows + read_extra(archive.folder, "records", columns, only=("sha256", wanted)).to_pylist()
    known = {row["sha256"]: row["content"] for row in again if row["content"] is not None}
    found: dict[int, list[tuple[str, JsonDict]]] = defaultdict(list)
    for row in rows:
        if row["index"] is not None:
            value = _object(row["content"] if row["content"] is not None else known.get(row["sha256"]))
            if value is not None:
                found[row["index"]].append((row["file"], value))
    return found


def _object(content: bytes | None) -> JsonDict | None:
    try:
        value = None if content is None else parse(content)
    except Damaged:
        return None
    return value if isinstance(value, dict) else None


def _whole(archive: Archive, node: Node, story: Story) -> Step:
    """The experiment as the step around the others."""
    attributes: dict[str, Any] = {
        "import.native_id": node.native_id,
        "import.status": node.status,
        "import.score": archive.experiments[node.index].score,
        "iteration": node.iteration,
        "generation": node.generation,
        "island": node.island,
        "recorded_at": instant(node.time),
        "seconds": node.seconds,
        "tokens": node.tokens,
        "cost_usd": node.cost,
    }
    known = {name: value for name, value in attributes.items() if value is not None}
    error = story.error
    if node.status in (FAILED, REJECTED) and error is None:
        error = next((step.error for step in story.steps if step.error), "")
    return Step("experiment", "CHAIN", known, story.interval, error, story.steps)


def _trace(whole: Step, session: str, system: str) -> tuple[Trace, list[JsonDict]]:
    trace = Trace(session, clock=lambda: 0)
    times: list[JsonDict] = []

    def add(step: Step) -> None:
        with trace.span(step.name, step.kind, **{**step.attributes, "import.system": system}) as span:
            if step.error is not None:
                span.status, span.message = "ERROR", step.error[:NAME_CHARACTERS]
            if step.interval is not None:
                start, end = (round(at * _BILLION) for at in step.interval)
                times.append(
                    {"session": session, "sequence": span.sequence, "start_ns": start, "end_ns": end}
                )
            for inner in step.inside:
                add(inner)

    add(whole)
    return trace, times
