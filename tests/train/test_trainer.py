"""Training in this process: determinism, resuming, guards, what is written."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

pytest.importorskip("torch")

from tiny_training import PLAIN, STATEFUL, TURNS_NAN, program, spec_of

from asi_repro.config.train import Guards, TrainSettings
from asi_repro.errors import AsiReproError, DataError
from asi_repro.models.scales import SCALES
from asi_repro.results.layout import seed_folder
from asi_repro.results.training import read_curve, read_training
from asi_repro.train.checkpoints import Checkpoints
from asi_repro.train.guards import Watch
from asi_repro.train.run import make_watch, train_model
from asi_repro.train.spec import baseline, make_spec


class Cut(Exception):
    """The machine goes off."""


def cut_at(step: int):
    def told(now: int, loss: float | None) -> None:
        if now == step:
            raise Cut

    return told


def run(spec, corpus, root, **options):
    return train_model(spec, corpus, root, unsafe=True, **options)


@pytest.fixture(scope="module")
def finished(small_corpus, tmp_path_factory):
    """DeltaNet's training, whole; not to be changed."""
    return run(spec_of(small_corpus), small_corpus, tmp_path_factory.mktemp("finished"))


@pytest.fixture(scope="module")
def interrupted(small_corpus, tmp_path_factory):
    """The folder of DeltaNet's training, cut in its third step; not to be changed."""
    root = tmp_path_factory.mktemp("interrupted")
    with pytest.raises(Cut):
        run(spec_of(small_corpus), small_corpus, root, progress=cut_at(3))
    return root


def copy_of(folder, root):
    shutil.copytree(folder, root, dirs_exist_ok=True)
    return root


def test_what_a_batch_is_divided_into_changes_nothing(small_corpus, tmp_path, finished):
    """Without dropout: gradients of micro-batches are averaged, as those of the whole batch are."""
    recipe = spec_of(small_corpus).recipe
    assert recipe.micro_batch < recipe.batch
    ran = run(spec_of(small_corpus, micro_batch=recipe.batch), small_corpus, tmp_path)
    for ours, theirs in zip(read_curve(ran.folder), read_curve(finished.folder), strict=True):
        assert ours.grad_norm == pytest.approx(theirs.grad_norm, rel=1e-4)
        assert ours.loss == pytest.approx(theirs.loss, rel=1e-5)


@pytest.mark.parametrize("source", [None, PLAIN, STATEFUL])
def test_a_cut_training_ends_with_the_same_bytes(small_corpus, tmp_path, source):
    subject = None if source is None else program(source)
    spec = spec_of(small_corpus, subject)
    whole = run(spec, small_corpus, tmp_path / "whole")
    with pytest.raises(Cut):
        run(spec, small_corpus, tmp_path / "cut", progress=cut_at(5))
    folder = seed_folder(tmp_path / "cut", spec.subject.slug, 0)
    assert not folder.exists()
    partial = folder.parent / ".seed-0.partial"
    assert Checkpoints(partial, spec.key).latest() == 4
    seen = []
    resumed = run(spec, small_corpus, tmp_path / "cut", progress=lambda step, loss: seen.append(step))
    assert seen == [5, 6]
    for name in ("curve.csv", "model.safetensors", "result.json", "config.json"):
        assert (resumed.folder / name).read_bytes() == (whole.folder / name).read_bytes(), name
    assert not partial.exists()


def test_seeds_differ_and_a_model_learns(small_corpus, tmp_path, finished):
    first = finished
    second = run(spec_of(small_corpus, seed=1), small_corpus, tmp_path)
    assert first.result.weights_sha256 != second.result.weights_sha256
    losses = [point.loss for point in read_curve(first.folder)]
    assert losses[0] == pytest.approx(math.log(50257), abs=0.2)
    assert losses[-1] < losses[0] - 0.05
    assert first.result.tokens == 6 * 4 * 16


def test_what_is_there_is_not_made_again(small_corpus, tmp_path):
    spec = spec_of(small_corpus, program(PLAIN))
    made = run(spec, small_corpus, tmp_path)
    before = (made.folder / "environment.json").read_bytes()
    assert run(spec, small_corpus, tmp_path).already
    assert (made.folder / "environment.json").read_bytes() == before
    assert not run(replace(spec, auxiliary_loss_weight=0.5), small_corpus, tmp_path).already
    (made.folder / "model.safetensors").unlink()
    assert not run(spec, small_corpus, tmp_path).already


def test_the_folder_loads_as_a_model(small_corpus, tmp_path):
    import torch

    from asi_repro.models.lm import AsiArchForCausalLM

    made = run(spec_of(small_corpus, program(PLAIN)), small_corpus, tmp_path)
    model = AsiArchForCausalLM.from_pretrained(made.folder)
    assert sum(p.numel() for p in model.parameters()) == made.result.parameters
    tokens = torch.arange(16)[None]
    assert torch.isfinite(model(input_ids=tokens, labels=tokens).loss)


def test_nan_stops_and_leaves_no_weights(small_corpus, tmp_path):
    made = run(spec_of(small_corpus, program(TURNS_NAN)), small_corpus, tmp_path)
    assert made.result.stop is not None
    # A batch is two micro-batches, so the seventh call is the first of step 4; FLOPs are counted on a copy.
    assert (made.result.stop.reason, made.result.stop.step) == ("nan", 4)
    assert not (made.folder / "model.safetensors").exists()
    assert read_curve(made.folder)[-1].loss is None
    assert run(spec_of(small_corpus, program(TURNS_NAN)), small_corpus, tmp_path).already


def test_a_loss_far_below_deltanets_stops(small_corpus, finished):
    reference, root = finished, finished.folder.parents[1]
    strict = replace(spec_of(small_corpus, program(PLAIN)), guards=Guards(leak_ratio=0.999, leak_after=0.5))
    watch = make_watch(strict, root)
    assert watch.reference == tuple((p.step, p.loss) for p in read_curve(reference.folder))
    assert make_watch(replace(strict, seed=7), root).reference == watch.reference
    assert make_watch(spec_of(small_corpus, program(PLAIN), steps=7), root).reference == ()
    assert make_watch(spec_of(small_corpus), root).reference == ()
    stop = watch.look(6, watch.reference[-1][1] * 0.9, timed_steps=6, seconds=0.0)
    assert stop is not None
    assert stop.reason == "leak"


def test_numbers_that_the_weights_do_not_hold_are_named(small_corpus, tmp_path):
    made = run(spec_of(small_corpus, program(STATEFUL)), small_corpus, tmp_path)
    assert made.result.unsaved_state == ["layers.0.mixer.calls"]


def test_what_is_recorded(finished):
    made = finished
    assert read_training(made.folder) == made.result
    environment = json.loads((made.folder / "environment.json").read_text())
    assert environment["sandbox"] == "none"
    assert environment["tokens_per_second"] > 0
    peak = environment["peak_flops_per_second"]
    assert 0 < environment["mfu"] == environment["flops_per_second"] / peak < 1
    # 2 for a multiply-add, 3 for forward and backward: the output projection alone, which is nearly all.
    projection = 2 * 3 * 16 * 50257
    assert projection < made.result.flops_per_token < 1.1 * projection
    assert made.result.flops == made.result.flops_per_token * made.result.tokens


@pytest.mark.parametrize("name", ["model.safetensors", "manifest.json", "optimizer.pt"])
def test_a_damaged_checkpoint_is_one_error_and_restart_helps(small_corpus, tmp_path, interrupted, name):
    spec = spec_of(small_corpus)
    copy_of(interrupted, tmp_path)
    partial = seed_folder(tmp_path, "delta_net", 0).parent / ".seed-0.partial"
    path = partial / "2" / name
    path.write_bytes(path.read_bytes()[:-3] + b"xyz")
    with pytest.raises(DataError, match="checkpoint is damaged") as error:
        run(spec, small_corpus, tmp_path)
    assert "--restart" in str(error.value)
    if name == "optimizer.pt":  # the last file that is looked at
        assert run(spec, small_corpus, tmp_path, restart=True).result.completed


def test_a_checkpoint_of_another_training_is_not_used(small_corpus, tmp_path, interrupted):
    copy_of(interrupted, tmp_path)
    seen = []
    run(
        spec_of(small_corpus, learning_rate=1e-3),
        small_corpus,
        tmp_path,
        progress=lambda s, _: seen.append(s),
    )
    assert seen[0] == 1


def test_cuda_where_there_is_none(small_corpus, tmp_path):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is CUDA here")
    spec = replace(spec_of(small_corpus), device="cuda")
    with pytest.raises(AsiReproError, match="no CUDA device"):
        run(spec, small_corpus, tmp_path)


def test_a_corpus_too_short_for_a_batch(small_corpus):
    settings = TrainSettings()
    with pytest.raises(DataError, match="too few for one batch"):
        make_spec(baseline("delta_net"), settings, small_corpus, scale="20m")


def test_a_full_disk_leaves_what_was_there(tmp_path, finished):
    folder = copy_of(finished.folder, tmp_path / "seed-0")
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    code = f"""
import resource, signal, sys
from pathlib import Path
from asi_repro.errors import AsiReproError
from asi_repro.store.files import atomic_dir
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    with atomic_dir(Path({str(folder)!r})) as new:
        (new / "model.safetensors").write_bytes(b"x" * 100_000)
except AsiReproError as error:
    print(error.hint)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "free space" in done.stdout
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_the_smoke_scale_exists():
    assert set(TrainSettings().recipes) == set(SCALES)
    assert Watch().look(1, 1.0, timed_steps=1, seconds=0.0) is None
