"""Traces of imported runs: what the systems recorded, and nothing else."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from import_places import DATA, imported, make_project, write_neutral
from typer.testing import CliRunner, Result

from asi_repro.archive.node_tables import read_extra
from asi_repro.archive.nodes import read_nodes
from asi_repro.archive.reader import Archive
from asi_repro.cli import app
from asi_repro.imports.layout import ARCHIVE
from asi_repro.imports.spans import imported_spans
from asi_repro.notebook import open_run

SYSTEMS = ("openevolve", "shinka", "asi_evolve", "aide")


def traced(system: str, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The spans of each experiment of a run in data/, by native id."""
    return spans_of(imported(DATA / system, folder).folder)


def spans_of(folder: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    ids = {node.index: node.native_id for node in read_nodes(Archive(folder / ARCHIVE)).values()}
    for record in imported_spans(Archive(folder / ARCHIVE)):
        found.setdefault(ids[int(record["session.id"])], []).append(record)
    return found


def named(spans: list[dict[str, Any]], name: str) -> dict[str, Any]:
    (found,) = (span for span in spans if span["name"] == name)
    return found


def facts(span: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(span["metadata"]))


def copied_openevolve(folder: Path, change: dict[str, Any]) -> tuple[Path, str]:
    """The run with fields of one program of its last checkpoint changed; the program's id."""
    shutil.copytree(DATA / "openevolve", folder)
    path = min((folder / "checkpoints" / "checkpoint_10" / "programs").iterdir())
    program = json.loads(path.read_text())
    path.write_text(json.dumps(program | change))
    return folder, program["id"]


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_experiment_is_one_span_and_is_marked_as_imported(system: str, tmp_path: Path) -> None:
    run = imported(DATA / system, tmp_path / "r")
    spans = imported_spans(Archive(run.folder / ARCHIVE))
    outer = [span for span in spans if span["parent_span_id"] is None]
    assert len(outer) == len({span["session.id"] for span in spans}) == run.record.experiments
    assert {facts(span)["import.system"] for span in spans} == {run.record.system}
    for span in outer:
        status = facts(span)["import.status"]
        assert (span["status_code"] == "ERROR") == (status in ("failed", "rejected"))
    assert imported_spans(Archive(run.folder / ARCHIVE), 3) == [
        span for span in spans if span["session.id"] == "3"
    ]


@pytest.mark.parametrize("system", SYSTEMS)
def test_no_text_is_there_that_the_records_lack(system: str, tmp_path: Path) -> None:
    folder = imported(DATA / system, tmp_path / "r").folder
    said: list[str] = []

    def collect(value: Any) -> None:
        if isinstance(value, str):
            said.append(value)
            if value[:1] == "{":
                collect(json.loads(value))
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            collect(inner)

    for row in read_extra(folder / ARCHIVE, "records").to_pylist():
        if row["index"] is not None and row["content"] is not None:
            collect(json.loads(row["content"]))
    known = {*said, *("".join(v["_term_out"]) for v in journal_nodes())}
    texts = 0
    for span in imported_spans(Archive(folder / ARCHIVE)):
        for name in ("input.value", "output.value"):
            if span[name] is not None and span[f"{name.split('.')[0]}.mime_type"] == "text/plain":
                assert span[name] in known
                texts += 1
    assert texts or system == "openevolve"  # whose run in data/ was made without prompts


def journal_nodes() -> list[dict[str, Any]]:
    return list(json.loads((DATA / "aide" / "journal.json").read_text())["nodes"])


def test_openevolve_has_prompts_answers_judgements_and_artifacts(tmp_path: Path) -> None:
    prompts = {
        "full_rewrite_user": {"system": "Be brief.", "user": "Improve it.", "responses": ["One.", "Two."]},
        "evaluation": {"system": "Judge.", "user": "How good?", "responses": ["Good."]},
    }
    change = {"prompts": prompts, "artifacts_json": json.dumps({"stderr": "a warning"})}
    place, key = copied_openevolve(tmp_path / "oe", change)
    spans = spans_of(imported(place, tmp_path / "r").folder)[key]
    assert [(s["name"], s["openinference.span.kind"]) for s in spans] == [
        ("experiment", "CHAIN"), ("proposal", "LLM"), ("proposal", "LLM"), ("evaluation", "EVALUATOR"),
        ("judgement", "LLM"),
    ]  # fmt: skip
    assert [s["output.value"] for s in spans if s["name"] == "proposal"] == ["One.", "Two."]
    roles = [m["message.role"] for m in json.loads(spans[1]["llm.input_messages"])]
    assert (roles, spans[1]["input.value"]) == (["system", "user"], "Improve it.")
    assert spans[4]["parent_span_id"] == spans[3]["span_id"]
    assert facts(spans[3])["artifact.stderr"] == "a warning"
    assert (spans[1]["llm.token_count.total"], spans[1]["llm.model_name"]) == (15, "fake")
    assert spans[1]["llm.provider"] is None  # no system says whose API it was


@pytest.mark.parametrize("name", ["self", "kind", "import.system", "llm.request", "output.value"])
def test_an_artifact_may_have_any_name(tmp_path: Path, name: str) -> None:
    place, key = copied_openevolve(tmp_path / "oe", {"artifacts_json": json.dumps({name: "said"})})
    span = named(spans_of(imported(place, tmp_path / "r").folder)[key], "evaluation")
    assert facts(span)[f"artifact.{name}"] == "said"
    assert json.loads(span["output.value"])["combined_score"]


def test_openevolve_takes_prompt_and_duration_from_the_trace(tmp_path: Path) -> None:
    shutil.copytree(DATA / "openevolve", tmp_path / "oe")
    path = tmp_path / "oe" / "evolution_trace.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[0] |= {"prompt": {"system": "S", "user": "U"}, "llm_response": "A"}
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = spans_of(imported(tmp_path / "oe", tmp_path / "r").folder)
    spans = found[lines[0]["child_id"]]
    assert (named(spans, "proposal")["input.value"], named(spans, "proposal")["output.value"]) == ("U", "A")
    for line in lines:
        span = named(found[line["child_id"]], "experiment")
        took = (span["end_time_ns"] - span["start_time_ns"]) / 1e9
        assert took == pytest.approx(line["metadata"]["iteration_time"], abs=1e-6)
        assert abs(span["end_time_ns"] / 1e9 - line["timestamp"]) < 1  # logged a moment later
    ghosts = {line["parent_id"] for line in lines} - {line["child_id"] for line in lines}
    assert ghosts
    assert not ghosts & set(found)


def test_shinka_has_the_times_of_each_stage_and_the_answer(tmp_path: Path) -> None:
    found = traced("shinka", tmp_path / "r")
    with sqlite3.connect(f"file:{DATA / 'shinka/programs.sqlite'}?mode=ro&immutable=1", uri=True) as database:
        rows = database.execute("SELECT id, metadata, correct FROM programs").fetchall()
    answers = 0
    for key, text, correct in rows:
        spans, metadata = found[key], json.loads(text)
        for name in ("sampling", "evaluation", "postprocess"):
            span = named(spans, name)
            at = [span["start_time_ns"] / 1e9, span["end_time_ns"] / 1e9]
            stated = [metadata[f"{name}_started_at"], metadata[f"{name}_finished_at"]]
            assert at == pytest.approx(stated, abs=1e-6)
        assert (named(spans, "evaluation")["status_code"] == "OK") == bool(correct)
        if "llm_result" in metadata:
            answers += 1
            call = named(spans, "proposal")
            assert call["output.value"] == metadata["llm_result"]["content"]
            assert call["llm.cost.total"] == metadata["llm_result"]["cost"]
            assert call["parent_span_id"] == named(spans, "sampling")["span_id"]
    assert answers


def test_a_proposal_of_shinka_that_was_turned_down_says_why(tmp_path: Path) -> None:
    shutil.copytree(DATA / "shinka", tmp_path / "s")
    details = json.dumps({"node_kind": "failed_proposal", "last_error_msg": "no patch", "api_costs": 0.25})
    with sqlite3.connect(tmp_path / "s" / "programs.sqlite") as database:
        database.execute(
            "INSERT INTO attempt_log (generation, stage, status, details, created_at) VALUES (3, 'p', 'failed', ?, 1)",
            [details],
        )
    spans = spans_of(imported(tmp_path / "s", tmp_path / "r").folder)["attempt-1"]
    assert [(s["name"], s["status_message"]) for s in spans] == [
        ("experiment", "no patch"), ("proposal", "no patch"),
    ]  # fmt: skip
    assert facts(spans[1])["cost_usd"] == 0.25


def test_aide_has_plan_output_and_analysis_and_no_invented_time(tmp_path: Path) -> None:
    found = traced("aide", tmp_path / "r")
    for node in journal_nodes():
        spans = found[node["id"]]
        assert named(spans, "proposal")["output.value"] == node["plan"]
        ran = named(spans, "execution")
        assert ran["output.value"] == "".join(node["_term_out"])
        assert facts(ran)["seconds"] == node["exec_time"]
        assert (ran["status_message"] or None) == (
            f"{node['exc_type']}: {node['exc_info']['args'][0]}" if node["exc_type"] else None
        )
        assert named(spans, "analysis")["output.value"] == node["analysis"]
        assert all(span["start_time_ns"] is None for span in spans)  # AIDE says how long, and not when


def test_asi_evolve_has_motivation_results_and_analysis(tmp_path: Path) -> None:
    found = traced("asi_evolve", tmp_path / "r")
    for key, node in json.loads((DATA / "asi_evolve/database_data/nodes.json").read_text())["nodes"].items():
        assert named(found[key], "proposal")["output.value"] == node["motivation"]
        evaluation = named(found[key], "evaluation")
        assert (evaluation["status_code"] == "OK") == node["results"]["success"]
        assert json.loads(evaluation["output.value"]).get("score") == node["results"].get("score")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with two imported runs: `oe`, and `mine` with a ghost and hostile texts."""
    root = make_project(tmp_path / "project")
    prompts = {"diff_user": {"system": ["no text"], "user": "\ud800 \x1b[2J", "responses": "no list"}, "x": 3}
    place, _ = copied_openevolve(tmp_path / "oe", {"prompts": prompts, "timestamp": 1e300})
    imported(place, root / "artifacts" / "runs" / "oe")
    nodes = [
        {"id": "a", "score": 1.5, "metrics": {"m": 2.0}},
        {"id": "b", "parents": ["lost"], "status": "failed"},
    ]
    imported(write_neutral(tmp_path / "run.jsonl", nodes), root / "artifacts" / "runs" / "mine")
    monkeypatch.setenv("ASI_REPRO_HOME", str(root))
    return root


def trace(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["trace", *map(str, arguments)])


def test_the_command_shows_exports_and_refuses(project: Path, tmp_path: Path) -> None:
    for index in open_run("oe").frame("traces")["session.id"].unique():
        shown = trace(index, "--run", "oe")
        assert shown.exit_code == 0, shown.output
        assert "imported from OpenEvolve" in shown.output or "**failed**" in shown.output
        assert "\x1b" not in shown.output
    assert (
        json.loads(trace(2, "--run", "oe", "--json").stdout)[0]["metadata"]["import.system"] == "OpenEvolve"
    )
    assert trace(2, "--run", "oe", "--otlp", tmp_path / "t.json").exit_code == 0
    frame = open_run("mine").frame("experiments")
    ids = dict(zip(frame["native_id"], frame["index"], strict=True))
    assert "m" in trace(ids["a"], "--run", "mine").output
    ghost = trace(ids["lost"], "--run", "mine")
    assert ghost.exit_code != 0
    assert "has no trace" in str(ghost.output) + str(ghost.exception)


def test_notes_link_the_traces(project: Path, tmp_path: Path) -> None:
    done = trace("--notes", tmp_path / "vault", "--run", "mine")
    assert done.exit_code == 0, done.output
    notes = sorted(path.name for path in (tmp_path / "vault" / "traces").iterdir())
    assert len(notes) == 2  # and none of the ghost


def test_a_notebook_has_them_as_a_table(project: Path) -> None:
    frame = open_run("mine").frame("traces")
    assert list(frame["name"]) == ["experiment", "evaluation", "experiment"]
    assert set(frame["status_code"]) == {"OK", "ERROR"}
    assert open_run("oe").traces.num_rows > 20
