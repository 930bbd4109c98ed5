"""Training in the sandbox: the same numbers, hostile programs, and a machine that goes off."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_training import PLAIN, STATEFUL, WRITES_OUTSIDE, program, spec_of

pytest.importorskip("torch")

from asi_repro.errors import AsiReproError
from asi_repro.results.layout import seed_folder
from asi_repro.results.training import read_curve
from asi_repro.sandbox import gpu
from asi_repro.sandbox.outcome import SandboxFailure, SandboxUnavailable
from asi_repro.sandbox.tiers import probe_tier
from asi_repro.train.checkpoints import Checkpoints
from asi_repro.train.run import train_model


@pytest.fixture(scope="module", autouse=True)
def a_sandbox():
    from asi_repro.sandbox.tiers import best_tier

    try:
        best_tier()
    except SandboxUnavailable as error:
        pytest.skip(f"not run: {error.what}")


@pytest.mark.slow  # the killed training below is compared with one outside a sandbox too
def test_the_sandbox_changes_no_number(small_corpus, tmp_path):
    spec = spec_of(small_corpus, program(STATEFUL))
    inside = train_model(spec, small_corpus, tmp_path / "in")
    outside = train_model(spec, small_corpus, tmp_path / "out", unsafe=True)
    assert inside.result == outside.result
    assert read_curve(inside.folder) == read_curve(outside.folder)
    assert (inside.folder / "program.py").read_text() == STATEFUL


def test_the_tier_of_the_gpu_trains_and_changes_no_number(small_corpus, tmp_path, monkeypatch):
    """Its filters let a training through. The device is the CPU: another node stands in for the GPU's."""
    if not probe_tier("bubblewrap").works:
        pytest.skip("bubblewrap does not work here")
    monkeypatch.setattr(gpu, "nvidia_nodes", lambda: ("/dev/full",))
    spec = spec_of(small_corpus, program(STATEFUL))
    inside = train_model(spec, small_corpus, tmp_path / "gpu", tier="gpu")
    outside = train_model(spec, small_corpus, tmp_path / "out", unsafe=True)
    assert inside.result == outside.result
    assert '"sandbox": "gpu"' in (inside.folder / "environment.json").read_text()


def test_cuda_in_the_sandbox_names_what_is_missing(small_corpus, tmp_path):
    """Before a worker starts; nothing falls back to a tier without a GPU, or to none."""
    if Path("/dev/nvidiactl").exists():
        pytest.skip("there are NVIDIA's nodes here")
    with pytest.raises(SandboxUnavailable, match="/dev/nvidiactl does not exist"):
        train_model(replace(spec_of(small_corpus), device="cuda"), small_corpus, tmp_path)


def test_a_program_cannot_write_outside_and_leaves_nothing(small_corpus, tmp_path):
    target = tmp_path / "outside.pt"
    subject = program(WRITES_OUTSIDE.replace("PLACE", str(target)))
    with pytest.raises((SandboxFailure, AsiReproError)) as error:
        train_model(spec_of(small_corpus, subject), small_corpus, tmp_path / "trained")
    assert "refused" in str(error.value)
    assert not target.exists()
    assert not list((tmp_path / "trained").rglob("*.json"))


@pytest.mark.slow
def test_a_program_that_passes_the_check_but_does_not_fit(small_corpus, tmp_path):
    subject = program(PLAIN.replace("self.drop(self.proj(hidden_states))", "hidden_states[..., :3]"))
    with pytest.raises(SandboxFailure) as error:
        train_model(spec_of(small_corpus, subject), small_corpus, tmp_path)
    assert error.value.outcome.kind == "program_error"
    assert not list(tmp_path.rglob("result.json"))


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = {path!r}
from tiny_training import STATEFUL, program, spec_of
from asi_repro.data.blocks import open_corpus
from asi_repro.train.run import train_model
corpus = open_corpus(Path({corpus!r}))
told = lambda step, loss: print(step, flush=True)
train_model(spec_of(corpus, program(STATEFUL), steps=40, warmup_steps=2), corpus, Path({root!r}), progress=told)
"""


def test_kill_9_and_again_gives_the_same_curve(small_corpus, tmp_path):
    spec = spec_of(small_corpus, program(STATEFUL), steps=40, warmup_steps=2)
    paths = [str(Path(__file__).parent), *sys.path]
    code = KILLED.format(path=paths, corpus=str(small_corpus.folder), root=str(tmp_path / "cut"))
    folder = seed_folder(tmp_path / "cut", spec.subject.slug, 0)
    checkpoints = Checkpoints(folder.parent / ".seed-0.partial", spec.key)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 300
        while process.poll() is None and not list(checkpoints.folder.glob("[0-9]*/manifest.json")):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    assert not folder.exists(), "it was done before it could be killed"
    assert checkpoints.latest() is not None
    seen: list[int] = []
    resumed = train_model(spec, small_corpus, tmp_path / "cut", progress=lambda step, loss: seen.append(step))
    whole = train_model(spec, small_corpus, tmp_path / "whole", unsafe=True)
    assert min(seen) > 2
    assert resumed.result == whole.result
    assert (resumed.folder / "program.py").read_text() == STATEFUL
    assert read_curve(resumed.folder) == read_curve(whole.folder)


def test_a_lie_about_the_curve_is_noticed(small_corpus):
    from asi_repro.errors import DataError
    from asi_repro.train.run import check_facts

    spec = spec_of(small_corpus)
    point = {"tokens": 64, "loss": 1.0, "mean_loss": 1.0, "learning_rate": 0.1, "grad_norm": None}
    curve = [{**point, "step": step, "auxiliary_loss": None} for step in range(1, 7)]
    facts = {
        "curve": curve,
        "stop": None,
        "parameters": 1,
        "flops_per_token": 1.0,
        "unsaved_state": [],
        "timed_steps": 6,
        "step_seconds": 0.1,
        "train_seconds": 1.0,
        "start_seconds": 1.0,
        "world_size": 1,
        "peak_flops_per_second": 1e9,
        "hardware": None,
    }
    assert check_facts(facts, spec).parameters == 1
    for wrong in (
        {"curve": curve[:-1]},
        {"curve": [{**curve[0], "loss": "low"}, *curve[1:]]},
        {"parameters": 0},
        {"more": 1},
        {"stop": {"reason": "mood", "step": 6, "detail": ""}},
    ):
        with pytest.raises(DataError):
            check_facts({**facts, **wrong}, spec)
    assert replace(spec, seed=1).key != spec.key
