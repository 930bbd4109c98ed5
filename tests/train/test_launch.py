"""One training over several processes, begun from a job: as a sweep does it, here and on a Ray node."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from asi_repro.errors import AsiReproError
from asi_repro.results.layout import seed_folder, trained_root
from asi_repro.results.training import read_curve, read_training
from asi_repro.sweep.jobs import Job, run_job, sweep
from asi_repro.sweep.workspace import open_workspace
from asi_repro.train.spec import baseline

SHORT = {"steps": 3, "warmup_steps": 1, "decay_steps": 1, "batch": 4, "length": 16, "curve_every": 1}


def project(corpus, root: Path, *, micro_batch: int, **more) -> Path:
    """A project with a short recipe, whose several processes divide the model too."""
    recipe = {**SHORT, "micro_batch": micro_batch}
    train = {"parallel": "fsdp", "recipes": dict.fromkeys(("smoke", "laptop", "20m", "340m"), recipe)}
    params = {"seed": 1, "claims": {"resamples": 500}, "train": train, **more}
    (root / "artifacts").mkdir(parents=True)
    (root / "params.yaml").write_text(json.dumps(params))
    (root / "artifacts" / "corpus").symlink_to(corpus.folder)
    return root


def job(root: Path, processes: int) -> Job:
    return Job(root, baseline("delta_net"), 0, "smoke", ("train",), unsafe=True, processes=processes)


def losses(root: Path) -> list[float]:
    return [
        p.loss for p in read_curve(seed_folder(trained_root(root / "artifacts", "smoke"), "delta_net", 0))
    ]


@pytest.mark.slow
def test_a_job_trains_over_two_processes_to_the_losses_of_one(small_corpus, tmp_path):
    two, one = (project(small_corpus, tmp_path / str(n), micro_batch=4 // n) for n in (2, 1))
    report = run_job(job(two, 2))
    assert report.status == "done", report.detail
    assert run_job(job(one, 1)).status == "done"
    assert losses(two) == pytest.approx(losses(one), rel=1e-4)
    found = read_training(seed_folder(trained_root(two / "artifacts", "smoke"), "delta_net", 0))
    assert (found.identity["processes"], found.identity["parallel"]) == (2, "fsdp")
    assert run_job(job(two, 2)).status == "current"


@pytest.mark.slow
def test_why_the_processes_failed_is_in_the_report(small_corpus, tmp_path):
    root = project(small_corpus, tmp_path / "project", micro_batch=4)
    report = run_job(job(root, 2))
    assert report.status == "failed"
    assert "torchrun with 2 processes ended with" in report.detail
    assert "a batch of 4 cannot be divided into micro-batches of 4 on 2 processes" in report.detail
    assert not (root / "artifacts" / "trained").exists()
    open_workspace.cache_clear()


@pytest.mark.slow
def test_two_processes_inside_a_ray_task(small_corpus, tmp_path, monkeypatch):
    pytest.importorskip("ray")
    from asi_repro.executor.base import Resources
    from asi_repro.executor.on_ray import RayExecutor

    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[2]))
    two, one = (project(small_corpus, tmp_path / str(n), micro_batch=4 // n) for n in (2, 1))
    swept = sweep(
        [job(two, 2)],
        workers=2,
        executor=RayExecutor(two, "local", workers=2),
        resources=Resources(cpus=2.0),
    )
    assert [report.status for report in swept.reports] == ["done"], swept.reports
    run_job(job(one, 1))
    assert losses(two) == pytest.approx(losses(one), rel=1e-4)


def test_a_sweep_says_that_no_sandbox_holds_several_processes(small_corpus, tmp_path, monkeypatch):
    from asi_repro.cli.sweep import sweep as command

    executor = {"resources": {"smoke": {"processes": 2}}}
    root = project(small_corpus, tmp_path / "project", micro_batch=2, executor=executor)
    monkeypatch.setenv("ASI_REPRO_HOME", str(root))
    with pytest.raises(AsiReproError, match="no sandbox tier supports training on cpu with 2 processes"):
        command(["delta_net"])
    with pytest.raises(AsiReproError, match="cuda with 2 processes"):
        command(["delta_net"], device="cuda")
