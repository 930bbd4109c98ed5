"""The Trace tab on traces that were recorded: of the control run in Git, and of calls of the real SDK."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from browsing import SIZES, press, run_app, screen_text
from messages_server import MessagesServer, text, tool_call

from asi_repro.config.llm import LlmSettings
from asi_repro.llm.client import LLM, Tool
from asi_repro.project import Project
from asi_repro.traces.parquet import read_traces, write_traces
from asi_repro.traces.spans import Trace
from asi_repro.tui.run_data import Source, archive_paths, run_paths
from asi_repro.tui.spans import Step, steps_of
from asi_repro.tui.tabs.trace import TraceTab

ROOT = Path(__file__).resolve().parents[2]
RECORDED = ROOT / "artifacts" / "recorded" / "control"
MODEL = "claude-sonnet-5-5"


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """The first experiments of the recorded control run, repeated by the loop from what the lab recorded."""
    project = Project(tmp_path_factory.mktemp("control"))
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, project.root / name)
    folder = project.artifacts / "runs" / "again"
    folder.mkdir(parents=True)
    settings = json.loads((RECORDED / "settings.json").read_text(encoding="utf-8"))
    settings["discover"]["promote"] = 0
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    shutil.copy(RECORDED / "lab.jsonl", folder / "lab.jsonl")
    code = [sys.executable, "-m", "asi_repro.cli", "discover", "--run", "again", "--lab", "recorded"]
    subprocess.run([*code, "--experiments", "5"], cwd=project.root, check=True, capture_output=True)
    return Source(run_paths(project, folder), project)


def steps_at(source: Source, index: int) -> list[Step]:
    return steps_of(read_traces(source.paths.traces, str(index)))


@pytest.mark.skipif(not RECORDED.is_dir(), reason="there is no recorded run")
@pytest.mark.parametrize("size", SIZES)
def test_every_step_of_a_recorded_experiment_is_there(control: Source, size: tuple[int, int]) -> None:
    index = max(control.archive.experiments)
    steps = steps_at(control, index)
    assert {"AGENT", "GUARDRAIL", "TOOL"} <= {step.kind for step in steps}

    async def go() -> None:
        async with run_app(control, size=size, start=index) as pilot:
            await press(pilot, "R")
            tab = pilot.app.query_one(TraceTab)
            assert [step.sequence for step in tab.steps] == [step.sequence for step in steps]
            shown = screen_text(pilot.app)
            assert f"{len(steps)} steps, no model asked" in shown  # the control arm has no LLM
            fits = [step.name for step in steps][: size[1] - 8]
            assert all(name in shown for name in fits)
            await press(pilot, "enter")  # the first step, unfolded
            first = screen_text(pilot.app)
            assert all(part.title in first for part in steps[0].parts[:1])
            assert "▾" in first
            await press(pilot, "enter")
            assert screen_text(pilot.app) == shown

    asyncio.run(go())


@pytest.mark.skipif(not RECORDED.is_dir(), reason="there is no recorded run")
def test_every_part_of_every_step_can_be_reached(control: Source) -> None:
    index = min(i for i in control.archive.experiments if control.archive.experiments[i].parent is not None)

    async def go() -> None:
        async with run_app(control, size=(200, 60), start=index) as pilot:
            await press(pilot, "R", "z")
            lines = [line.text.plain for line in pilot.app.query_one(TraceTab).query_one("LineList").lines]
            for step in steps_at(control, index):
                assert any(step.name in line for line in lines)
                assert all(any(part.title in line for line in lines) for part in step.parts)
            await press(pilot, "end")
            assert lines[-1].strip() in screen_text(pilot.app)

    asyncio.run(go())


@pytest.fixture
def conversation(synthetic_root: Path, tmp_path: Path) -> tuple[Source, int]:
    """A run whose first architecture has the trace of a model that thinks, reads a file and answers."""
    shutil.copytree(synthetic_root / "artifacts", tmp_path / "artifacts")
    source = Source(archive_paths(tmp_path / "artifacts" / "archive"))
    index = next(program.index for program in source.archive.programs())
    price = {"input": 2.0, "output": 10.0, "cache_write": 2.5, "cache_read": 0.2, "as_of": "2026-11-22"}
    roles = {"default": {"model": MODEL, "max_tokens": 1000}}
    settings = LlmSettings.model_validate({"roles": roles, "prices": {MODEL: price}})
    tool = Tool("read", "Reads a file.", {"type": "object"}, lambda given: f"the file {given['path']}")
    trace = Trace(str(index))
    with MessagesServer() as server:
        server.script += [
            tool_call("read", {"path": "parent.py"}, thinking="look at the parent first"),
            text("a gate of \x1b[31mtwo [bold]scales"),
        ]
        key = "sk-ant-api03-only-for-the-tests-0123456789"
        llm = LLM(settings, mode="live", records=None, base_url=server.url, api_key=key)
        asked = [{"role": "user", "content": "Propose something better."}]
        llm.ask("researcher", "You are a researcher.", asked, tools=[tool], trace=trace)
        llm.close()
    write_traces(trace.to_rows(), source.paths.traces)
    return source, index


def test_what_a_model_was_asked_thought_called_and_answered(conversation: tuple[Source, int]) -> None:
    source, index = conversation

    async def go() -> None:
        async with run_app(source, size=(160, 60), start=index) as pilot:
            await press(pilot, "R")
            folded = screen_text(pilot.app)
            assert "2 calls of a model" in folded
            assert "researcher" in folded
            assert "$0." in folded
            assert "look at the parent first" not in folded
            await press(pilot, "z")
            shown = screen_text(pilot.app)
            for told in (
                "You are a researcher.", "Propose something better.", "look at the parent first",
                "parent.py", "the file parent.py", "a gate of \\x1b[31mtwo [bold]scales",
            ):  # fmt: skip
                assert told in shown
            assert "sk-ant" not in shown

    asyncio.run(go())
