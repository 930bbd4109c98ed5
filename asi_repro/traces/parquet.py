"""Traces of a run as one Parquet file, one row a span."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from asi_repro.errors import DataError, MissingInput
from asi_repro.files import atomic_file
from asi_repro.traces.openinference import Record, flatten
from asi_repro.traces.spans import Row

SCHEMA_VERSION = "1"
VERSION_KEY = b"asi_repro.traces_version"

_TEXT, _INT = pa.string(), pa.int64()
_COLUMNS: tuple[tuple[str, pa.DataType, bool, str], ...] = (
    ("trace_id", _TEXT, False, "32 hexadecimal digits, from the experiment's index"),
    ("span_id", _TEXT, False, "16 hexadecimal digits, from the index and the sequence"),
    ("parent_span_id", _TEXT, True, "null for an outermost span"),
    ("name", _TEXT, False, "what was done"),
    ("kind", _TEXT, False, "OpenTelemetry's: CLIENT for calls of a model, else INTERNAL"),
    ("start_time_ns", _INT, True, "since 1970; null where it is not known"),
    ("end_time_ns", _INT, True, "since 1970; null where it is not known"),
    ("status_code", _TEXT, False, "OK or ERROR"),
    ("status_message", _TEXT, False, "of the error, empty for none"),
    ("sequence", _INT, False, "place in the experiment's trace, from 0"),
    ("openinference.span.kind", _TEXT, False, "AGENT, LLM, RETRIEVER, EVALUATOR, GUARDRAIL, TOOL or CHAIN"),
    ("session.id", _TEXT, False, "index of the experiment"),
    ("agent.name", _TEXT, True, "role that asked"),
    ("llm.model_name", _TEXT, True, "as the answer names it"),
    ("llm.provider", _TEXT, True, "anthropic"),
    ("llm.system", _TEXT, True, "anthropic"),
    ("llm.invocation_parameters", _TEXT, True, "JSON: the request without its conversation"),
    ("llm.input_messages", _TEXT, True, "JSON list in OpenInference's names, system prompt first"),
    ("llm.output_messages", _TEXT, True, "JSON list; thinking as contents of type reasoning"),
    ("llm.tools", _TEXT, True, "JSON list"),
    ("llm.finish_reason", _TEXT, True, "the API's stop reason"),
    ("llm.token_count.prompt", _INT, True, "tokens, cached ones too"),
    ("llm.token_count.completion", _INT, True, "tokens, thinking too"),
    ("llm.token_count.total", _INT, True, "tokens"),
    ("llm.token_count.prompt_details.cache_read", _INT, True, "tokens"),
    ("llm.token_count.prompt_details.cache_write", _INT, True, "tokens"),
    ("llm.token_count.completion_details.reasoning", _INT, True, "tokens, where the API says"),
    ("llm.cost.total", pa.float64(), True, "US dollars at the prices in params.yaml; null without one"),
    ("tool.name", _TEXT, True, ""),
    ("tool.id", _TEXT, True, "id of the model's tool call"),
    ("tool.parameters", _TEXT, True, "JSON"),
    ("retrieval.documents", _TEXT, True, "JSON list"),
    ("input.value", _TEXT, True, "of an LLM span the last message"),
    ("input.mime_type", _TEXT, True, "text/plain or application/json"),
    ("output.value", _TEXT, True, ""),
    ("output.mime_type", _TEXT, True, "text/plain or application/json"),
    ("metadata", _TEXT, True, "JSON object: all other attributes"),
    ("request", _TEXT, True, "JSON: what was sent to the model"),
    ("response", _TEXT, True, "JSON: what came back"),
)

SCHEMA = pa.schema(
    [
        pa.field(name, kind, nullable, metadata={b"description": said.encode()})
        for name, kind, nullable, said in _COLUMNS
    ],
    metadata={VERSION_KEY: SCHEMA_VERSION.encode()},
)


def write_traces(rows: Iterable[Row], path: Path, timings: Iterable[Mapping[str, Any]] = ()) -> int:
    """Write the spans of a run, whole or not at all; the same input gives the same bytes.

    Args:
        rows: `Trace.to_rows` of its experiments, in any order.
        path: of the Parquet file.
        timings: `Trace.timings` rows, for the times.

    Returns:
        The number of rows.

    Raises:
        DataError: where an attribute does not fit its column.
        AsiReproError: where the file cannot be written.
    """
    records = flatten(rows, timings)
    try:
        columns = [pa.array([r.get(f.name) for r in records], type=f.type, from_pandas=False) for f in SCHEMA]
        table = pa.Table.from_arrays(columns, schema=SCHEMA)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError) as error:
        raise DataError(
            f"an attribute of a span does not fit its column: {error}", where=str(path)
        ) from error
    with atomic_file(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", version="2.6")
    return len(records)


def read_traces(path: Path, session: str | None = None) -> list[Record]:
    """The records in a file of traces, by experiment and sequence.

    Args:
        path: of the Parquet file.
        session: index of one experiment; all where None.

    Raises:
        MissingInput: where the file is not there.
        DataError: where it is damaged or of another schema.
    """
    chosen = None if session is None else pc.field("session.id") == session
    try:
        found = pq.read_schema(path)
        version = (found.metadata or {}).get(VERSION_KEY, b"none").decode("utf-8", "replace")
        if version != SCHEMA_VERSION or not found.equals(SCHEMA):
            raise DataError(
                f"not a file of traces that this program reads (version {version}, wanted {SCHEMA_VERSION})",
                where=str(path),
                hint="write it again from the run",
            )
        rows: list[Record] = pq.read_table(path, filters=chosen).to_pylist()
        return rows
    except FileNotFoundError:
        raise MissingInput(
            "there are no traces", where=str(path), hint="make or pull the run first"
        ) from None
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"damaged Parquet: {str(error).splitlines()[0]}", where=str(path)) from error
