"""Spans of the agents, read from the Parquet file of a run's traces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asi_repro.errors import DataError


def read_spans(path: Path) -> list[dict[str, Any]]:
    """The rows of `path`, one a span, in order.

    Raises:
        DataError: where the file is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            rows: list[dict[str, Any]] = file.read().to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"damaged Parquet: {str(error).splitlines()[0]}", where=str(path), hint="write the traces again"
        ) from error
    return rows
