"""The sweep: order, isolation, resuming."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import sweep_jobs
import torch
from safetensors.torch import load_file
from sweep_jobs import made_up, on_a_full_disk
from tiny_training import PLAIN, program, spec_of

from asi_repro.results.training import WEIGHTS, read_curve, read_training
from asi_repro.sweep.jobs import make_jobs, run_job, sweep
from asi_repro.train.run import train_model
from asi_repro.train.spec import baseline


def subjects(*names: str):
    return [baseline(name) if name == "delta_net" else program(PLAIN, name) for name in names]


def test_deltanet_goes_first_and_reports_come_in_the_order_of_the_jobs(tmp_path):
    jobs = make_jobs(tmp_path, subjects("a", "b", "delta_net"), 2)
    assert [(job.subject.slug, job.seed) for job in jobs[:4]] == [
        ("a", 0),
        ("b", 0),
        ("delta_net", 0),
        ("a", 1),
    ]
    seen = []
    swept = sweep(jobs, workers=2, progress=lambda report: seen.append(report.name), run=made_up)
    assert (tmp_path / "order").read_text().split()[:2] == ["delta_net", "delta_net"]
    assert [report.name for report in swept.reports] == [job.subject.slug for job in jobs]
    assert sorted(seen) == sorted(job.subject.slug for job in jobs)
    assert all(report.finished for report in swept.reports)


def test_one_failure_and_one_death_leave_the_others_alone(tmp_path):
    jobs = make_jobs(tmp_path, subjects("a", "fails", "dies", "b", "c"), 1)
    swept = sweep(jobs, workers=2, run=made_up)
    status = {report.name: report.status for report in swept.reports}
    assert status == {"a": "done", "fails": "failed", "dies": "failed", "b": "done", "c": "done"}
    assert "died" in next(r for r in swept.reports if r.name == "dies").detail


def test_unknown_names_are_listed_and_the_others_go_on(tmp_path):
    from synthetic_release import write_synthetic_release

    from asi_repro.archive.release import read_release
    from asi_repro.archive.tables import write_archive
    from asi_repro.config.train import TrainSettings
    from asi_repro.errors import NotFound
    from asi_repro.project import Project
    from asi_repro.sweep.jobs import failed_report
    from asi_repro.sweep.workspace import Workspace

    project = Project(tmp_path)
    write_synthetic_release(tmp_path / "release", 20, gallery=3)
    write_archive(read_release(tmp_path / "release"), project.archive)
    workspace = Workspace(project, TrainSettings(), "smoke")
    known, unknown = workspace.known_subjects(["nosuch", "delta_net", "99999"])
    assert [subject.slug for subject in known] == ["delta_net"]
    reports = [failed_report(name, 0, error) for name, error in unknown.items()]
    assert [(report.name, report.status) for report in reports] == [("nosuch", "failed"), ("99999", "failed")]
    assert "nosuch" in reports[0].detail
    with pytest.raises(NotFound, match="nosuch"):
        workspace.known_subjects(["nosuch", "99999"])


def test_a_project_without_a_corpus_is_a_report_not_an_exception(tmp_path):
    (tmp_path / "params.yaml").write_text("seed: 1\nclaims:\n  resamples: 1000\n")
    report = run_job(make_jobs(tmp_path, subjects("delta_net"), 1)[0])
    assert report.status == "failed"
    assert "no corpus" in report.detail
    assert report.hint == "asi-repro corpus"
    assert report.where == str(tmp_path / "artifacts" / "corpus" / "manifest.json")


@pytest.mark.parametrize("seeds", [1, 3])
def test_every_model_has_its_first_seed_before_any_has_its_second(tmp_path, seeds):
    jobs = make_jobs(tmp_path, subjects("a", "b"), seeds)
    assert [job.seed for job in jobs] == sorted(job.seed for job in jobs)


@pytest.mark.slow
def test_a_full_disk_is_one_models_error_and_the_sweep_goes_on(small_corpus, tmp_path):
    (tmp_path / "corpus").symlink_to(small_corpus.folder)
    jobs = make_jobs(tmp_path, subjects("0001-full", "0002-after", "delta_net"), 1)
    swept = sweep(jobs, workers=1, run=on_a_full_disk)
    assert [report.status for report in swept.reports] == ["failed", "done", "done"]
    assert "cannot write" in swept.reports[0].detail
    assert "free space" in swept.reports[0].hint
    done = {path.parent.parent.name for path in (tmp_path / "trained").glob("*/*/result.json")}
    assert done == {"0002-after", "delta_net"}


# A parameter without dimensions, which FSDP cannot divide, and a buffer that training changes.
ODD = """
import torch
from torch import nn


class DeltaNet(nn.Module):
    def __init__(self, hidden_size=1024, num_heads=4, layer_idx=None, **kwargs):
        super().__init__()
        self.proj = nn.Linear(hidden_size, hidden_size)
        self.gain = nn.Parameter(torch.tensor(0.7))
        self.register_buffer("seen", torch.zeros(3))

    def forward(self, hidden_states, attention_mask=None, past_key_values=None, **kwargs):
        self.seen += 1
        return self.gain * self.proj(hidden_states), None, past_key_values
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parallel", "source", "micro_batch"),
    [("ddp", None, 2), ("fsdp", None, 1), ("fsdp", ODD, 2)],
    ids=["ddp", "fsdp, two micro-batches", "fsdp, odd parameters"],
)
def test_two_gloo_processes_train_as_one_does(small_corpus, tmp_path, parallel, micro_batch, source):
    two = in_two_processes(small_corpus, tmp_path / "two", parallel, source, micro_batch=micro_batch)
    # What one process takes as one micro-batch two take as two.
    spec = spec_of(small_corpus, program(source) if source else None, micro_batch=2 * micro_batch)
    one = train_model(spec, small_corpus, tmp_path / "one", unsafe=True)
    for first, second in zip(read_curve(one.folder), read_curve(two), strict=True):
        assert (second.step, second.loss) == (first.step, pytest.approx(first.loss, rel=1e-4))
        assert second.grad_norm == pytest.approx(first.grad_norm, rel=1e-3)
    found = read_training(two)
    assert found.identity["processes"] == 2
    assert found.identity.get("parallel") == ("fsdp" if parallel == "fsdp" else None)
    assert found.parameters == one.result.parameters
    assert found.key != one.result.key
    weights, expected = (load_file(folder / WEIGHTS) for folder in (two, one.folder))
    assert weights.keys() == expected.keys()
    for name, tensor in expected.items():
        assert weights[name].shape == tensor.shape
        assert torch.allclose(weights[name], tensor, atol=2e-3), name


def in_two_processes(corpus, root: Path, parallel: str, source: str | None, **recipe) -> Path:
    """The folder of a training by two processes under torchrun."""
    script = Path(sweep_jobs.__file__)
    paths = os.pathsep.join([str(script.parent), str(script.parents[2]), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    how = json.dumps({"parallel": parallel, "program": source, "recipe": recipe})
    done = subprocess.run(
        [*command, str(script), str(corpus.folder), str(root), how],
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return root / (program(source).slug if source else "delta_net") / "seed-0"
