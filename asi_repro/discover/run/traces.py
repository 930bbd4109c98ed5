"""A run's traces as one Parquet file: the committed spans, with the wall times that are kept apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from asi_repro.discover.run.content import TRACE
from asi_repro.discover.run.folder import TIMINGS, DiscoveryRun
from asi_repro.discover.run.rejected import read_rejected
from asi_repro.errors import DataError
from asi_repro.store.json_lines import read_lines
from asi_repro.store.json_text import JsonDict
from asi_repro.traces.parquet import write_traces
from asi_repro.traces.spans import check_row, parse_jsonl

FOLDER = "traces"
_TIME = (("session", str), ("sequence", int), ("start_ns", int), ("end_ns", int))


def write_run_traces(run: DiscoveryRun, root: Path) -> int:
    """Write traces/NAME.parquet below the project's root; how many spans it has.

    Raises:
        DataError: where a committed trace is damaged.
    """
    path = root / FOLDER / f"{run.folder.name}.parquet"
    return write_traces(run_spans(run), path, span_times(run))


def run_spans(run: DiscoveryRun) -> Iterator[JsonDict]:
    """The spans of every finished experiment, in order.

    Raises:
        DataError: where a trace is damaged.
    """
    commits = run.store.commits()
    found = run.store.files(commits.values(), (TRACE,))
    committed = dict(zip(commits, found, strict=True))
    failed = run.failed()
    for index in sorted({*committed, *failed}):
        if index in committed:
            yield from _committed(committed[index], f"{run.store.folder}, experiment {index}")
        else:
            path = run.rejected(index, failed=True)
            rows = read_rejected(path).trace
            yield from (check_row(row, f"{path}, span {at}") for at, row in enumerate(rows))


def _committed(files: Mapping[str, bytes], where: str) -> list[JsonDict]:
    try:
        text = files[TRACE].decode()
    except (KeyError, UnicodeDecodeError) as error:
        raise DataError(
            f"the trace is missing or is not text: {type(error).__name__}", where=where
        ) from error
    return parse_jsonl(text, where)


def span_times(run: DiscoveryRun) -> list[JsonDict]:
    """The last time of each span: a restart goes through some of them again."""
    path = run.folder / TIMINGS
    times: dict[tuple[str, int], JsonDict] = {}
    for number, line in enumerate(read_lines(path), 1):
        spans = line.get("spans", [])
        for span in spans if isinstance(spans, list) else [None]:
            if not isinstance(span, dict) or any(type(span.get(name)) is not kind for name, kind in _TIME):
                raise DataError(
                    "the file does not contain the times of spans", where=f"{path}, line {number}"
                )
            times[span["session"], span["sequence"]] = span
    return [times[key] for key in sorted(times)]
