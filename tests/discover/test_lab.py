"""The real lab and the real checks, as small as they get: the sandbox, torch and lm-eval are the real ones."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from asi_repro.config.discover import DiscoverSettings, LabSettings
from asi_repro.discover import session
from asi_repro.discover.lab.cache import CachedChecker, CachedLab, ResultCache
from asi_repro.discover.lab.checker import SandboxChecker
from asi_repro.discover.lab.live import LiveLab, make_lab_spec, stage_identity, stage_recipe, without_folders
from asi_repro.discover.operators.library import seed_program
from asi_repro.discover.run.folder import LOSSES
from asi_repro.discover.types import LabFailure, LeakSuspected, Metrics, Proposal
from asi_repro.errors import AsiReproError, MissingInput, NotFound
from asi_repro.project import Project
from asi_repro.store.json_lines import read_lines
from asi_repro.traces.spans import Trace

STAGE = LabSettings(steps=10, limit=4, tasks=["piqa"])
BREAKS = """
import torch
from torch import nn


class DeltaNet(nn.Module):
    def __init__(self, hidden_size=1024, num_heads=4, **kwargs):
        super().__init__()
        self.proj = nn.Linear(hidden_size, hidden_size)

    def forward(self, hidden_states, attention_mask=None, **kwargs):
        raise RuntimeError("breaks on purpose")
"""
SEES_THE_FUTURE = BREAKS.replace(
    'raise RuntimeError("breaks on purpose")',
    "return self.proj(hidden_states + hidden_states.mean(1, keepdim=True)), None, None",
)


def test_a_program_is_trained_scored_kept_and_given_back_in_a_replay(workspace, tmp_path, monkeypatch):
    times, path, seen = [], tmp_path / "lab.jsonl", []
    live = LiveLab(workspace, STAGE, tmp_path / "work", timed=times.append)
    evaluate = live._evaluate
    monkeypatch.setattr(
        live, "_evaluate", lambda folder: seen.extend(read_lines(folder.parent / LOSSES)) or evaluate(folder)
    )
    stage = stage_identity(workspace, STAGE)
    found = CachedLab(ResultCache(path), stage, live).run(seed_program(), 3, Trace("1"))
    assert [step for step, _ in found.curve] == [1, 5, 10]
    assert {line["process"] for line in seen} == {os.getpid()}
    assert seen[-1]["step"] <= seen[-1]["steps"] == 10
    curve = dict(found.curve)
    assert all(line["loss"] == pytest.approx(curve[line["step"]]) for line in seen if line["step"] in curve)
    assert 5 < found.train_loss < 12
    assert found.scores.keys() == {"piqa"}
    assert found.benchmark == found.scores["piqa"]
    assert found.tokens == 160
    assert found.flops > 6 * found.tokens * 64 * 50257  # the output projection alone
    assert not list((tmp_path / "work").iterdir())
    assert times[0]["step_seconds"] > 0
    trace = Trace("1")
    assert CachedLab(ResultCache(path), stage, None).run(seed_program(), 3, trace) == replace(
        found, seconds=0.0
    )
    with pytest.raises(MissingInput, match="no training for this program"):
        CachedLab(ResultCache(path), stage, None).run(seed_program(), 4, trace)
    with pytest.raises(MissingInput):
        CachedLab(ResultCache(path), {**stage, "limit": 5}, None).run(seed_program(), 3, trace)


@pytest.mark.slow
def test_a_loss_far_below_the_baselines_stops_the_training(workspace, tmp_path):
    far_above = Metrics(99.0, {}, 0.5, ((1, 99.0), (10, 99.0)))
    with pytest.raises(LeakSuspected, match="0.5 times"):
        LiveLab(workspace, STAGE, tmp_path).run(seed_program(), 3, Trace("1"), baseline=far_above)


ON_PIQA = {"promote": 0, "exploration": {"tasks": ["piqa"]}, "verification": {"tasks": ["piqa"]}}


def test_renew_drops_a_run_of_other_settings_and_keeps_one_that_fits(workspace, tmp_path, monkeypatch):
    root = tmp_path / "project"
    shutil.copytree(workspace.project.root, root)
    params = json.loads((root / "params.yaml").read_text())
    # Nothing is worked on: what is asked is which run it would be.
    monkeypatch.setattr(session, "work", lambda *given: None)

    def call(capacity: int, **more: bool) -> Path:
        discover = {**ON_PIQA, "pool": {"capacity": capacity}}
        (root / "params.yaml").write_text(json.dumps({**params, "discover": discover}))
        with pytest.raises(AsiReproError, match="no experiment of the run has a commit"):
            session.run_live(Project(root), session.RunOptions(run="mine", **more), lambda *told: None)
        return root / "artifacts" / "runs" / "mine"

    left = call(10) / "left"
    left.touch()
    with pytest.raises(AssertionError, match=r"discover\.pool\.capacity"):
        call(11)
    call(10, renew=True)
    assert left.exists()
    folder = call(11, renew=True)
    assert not left.exists()
    assert json.loads((folder / "settings.json").read_text())["discover"]["pool"]["capacity"] == 11
    with pytest.raises(AsiReproError, match="cannot be combined with"):
        session.run_live(Project(root), session.RunOptions(lab="recorded", renew=True), lambda *told: None)


def test_a_program_that_breaks_is_a_failure_with_its_log(workspace, tmp_path):
    path = tmp_path / "lab.jsonl"
    lab = CachedLab(ResultCache(path), {}, LiveLab(workspace, STAGE, tmp_path / "work"))
    for _ in range(2):
        with pytest.raises(LabFailure) as error:
            lab.run(BREAKS, 0, Trace("1"))
        assert error.value.reason == "program_error"
        assert "breaks on purpose" in error.value.log
    assert len(read_lines(path)) == 1
    # It goes into commits, records and prompts: nothing of where this machine keeps its files.
    assert 'File "torch/nn/modules/module.py"' in error.value.log
    assert 'File "/' not in error.value.log


def test_a_log_is_the_same_wherever_the_sandbox_put_its_scratch_folder():
    said = "OSError: cannot write '{}/torch.bin' after 3 steps"
    for folder in ("/tmp/asi-repro-sandbox-ab_12cd", "/scratch", "/home/a/tmp/asi-repro-sandbox-x"):
        assert without_folders(said.format(folder)) == said.format("scratch")


def test_the_checks_turn_down_a_program_that_sees_the_future(tmp_path):
    rows = DiscoverSettings().must_pass
    checker = CachedChecker(ResultCache(tmp_path / "lab.jsonl"), rows, SandboxChecker(rows))
    sound = checker.check(Proposal("seed", "the first", seed_program()), Trace("1"))
    assert sound.accepted, sound.reason
    leaks = checker.check(Proposal("leaks", "a mean", SEES_THE_FUTURE), Trace("2"))
    assert not leaks.accepted
    assert leaks.reason.startswith("causality_")
    again = CachedChecker(ResultCache(tmp_path / "lab.jsonl"), rows, None)
    assert again.check(Proposal("other name", "why", SEES_THE_FUTURE), Trace("3")) == leaks


def test_an_unknown_row_is_named():
    with pytest.raises(NotFound, match="no check has a row named 'causal'"):
        SandboxChecker(["causal"])


def test_a_stage_with_other_steps_keeps_the_shape_of_the_schedule(workspace):
    short = workspace.settings.recipe("smoke")
    recipe = stage_recipe(short, STAGE)
    assert (recipe.steps, recipe.warmup_steps, recipe.decay_steps) == (10, 2, 4)
    assert stage_recipe(short, LabSettings()) is short
    first, second = (make_lab_spec(workspace, STAGE, seed_program(), seed) for seed in (0, 1))
    assert first.key != second.key


def test_a_worker_that_somebody_killed_is_tried_once_more(workspace, tmp_path, monkeypatch):
    from asi_repro.sandbox.outcome import SIGKILLED, SandboxFailure, SandboxOutcome

    ends: list[str] = []

    def killed(self, spec, root, baseline):
        if ends:
            raise SandboxFailure(SandboxOutcome("killed", "made up", ends.pop()))
        return "result", (), 0.1

    monkeypatch.setattr(LiveLab, "_train", killed)
    monkeypatch.setattr(
        LiveLab, "_evaluate", lambda self, folder: 1 / 0
    )  # reached: the training came through
    lab = LiveLab(workspace, STAGE, tmp_path)
    ends[:] = [SIGKILLED]
    with pytest.raises(ZeroDivisionError):
        lab.run(BREAKS, 0, Trace("1"))
    ends[:] = [SIGKILLED, SIGKILLED]  # twice at the same place is the program's doing
    with pytest.raises(LabFailure, match="SIGKILL"):
        lab.run(BREAKS, 0, Trace("1"))
    ends[:] = ["the worker left with exit status 0 before it answered"]
    with pytest.raises(LabFailure, match="exit status 0"):
        lab.run(BREAKS, 0, Trace("1"))
    assert ends == []
