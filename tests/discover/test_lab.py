"""The real lab and the real checks, as small as they get: the sandbox, torch and lm-eval are the real ones."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

from asi_repro.discover import session
from asi_repro.discover.book import Book, BookedChecker, BookedLab
from asi_repro.discover.checker import SandboxChecker
from asi_repro.discover.lab import LiveLab, make_lab_spec, stage_identity, stage_recipe, without_folders
from asi_repro.discover.lines import read_lines
from asi_repro.discover.operators import seed_program
from asi_repro.discover.settings import DiscoverSettings, LabSettings
from asi_repro.discover.types import LabFailure, LeakSuspected, Metrics, Proposal
from asi_repro.errors import AsiReproError, MissingInput, NotFound
from asi_repro.files import dump_json, sha256_bytes
from asi_repro.project import Project
from asi_repro.traces.spans import Trace
from asi_repro.train.recipe import Recipe, TrainSettings
from asi_repro.train.workspace import Workspace

SHORT = Recipe(steps=20, warmup_steps=4, decay_steps=8, batch=1, length=16, micro_batch=1, curve_every=5)
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


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A project with a corpus of a few words and six items of one task."""
    from asi_repro.evaluate.items import ItemFile
    from asi_repro.train.corpus import build_corpus
    from asi_repro.train.packages import GPT2_BPE
    from asi_repro.train.settings import CorpusSettings
    from asi_repro.train.tokenizer import load_tokenizer

    if not GPT2_BPE.installed():
        pytest.skip(f"not run: {GPT2_BPE.command}")
    root = tmp_path_factory.mktemp("project")
    (root / "params.yaml").write_text("seed: 1\nclaims:\n  resamples: 500\n")
    texts = root / "texts"
    texts.mkdir()
    for number in range(60):
        (texts / f"{number:02d}.txt").write_text(
            f"Text {number}: " + "ash birch cedar elm " * (number % 7 + 8)
        )
    tokenizer = load_tokenizer("package")
    build_corpus(CorpusSettings(source=str(texts)), 1, root / "artifacts" / "corpus", tokenizer=tokenizer)
    items = [{"goal": f"Open jar {n}", "sol1": "Turn it.", "sol2": "Sing.", "label": n % 2} for n in range(6)]
    data = "".join(json.dumps(row, sort_keys=True) + "\n" for row in items).encode()
    folder = root / "artifacts" / "benchmarks"
    folder.mkdir(parents=True)
    (folder / "piqa.jsonl").write_bytes(data)
    file = ItemFile("piqa", "package", "made-up", "1", "validation", len(items), sha256_bytes(data), "")
    (folder / "manifest.json").write_text(dump_json({"schema": 1, "files": [asdict(file)]}))
    recipes = {"smoke": SHORT, "20m": SHORT, "340m": SHORT}
    return Workspace(Project(root), TrainSettings(recipes=recipes), "smoke")


def test_a_program_is_trained_scored_kept_and_given_back_in_a_replay(workspace, tmp_path):
    times, path = [], tmp_path / "lab.jsonl"
    live = LiveLab(workspace, STAGE, tmp_path / "work", timed=times.append)
    stage = stage_identity(workspace, STAGE)
    found = BookedLab(Book(path), stage, live, {}).run(seed_program(), 3, Trace("1"))
    assert [step for step, _ in found.curve] == [1, 5, 10]
    assert 5 < found.train_loss < 12
    assert found.scores.keys() == {"piqa"}
    assert found.benchmark == found.scores["piqa"]
    assert found.tokens == 160
    assert found.flops > 6 * found.tokens * 64 * 50257  # the output projection alone
    assert not list((tmp_path / "work").iterdir())
    assert times[0]["step_seconds"] > 0
    trace = Trace("1")
    assert BookedLab(Book(path), stage, None, {}).run(seed_program(), 3, trace) == Metrics(
        **{**vars_of(found), "seconds": 0.0}
    )
    with pytest.raises(MissingInput, match="no training of this program"):
        BookedLab(Book(path), stage, None, {}).run(seed_program(), 4, trace)
    with pytest.raises(MissingInput):
        BookedLab(Book(path), {**stage, "limit": 5}, None, {}).run(seed_program(), 3, trace)


@pytest.mark.slow
def test_a_loss_far_below_the_baselines_stops_the_training(workspace, tmp_path):
    far_above = Metrics(99.0, {}, 0.5, ((1, 99.0), (10, 99.0)))
    with pytest.raises(LeakSuspected, match="0.5 times"):
        LiveLab(workspace, STAGE, tmp_path).run(seed_program(), 3, Trace("1"), baseline=far_above)


PARAMS = """
seed: 1
claims: {resamples: 500}
train:
  recipes: {smoke: RECIPE, 20m: RECIPE, 340m: RECIPE}
discover:
  promote: 0
  pool: {capacity: CAPACITY}
  exploration: {tasks: [piqa]}
  verification: {tasks: [piqa]}
"""


def test_renew_drops_a_run_of_other_settings_and_keeps_one_that_fits(workspace, tmp_path, monkeypatch):
    root = tmp_path / "project"
    shutil.copytree(workspace.project.root, root)
    params = PARAMS.replace("RECIPE", json.dumps(SHORT.model_dump(exclude_unset=True)))
    # Nothing is worked on: what is asked is which run it would be.
    monkeypatch.setattr(session, "work", lambda *given: None)

    def call(capacity: int, **more: bool) -> Path:
        (root / "params.yaml").write_text(params.replace("CAPACITY", str(capacity)))
        with pytest.raises(AsiReproError, match="no experiment of the run has a commit"):
            session.run_live(Project(root), session.Wanted(run="mine", **more), lambda *told: None)
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
    with pytest.raises(AsiReproError, match="does not go with"):
        session.run_live(Project(root), session.Wanted(lab="replay", renew=True), lambda *told: None)


def vars_of(metrics: Metrics) -> dict:
    return {name: getattr(metrics, name) for name in metrics.__dataclass_fields__}


def test_a_program_that_breaks_is_a_failure_with_its_log(workspace, tmp_path):
    path = tmp_path / "lab.jsonl"
    lab = BookedLab(Book(path), {}, LiveLab(workspace, STAGE, tmp_path / "work"), {})
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
    checker = BookedChecker(Book(tmp_path / "lab.jsonl"), rows, SandboxChecker(rows), {})
    sound = checker.check(Proposal("seed", "the first", seed_program()), Trace("1"))
    assert sound.accepted, sound.reason
    leaks = checker.check(Proposal("leaks", "a mean", SEES_THE_FUTURE), Trace("2"))
    assert not leaks.accepted
    assert leaks.reason.startswith("causality_")
    again = BookedChecker(Book(tmp_path / "lab.jsonl"), rows, None, {})
    assert again.check(Proposal("other name", "why", SEES_THE_FUTURE), Trace("3")) == leaks


def test_an_unknown_row_is_named():
    with pytest.raises(NotFound, match="no check has a row 'causal'"):
        SandboxChecker(["causal"])


def test_a_stage_with_other_steps_keeps_the_shape_of_the_schedule(workspace):
    recipe = stage_recipe(SHORT, STAGE)
    assert (recipe.steps, recipe.warmup_steps, recipe.decay_steps) == (10, 2, 4)
    assert stage_recipe(SHORT, LabSettings()) is SHORT
    first, second = (make_lab_spec(workspace, STAGE, seed_program(), seed) for seed in (0, 1))
    assert first.key != second.key
