"""Spans: what is kept of them, in which form, and that the form reads back."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asi_repro.errors import AsiReproError, DataError
from asi_repro.traces.spans import Kind, Trace, parse_jsonl, read_jsonl

KINDS: list[Kind] = ["AGENT", "LLM", "RETRIEVER", "EVALUATOR", "GUARDRAIL", "TOOL", "CHAIN"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
STEPS = st.lists(
    st.tuples(
        st.integers(0, 3), st.text(max_size=10), st.sampled_from(KINDS), st.dictionaries(st.text(), JSON)
    ),
    max_size=8,
)


def grown(steps: list[tuple[int, str, Kind, dict[str, Any]]]) -> Trace:
    """A trace in which step (depth, name, kind, attributes) opens a span at most that deep."""
    trace = Trace("3")

    def grow(at: int, depth: int) -> int:
        while at < len(steps) and steps[at][0] >= depth:
            _, name, kind, attributes = steps[at]
            with trace.span(name, kind) as span:
                span.set(**attributes)
                at = grow(at + 1, depth + 1)
        return at

    at = 0
    while at < len(steps):
        at = grow(at, 0)
    return trace


@given(STEPS)
@settings(max_examples=25, deadline=None)
def test_the_committed_form_reads_back_and_goes_on(
    steps: list[tuple[int, str, Kind, dict[str, Any]]],
) -> None:
    trace = grown(steps)
    written = trace.to_jsonl()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.jsonl"
        path.write_text(written, encoding="utf-8", errors="surrogatepass", newline="")
        rows = read_jsonl(path)
    assert rows == trace.to_rows()
    if rows:
        again = Trace.from_rows(rows)
        assert again.to_jsonl() == written
        with again.span("more", "TOOL") as more:
            assert (more.sequence, more.parent) == (len(rows), None)


def test_nothing_of_the_clock_is_committed() -> None:
    traces = []
    for start in (5, 900):
        times = iter(range(start, start + 100, 7))
        trace = Trace("1", clock=lambda times=times: next(times))  # type: ignore[misc]
        with trace.span("a", "AGENT"), trace.span("b", "TOOL"):
            pass
        traces.append(trace)
    assert traces[0].to_jsonl() == traces[1].to_jsonl()
    assert traces[1].timings() == [
        {"session": "1", "sequence": 0, "start_ns": 900, "end_ns": 921},
        {"session": "1", "sequence": 1, "start_ns": 907, "end_ns": 914},
    ]


def test_spans_nest_and_end_also_where_they_fail() -> None:
    trace = Trace("1")

    def inner() -> None:
        with trace.span("inner", "TOOL"):
            raise AsiReproError("no such tool", where="/tmp/x1y2")

    def outer() -> None:
        with trace.span("outer", "AGENT"):
            with pytest.raises(AsiReproError):
                inner()
            with trace.span("second", "TOOL"):
                1 / 0

    with pytest.raises(ZeroDivisionError):
        outer()
    with trace.span("after", "CHAIN"):
        pass
    rows = trace.to_rows()
    assert [(row["name"], row["parent"], row["status"]) for row in rows] == [
        ("outer", None, "ERROR"),
        ("inner", 0, "ERROR"),
        ("second", 0, "ERROR"),
        ("after", None, "OK"),
    ]
    assert rows[1]["message"] == "AsiReproError: no such tool"
    assert rows[2]["message"] == "ZeroDivisionError", "other errors' texts may hold paths and times"


def test_attributes_are_copies_and_json() -> None:
    trace, value = Trace("1"), [1]
    with trace.span("a", "AGENT", given=value) as span:
        value.append(2)
        with pytest.raises(ValueError, match="JSON"):
            span.set(bad=float("nan"))
        with pytest.raises(TypeError):
            span.set(bad={1, 2})
    assert trace.to_rows()[0]["attributes"] == {"given": [1]}


GOOD = {
    "version": 1,
    "session": "3",
    "sequence": 0,
    "parent": None,
    "name": "a",
    "kind": "LLM",
    "status": "OK",
    "message": "",
    "attributes": {},
}


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"version": True},
        {"kind": "OTHER"},
        {"status": "?"},
        {"parent": 0},
        {"parent": -1},
        {"sequence": -1},
        {"sequence": 1.0},
        {"attributes": []},
        {"name": None},
    ],
)
def test_a_damaged_line_is_named(change: dict[str, Any]) -> None:
    assert parse_jsonl(json.dumps(GOOD), "t") == [GOOD]
    with pytest.raises(DataError, match="line 2"):
        parse_jsonl(json.dumps(GOOD) + "\n" + json.dumps({**GOOD, **change}), "t")


def test_rows_of_two_experiments_are_no_trace() -> None:
    with pytest.raises(DataError):
        Trace.from_rows([GOOD, {**GOOD, "session": "4", "sequence": 1}])
    with pytest.raises(DataError):
        Trace.from_rows([{**GOOD, "sequence": 1}])
