"""A run's traces as one Parquet file: the committed spans, with the wall times that are kept apart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from asi_repro.discover.content import TRACE
from asi_repro.discover.lines import read_lines
from asi_repro.discover.run import TIMINGS, DiscoveryRun, read_json
from asi_repro.traces.spans import parse_jsonl

Row = dict[str, Any]
FOLDER = "traces"


def write_run_traces(run: DiscoveryRun, root: Path) -> int:
    """Write traces/NAME.parquet below the project's root; how many spans it has.

    Raises:
        DataError: where a committed trace is damaged.
    """
    from asi_repro.traces.parquet import write_traces

    path = root / FOLDER / f"{run.folder.name}.parquet"
    return write_traces(_rows(run), path, _timings(run))


def _rows(run: DiscoveryRun) -> Iterator[Row]:
    commits = run.store.commits()
    found = run.store.files(commits.values(), (TRACE,))
    committed = {index: files[TRACE].decode() for index, files in zip(commits, found, strict=True)}
    failed = run.failed()
    for index in sorted({*committed, *failed}):
        if index in committed:
            yield from parse_jsonl(committed[index], f"{run.store.folder}, experiment {index}")
        else:
            yield from read_json(run.rejected(index, failed=True))["trace"]


def _timings(run: DiscoveryRun) -> list[Row]:
    """The last time of each span: a restart goes through some of them again."""
    times: dict[tuple[str, int], Row] = {}
    for line in read_lines(run.folder / TIMINGS):
        for span in line.get("spans", ()):
            times[span["session"], span["sequence"]] = span
    return [times[key] for key in sorted(times)]
