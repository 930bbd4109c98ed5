"""What the Judge's scores are worth: found where a made-up Judge knows something, and not where it guesses."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
from fake_team import SETTINGS, FakeJob, begin, do_all
from typer.testing import CliRunner

from asi_repro.cli import app
from asi_repro.discover.run.archive import write_run_archive
from asi_repro.discover.types import Judgement
from asi_repro.results.agreement import agreement, order_effect, repeatability


def told(opinions, outcomes):
    return agreement("made up", opinions, outcomes, rng=np.random.default_rng(1), resamples=500)


def order(samples, opinions, outcomes):
    return order_effect(samples, opinions, outcomes, rng=np.random.default_rng(1), resamples=500)


def test_agreement_is_found_where_there_is_any_and_not_where_there_is_none():
    draws = np.random.default_rng(2)
    outcomes = list(draws.normal(size=60))
    good = told([one + 0.5 * draws.normal() for one in outcomes], outcomes)
    blind = told(list(draws.normal(size=60)), outcomes)
    assert good.low > 0.5
    assert good.p_value < 0.001
    assert blind.low < 0 < blind.high
    assert told([-one for one in outcomes], outcomes).rho == pytest.approx(-1)


def test_what_cannot_be_told_says_why():
    assert told([None, 0.3], [0.1, None]).why == "not recorded"
    assert told([0.1, 0.2, float("nan")], [0.1, 0.2, 0.3]).why == "fewer than 5 pairs"
    assert told([0.5] * 8, list(range(8))).why == "one side has a single value"
    assert repeatability([(0.5,), (0.5, 0.6)]) is None


def test_a_judge_that_repeats_itself_is_told_from_one_that_does_not():
    draws = np.random.default_rng(3)
    sure = [[level + 0.01 * draws.normal() for _ in range(3)] for level in draws.normal(size=40)]
    fickle = [list(draws.normal(size=3)) for _ in range(40)]
    certain, guess = repeatability(sure), repeatability(fickle)
    assert certain.single > 0.99
    assert certain.within == pytest.approx(0.01, rel=0.25)
    assert abs(guess.single) < 0.3 < certain.mean_of_all
    assert (certain.things, certain.answers) == (40, 3)


def test_order_effects_are_found_where_there_are_any_and_not_where_there_are_none():
    draws = np.random.default_rng(4)
    outcomes = draws.normal(size=40)
    kinder_at_first = [[0.2 + draws.normal(0, 0.05), *draws.normal(0, 0.05, 2)] for _ in outcomes]
    first = order(kinder_at_first, outcomes, outcomes)
    assert first.first_minus_later == pytest.approx(0.2, abs=0.05)
    assert first.first_p < 0.01
    even = [list(draws.normal(0, 0.05, 3)) for _ in outcomes]
    by_chance = [order([list(draws.permutation(one)) for one in even], outcomes, outcomes) for _ in range(60)]
    assert sum(one.first_p < 0.05 for one in by_chance) <= 9  # 3 on average; more than 9 once in 1,000 times
    drifting = order(even, outcomes + np.arange(40), outcomes)
    assert drifting.drift > 0.9
    assert drifting.drift_at_equal_outcome > 0.9
    # A run that improves: the opinion rises with the outcome and has no drift of its own.
    rising = np.arange(40) + draws.normal(0, 8, 40)
    honest = order(even, rising + draws.normal(0, 2, 40), rising)
    assert honest.drift > 0.6
    assert abs(honest.drift_at_equal_outcome) < 0.4


@dataclass(frozen=True)
class JudgedJob(FakeJob):
    """The fake team with a Judge that knows the loss, or one that gives a number of its own."""

    knows: bool = True

    def team(self, run):
        job = self

        class Judge:
            def judge(self, proposal, metrics, baseline, trace):
                draws = np.random.default_rng(len(proposal.program) + int(1e6 * metrics.train_loss))
                level = 0.5 + (7.0 - metrics.train_loss) / 2 if job.knows else draws.random()
                samples = tuple(
                    round(float(np.clip(level + draws.normal(0, 0.02), 0, 1)), 6) for _ in range(3)
                )
                score = round(sum(samples) / 3, 6)
                parts = dict.fromkeys(("innovation", "complexity", "correctness", "convergence"), score)
                return Judgement(score, parts, samples, 0.02)

        return replace(super().team(run), judge=Judge())


@pytest.mark.parametrize("knows", [True, False])
def test_a_run_s_judgements_are_read_from_its_commits(tmp_path, monkeypatch, knows):
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    (tmp_path / "params.yaml").write_text("seed: 1\nclaims:\n  resamples: 500\n")
    monkeypatch.setenv("ASI_REPRO_HOME", str(tmp_path))
    run = begin(tmp_path / "artifacts" / "runs" / "judged", SETTINGS.model_copy(update={"arm": "llm"}))
    do_all(JudgedJob(run.folder, tmp_path, 16, knows=knows))
    write_run_archive(run)
    done = CliRunner().invoke(app, ["calibrate", "judged", "--json"])
    found = json.loads(done.stdout)
    loss = found["agreements"][0]
    assert found["judged"] == loss["pairs"] == len(run.store.commits()) - 1
    assert (loss["low"] > 0.5) is knows
    assert found["repeated"]["single"] > 0.5
    assert found["agreements"][2]["why"] or found["agreements"][2]["pairs"] >= 5
    shown = CliRunner().invoke(app, ["calibrate", "judged"]).stdout
    assert "shown to the Judge" in shown
    assert "Order effects: first judgement minus later ones" in shown


def test_a_run_without_a_judge_says_that_nothing_is_recorded(tmp_path, monkeypatch):
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    (tmp_path / "params.yaml").write_text("seed: 1\nclaims:\n  resamples: 500\n")
    monkeypatch.setenv("ASI_REPRO_HOME", str(tmp_path))
    run = begin(tmp_path / "artifacts" / "runs" / "plain")
    do_all(FakeJob(run.folder, tmp_path, 4))
    write_run_archive(run)
    done = CliRunner().invoke(app, ["calibrate", "plain"])
    assert done.stdout.startswith("Not recorded: no experiment of this run has a judgement")
