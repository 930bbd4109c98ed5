"""The sweep: order, isolation, resuming."""

from __future__ import annotations

import pytest
from sweep_jobs import made_up
from tiny_training import PLAIN, program

from asi_repro.train.spec import baseline
from asi_repro.train.sweep import make_jobs, run_job, sweep


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


def test_a_project_without_a_corpus_is_a_report_not_an_exception(tmp_path):
    (tmp_path / "params.yaml").write_text("seed: 1\nclaims:\n  resamples: 1000\n")
    report = run_job(make_jobs(tmp_path, subjects("delta_net"), 1)[0])
    assert report.status == "failed"
    assert "no corpus" in report.detail
    assert report.hint == "asi-repro corpus"


@pytest.mark.parametrize("seeds", [1, 3])
def test_every_model_has_its_first_seed_before_any_has_its_second(tmp_path, seeds):
    jobs = make_jobs(tmp_path, subjects("a", "b"), seeds)
    assert [job.seed for job in jobs] == sorted(job.seed for job in jobs)
