"""`asi-repro trace`, as a person and as a program use it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from typer.testing import CliRunner, Result

from asi_repro.cli import app
from asi_repro.project import Project, archive_of
from asi_repro.traces.note import trace_note
from asi_repro.traces.openinference import flatten
from asi_repro.traces.parquet import SCHEMA, write_traces
from asi_repro.traces.spans import Trace

READS = """
import sys
from datetime import datetime
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from phoenix.trace.otel import decode_otlp_span
request = ExportTraceServiceRequest.FromString(open(sys.argv[1], "rb").read())
for resource in request.resource_spans:
    for scope in resource.scope_spans:
        for span in map(decode_otlp_span, scope.spans):
            print(span.span_kind.value, span.name, span.attributes["session"]["id"])
            for message in span.attributes.get("llm", {}).get("output_messages", []):
                print("  ", sorted(message["message"]))
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["trace", *map(str, arguments)])


@pytest.fixture
def project(sample: Trace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one run's traces."""
    (tmp_path / "dvc.yaml").touch()
    (tmp_path / "params.yaml").touch()
    monkeypatch.setenv("ASI_REPRO_HOME", str(tmp_path))
    write_traces(sample.to_rows(), tmp_path / "traces" / "control.parquet", sample.timings())
    (tmp_path / "trace.jsonl").write_text(sample.to_jsonl(), encoding="utf-8")
    return tmp_path


def test_a_note_tells_the_story_once(project: Path) -> None:
    done = run(12)
    assert done.exit_code == 0, done.output
    for said in (
        "# Trace of experiment 12",
        "5 calls of a model, 1 tool call, 1 failed",
        "## 0. propose (agent",
        "LLM, researcher, ",
        "**thought**\n\n```\nI should read the parent.\n```",
        "**called read\\_program**",
        "source of 7",
        "**failed**: AsiReproError: the loss was not finite",
        "reason: `the mask leaks`",
    ):
        assert said in done.stdout, said
    assert done.stdout.count("You design token mixers.") == 1
    assert "$" in done.stdout


def test_texts_of_the_run_can_neither_close_their_fence_nor_reach_the_terminal(project: Path) -> None:
    shown = run(12).stdout
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    fence = shown[: shown.index("# not a heading")].rsplit("**answered**", 1)[1].strip().split("\n")[0]
    assert fence == "````"


def test_long_texts_are_cut_unless_they_are_asked_for() -> None:
    trace = Trace("1")
    with trace.span("x", "TOOL", **{"output.value": "y" * 5000}):
        pass
    records = flatten(trace.to_rows())
    assert "4,400 more characters" in trace_note(records)
    assert "y" * 5000 in trace_note(records, full=True)


def program(lines: int, last: str) -> str:
    return "".join(f"line {number} of a program\n" for number in range(lines)) + last


def test_a_text_that_comes_again_is_named_and_a_version_is_shown_as_its_changes() -> None:
    trace = Trace("1")
    first, second = program(60, "return x\n"), program(60, "return 2 * x\n")
    for said in (first, first, second, program(20, "another\n" * 60)):
        with trace.span("write", "TOOL", **{"input.value": {"program": said, "which": "draft"}}):
            pass
    records = flatten(trace.to_rows())
    note = trace_note(records)
    assert note.count("line 30 of a program") == 0  # cut, then as changes
    assert "**given, program**: *as in span 0*" in note
    assert "**given, program**, as changes to the one of span 0" in note
    assert "-return x\n+return 2 * x\n" in note
    assert '{"which": "draft"}' in note
    whole = trace_note(records, full=True)
    assert whole.count("line 30 of a program") == 2
    assert "\n+return" not in whole


def test_a_diff_cannot_be_closed_by_what_it_shows() -> None:
    trace = Trace("1")
    for last in ("end", "````\n# not a heading\n"):
        with trace.span("write", "TOOL", **{"output.value": program(60, last)}):
            pass
    note = trace_note(flatten(trace.to_rows()))
    fences = [text for text in note.splitlines() if text.strip("`") == "diff"]
    assert fences == ["`````diff"]


def test_the_head_of_a_note_tells_what_each_step_came_to() -> None:
    trace = Trace("3")
    with trace.span("sample", "CHAIN", **{"sample.parent": 1, "sample.references": [2, 4], "sample.pool": 9}):
        pass
    with trace.span("propose", "AGENT", **{"proposal.name": "a_gate", "proposal.operators": ["add_stage"]}):
        pass
    with trace.span(
        "check the program", "GUARDRAIL", **{"check.accepted": False, "check.reason": "it\n# leaks"}
    ):
        pass
    with trace.span("train and evaluate", "TOOL", **{"lab.train_loss": 8.40017, "lab.benchmark": 0.25625}):
        pass
    with pytest.raises(ValueError), trace.span("judge", "EVALUATOR", **{"judgement.score": 0.5}):
        raise ValueError("x")
    with trace.span("repair", "AGENT", **{"repair.given": False}), trace.span("inside", "CHAIN"):
        pass
    note = trace_note(flatten(trace.to_rows()))
    head = note[note.index("## In short") : note.index("## 0. sample")]
    assert head.strip().splitlines()[2:] == [
        "- 0. sample: parent 1, references 2, 4, from a pool of 9",
        r"- 1. propose: a\_gate, by add\_stage",
        r"- 2. check the program: **turned down**: it \# leaks",
        "- 3. train and evaluate: training loss 8.4002, benchmark mean 0.2562",
        "- 4. judge: failed: ValueError",
        "- 5. repair: none was given",
    ]


def test_json_is_one_document_of_decoded_spans(project: Path) -> None:
    spans = json.loads(run(12, "--json").stdout)
    calls = [span for span in spans if span["openinference.span.kind"] == "LLM"]
    assert calls[0]["request"]["messages"][0]["content"] == "Improve the parent."
    assert calls[0]["llm.output_messages"][0]["message.role"] == "assistant"
    assert spans[0]["start_time_ns"] == 1_700_000_000_000_000_000
    committed = json.loads(run(12, "--json", "--file", project / "trace.jsonl").stdout)
    for span in spans:
        span.update(start_time_ns=None, end_time_ns=None)
    assert committed == spans


def test_otlp_files(project: Path, sample: Trace) -> None:
    done = run(12, "--run", "control", "--otlp", project / "out.otlp")
    assert (done.exit_code, done.stdout) == (0, "")
    request = ExportTraceServiceRequest.FromString((project / "out.otlp").read_bytes())
    assert len(request.resource_spans[0].scope_spans[0].spans) == len(sample.spans)
    run(12, "--otlp", project / "out.json")
    assert "resourceSpans" in json.loads((project / "out.json").read_text())


def test_what_is_not_there_is_said(project: Path) -> None:
    from asi_repro.errors import AsiReproError

    def said(*arguments: object) -> str:
        done = run(*arguments)
        assert done.exit_code != 0
        return str(done.exception if isinstance(done.exception, AsiReproError) else done.output)

    assert "experiments with a trace: 12" in said(13)
    assert "there are no traces of a run called 'live'" in said(12, "--run", "live")
    write_traces([], project / "traces" / "live.parquet")
    assert "--run: control, live" in said(12)
    for path in (project / "traces").iterdir():
        path.unlink()
    assert "release has none" in said(12)
    # A run that has not got that far: the command that finishes it is named, here and for its tables.
    for folder, command in (("recorded/mine", "--recorded mine"), ("runs/yours", "--run yours")):
        (project / "artifacts" / folder).mkdir(parents=True)
        name = folder.partition("/")[2]
        assert f"run `asi-repro discover {command}`" in said(12, "--run", name)
        with pytest.raises(AsiReproError, match=f"discover {command}"):
            archive_of(Project(project), name)


@pytest.mark.parametrize(
    "change",
    [
        {"metadata": "[]"},
        {"llm.input_messages": '[{"message.role": 3}, 4]'},
        {"retrieval.documents": "not json"},
    ],
)
def test_a_file_that_was_tampered_with_is_an_error_and_no_traceback(
    project: Path, change: dict[str, str]
) -> None:
    path = project / "traces" / "control.parquet"
    rows = pq.read_table(path).to_pylist()
    for row in rows:
        row.update(change)
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), path)
    done = run(12)
    assert (done.exit_code, "is malformed" in done.output) == (3, True)


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom asi_repro.cli import app\n"
        "assert CliRunner().invoke(app, ['trace', '--help']).exit_code == 0\n"
        "print(sorted({'torch', 'pyarrow', 'anthropic', 'google.protobuf'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_phoenix_reads_our_otlp(project: Path) -> None:
    """With the real arize-phoenix: in this environment, or in that of ASI_REPRO_PHOENIX_PYTHON."""
    import importlib.util
    import os

    python = os.environ.get("ASI_REPRO_PHOENIX_PYTHON")
    if python is None:
        if importlib.util.find_spec("phoenix") is None:
            pytest.skip("arize-phoenix is not here: set ASI_REPRO_PHOENIX_PYTHON to a Python that has it")
        python = sys.executable
    run(12, "--otlp", project / "out.otlp")
    done = subprocess.run(
        [python, "-c", READS, str(project / "out.otlp")], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert lines[:2] == ["AGENT propose 12", "RETRIEVER cognition 12"]
    assert "   ['contents', 'role', 'tool_calls']" in lines
    assert sum(line.startswith("LLM ") for line in lines) == 5
