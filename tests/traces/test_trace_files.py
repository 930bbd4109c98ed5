"""Parquet and OTLP: the same bytes for the same input, the standard's names, and hostile files refused."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openinference.semconv.trace import (
    MessageAttributes,
    MessageContentAttributes,
    OpenInferenceSpanKindValues,
    SpanAttributes,
    ToolAttributes,
    ToolCallAttributes,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from asi_repro.errors import DataError, MissingInput
from asi_repro.traces.columns import COLUMNS
from asi_repro.traces.openinference import flatten
from asi_repro.traces.otlp import otlp_bytes, otlp_json, to_otlp
from asi_repro.traces.parquet import read_sessions, read_traces, write_traces
from asi_repro.traces.spans import Trace


def constants(*classes: type) -> set[str]:
    return {value for each in classes for value in vars(each).values() if isinstance(value, str)}


def test_the_columns_are_named_as_openinference_does() -> None:
    dotted = {name for name, *_ in COLUMNS if "." in name}
    assert dotted <= constants(SpanAttributes)
    assert {"input.value", "llm.input_messages", "llm.token_count.prompt", "session.id"} <= dotted


def test_a_table_reads_back(sample: Trace, tmp_path: Path) -> None:
    path = tmp_path / "run.parquet"
    other = Trace("2")
    with other.span("propose", "AGENT"):
        pass
    rows = [*sample.to_rows(), *other.to_rows()]
    assert write_traces(rows, path, sample.timings()) == len(rows)
    assert read_sessions(path) == ["2", "12"], "by index, not by text"
    assert read_traces(path) == flatten(rows, sample.timings())
    (alone,) = read_traces(path, "2")
    assert (alone["start_time_ns"], alone["end_time_ns"], alone["parent_span_id"]) == (None, None, None)
    first = read_traces(path, "12")[0]
    assert first["start_time_ns"] == 1_700_000_000_000_000_000
    assert json.loads(first["metadata"]) == {"seed": 3}
    assert read_traces(path, "99") == []


def test_the_same_spans_give_the_same_bytes_in_any_order(sample: Trace, tmp_path: Path) -> None:
    rows = sample.to_rows()
    write_traces(rows, tmp_path / "a.parquet", sample.timings())
    random.Random(1).shuffle(rows)
    write_traces(rows, tmp_path / "b.parquet", sample.timings())
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_what_a_call_of_a_model_says_of_itself(sample: Trace) -> None:
    records = [r for r in flatten(sample.to_rows()) if r["openinference.span.kind"] == "LLM"]
    first, second = records[:2]
    usage = json.loads(first["response"])["usage"]
    assert first["llm.token_count.prompt"] == usage["input_tokens"]
    assert first["llm.token_count.total"] == usage["input_tokens"] + usage["output_tokens"]
    price = (usage["input_tokens"] * 2 + usage["output_tokens"] * 10) / 1e6
    assert first["llm.cost.total"] == pytest.approx(price)
    assert json.loads(first["llm.input_messages"]) == [
        {"message.role": "system", "message.content": "You design token mixers."},
        {"message.role": "user", "message.content": "Improve the parent."},
    ]
    (answer,) = json.loads(first["llm.output_messages"])
    assert answer["message.contents"][0]["message_content.text"] == "I should read the parent."
    assert answer["message.tool_calls"][0]["tool_call.function.arguments"] == '{"path": "7"}'
    assert json.loads(second["llm.input_messages"])[-1]["message.role"] == "tool"
    assert second["output.value"] == "A slower decay, with a gate."
    assert {r["agent.name"] for r in records} == {"researcher", "judge", "analyst"}


def test_documents_that_were_set_one_by_one_are_a_column_and_reach_a_viewer() -> None:
    """As the roles set them: a place in the name, more than ten of them, beside other facts."""
    trace = Trace("1")
    with trace.span("recall", "RETRIEVER", **{"retrieval.embedding": "words"}) as span:
        for at in range(11):
            span.set(**{f"retrieval.documents.{at}.document.id": f"n{at}"})
            span.set(**{f"retrieval.documents.{at}.document.score": at / 10})
    [record] = flatten(trace.to_rows())
    found = json.loads(record["retrieval.documents"])
    assert [each["document.id"] for each in found] == [f"n{at}" for at in range(11)]
    assert found[10]["document.score"] == 1.0
    assert json.loads(record["metadata"]) == {"retrieval.embedding": "words"}
    [exported] = to_otlp([record], "run").resource_spans[0].scope_spans[0].spans
    sent = {each.key: each.value for each in exported.attributes}
    assert sent["retrieval.documents.10.document.id"].string_value == "n10"


@pytest.mark.parametrize("timed", [True, False])
def test_otlp_decodes_as_what_the_standards_name(sample: Trace, timed: bool) -> None:
    records = flatten(sample.to_rows(), sample.timings() if timed else ())
    data = otlp_bytes(to_otlp(records, "control"))
    assert data == otlp_bytes(to_otlp(records, "control"))
    decoded = ExportTraceServiceRequest.FromString(data)
    (resource,) = decoded.resource_spans
    named = {item.key: item.value.string_value for item in resource.resource.attributes}
    assert named["openinference.project.name"] == "control"
    spans = list(resource.scope_spans[0].spans)
    by_id = {span.span_id: span for span in spans}
    assert len(by_id) == len(spans) == len(records)
    assert {len(span.trace_id) for span in spans} == {16}
    for span in spans:
        assert 0 < span.start_time_unix_nano < span.end_time_unix_nano
        if span.parent_span_id:
            around = by_id[span.parent_span_id]
            assert around.start_time_unix_nano <= span.start_time_unix_nano
            assert around.end_time_unix_nano >= span.end_time_unix_nano
        attributes = {item.key: item.value for item in span.attributes}
        assert attributes[SpanAttributes.SESSION_ID].string_value == "12"
        kind = attributes[SpanAttributes.OPENINFERENCE_SPAN_KIND].string_value
        assert kind in {value.value for value in OpenInferenceSpanKindValues}
        assert (attributes.get("asi_repro.times") is None) == timed
    statuses = [span.name for span in spans if span.status.code == Status.STATUS_CODE_ERROR]
    assert statuses == ["train"]
    assert {span.kind for span in spans} == {Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_INTERNAL}


def test_every_exported_attribute_has_a_standard_name_or_ours(sample: Trace) -> None:
    known = constants(
        SpanAttributes, MessageAttributes, MessageContentAttributes, ToolAttributes, ToolCallAttributes
    )
    request = to_otlp(flatten(sample.to_rows()), "x")
    for span in request.resource_spans[0].scope_spans[0].spans:
        for item in span.attributes:
            parts = [part for part in item.key.split(".") if not part.isdigit()]
            ends = {".".join(parts[start:]) for start in range(len(parts))}
            assert ends & known or item.key.startswith("asi_repro.") or "document." in item.key, item.key


def test_otlp_json_is_the_same_request_with_hexadecimal_ids(sample: Trace) -> None:
    request = to_otlp(flatten(sample.to_rows()), "x")
    value = json.loads(otlp_json(request))
    spans = value["resourceSpans"][0]["scopeSpans"][0]["spans"]
    for span, wanted in zip(spans, request.resource_spans[0].scope_spans[0].spans, strict=True):
        assert (span["traceId"], span["spanId"]) == (wanted.trace_id.hex(), wanted.span_id.hex())
        assert span.get("parentSpanId", "") == wanted.parent_span_id.hex()
        assert span["kind"] == wanted.kind
        assert span["startTimeUnixNano"] == str(wanted.start_time_unix_nano)


def test_files_that_are_no_traces_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    with pytest.raises(MissingInput):
        read_traces(path)
    path.write_bytes(b"PAR1 not really")
    with pytest.raises(DataError, match="damaged"):
        read_traces(path)
    pq.write_table(pa.table({"session.id": ["1"]}), path)
    with pytest.raises(DataError, match="version none"):
        read_traces(path)


@pytest.mark.parametrize(
    "attributes",
    [
        {"llm.request": {"model": "m"}},
        {"llm.request": [], "llm.response": {}},
        {"llm.request": {"model": "m", "messages": [{"role": "user", "content": 3}]}},
        {"llm.request": {"model": "m", "messages": []}, "llm.response": {"content": [{}]}},
        {"llm.cost.total": "much"},
        {"agent.name": {"a": 1}},
    ],
)
def test_spans_that_lie_about_a_call_are_refused(attributes: dict[str, Any], tmp_path: Path) -> None:
    trace = Trace("1")
    with trace.span("x", "LLM", **attributes):
        pass
    with pytest.raises(DataError):
        write_traces(trace.to_rows(), tmp_path / "x.parquet")
    assert not list(tmp_path.iterdir())
