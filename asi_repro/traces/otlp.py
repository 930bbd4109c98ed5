"""Traces as OTLP, the form that Phoenix and other viewers of OpenTelemetry take."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from asi_repro import __version__
from asi_repro.store.json_text import JsonDict
from asi_repro.traces.columns import COLUMNS

# Columns that are no attributes: OTLP has fields of its own for them.
_CORE = frozenset(name for name, *_ in COLUMNS[: [name for name, *_ in COLUMNS].index("sequence")])
_LISTS = ("llm.input_messages", "llm.output_messages", "llm.tools", "retrieval.documents")
_VALUES = {bool: "bool_value", int: "int_value", float: "double_value"}
_MICROSECOND = 1_000


def to_otlp(records: Sequence[JsonDict], run: str) -> ExportTraceServiceRequest:
    """The records as one export request.

    OTLP wants times. Where a span has none it gets its place in the trace, in microseconds from the
    beginning of 1970, and the attribute `asi_repro.times` says "order only".

    Args:
        records: of `flatten` or `read_traces`.
        run: its name; Phoenix shows it as the project.
    """
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.extend(
        _key_values({"service.name": "asi_repro", "openinference.project.name": run})
    )
    scope = resource.scope_spans.add()
    scope.scope.name, scope.scope.version = "asi_repro.traces", __version__
    ends = _order_ends(records)
    for record in records:
        known = record["start_time_ns"] is not None and record["end_time_ns"] is not None
        ordered = (record["sequence"] + 1) * _MICROSECOND, ends[record["span_id"]] * _MICROSECOND
        start, end = (record["start_time_ns"], record["end_time_ns"]) if known else ordered
        scope.spans.append(
            Span(
                trace_id=bytes.fromhex(record["trace_id"]),
                span_id=bytes.fromhex(record["span_id"]),
                parent_span_id=bytes.fromhex(record["parent_span_id"] or ""),
                name=record["name"],
                kind=Span.SPAN_KIND_CLIENT if record["kind"] == "CLIENT" else Span.SPAN_KIND_INTERNAL,
                start_time_unix_nano=start,
                end_time_unix_nano=end,
                attributes=_key_values(_attributes(record, known=known)),
                status=Status(
                    code=Status.STATUS_CODE_ERROR
                    if record["status_code"] == "ERROR"
                    else Status.STATUS_CODE_OK,
                    message=record["status_message"],
                ),
            )
        )
    return request


def otlp_bytes(request: ExportTraceServiceRequest) -> bytes:
    """As protobuf; equal requests give equal bytes."""
    return bytes(request.SerializeToString(deterministic=True))


def otlp_json(request: ExportTraceServiceRequest) -> str:
    """As OTLP's JSON, in which ids are hexadecimal and enumerations are numbers."""
    value = MessageToDict(request, use_integers_for_enums=True)
    for span in (
        s for r in value["resourceSpans"] for scope in r["scopeSpans"] for s in scope.get("spans", ())
    ):
        for name in ("traceId", "spanId", "parentSpanId"):
            if name in span:
                span[name] = base64.b64decode(span[name]).hex()
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _order_ends(records: Sequence[JsonDict]) -> dict[str, int]:
    """Where each span would end if time were order: after the last span inside it."""
    ends = {record["span_id"]: record["sequence"] + 2 for record in records}
    for record in sorted(records, key=lambda record: -int(record["sequence"])):
        parent = record["parent_span_id"]
        if parent in ends:
            ends[parent] = max(ends[parent], ends[record["span_id"]])
    return ends


def _attributes(record: JsonDict, *, known: bool) -> dict[str, Any]:
    made: dict[str, Any] = {} if known else {"asi_repro.times": "order only"}
    for name, value in record.items():
        if value is None or name in _CORE:
            continue
        if name in _LISTS:
            made.update(_flat(name, json.loads(value)))
        else:
            made[name if "." in name or name == "metadata" else f"asi_repro.{name}"] = value
    return made


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    """OpenInference's way with lists: `llm.input_messages.0.message.role`."""
    if isinstance(value, list):
        for at, item in enumerate(value):
            yield from _flat(f"{prefix}.{at}", item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _flat(f"{prefix}.{name}", item)
    elif value is not None:
        yield prefix, value


def _key_values(attributes: dict[str, Any]) -> Iterable[KeyValue]:
    for name, value in sorted(attributes.items()):
        made = AnyValue()
        kind = _VALUES.get(type(value))
        setattr(made, kind or "string_value", value if kind else str(value))
        yield KeyValue(key=name, value=made)
