"""Winners trained again: they stay where programs differ, and do not where the run climbed noise."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace

import pytest
from fake_team import SETTINGS, TASKS, FakeJob, begin, do_all, number
from typer.testing import CliRunner

from asi_repro.cli import app
from asi_repro.discover.retest import plan_retest, retest_run
from asi_repro.discover.run.archive import write_run_archive
from asi_repro.discover.run.folder import DiscoveryRun
from asi_repro.discover.types import LabFailure, Metrics
from asi_repro.errors import DataError, MissingInput
from asi_repro.executor.local import ThreadExecutor
from asi_repro.results.retest import read_retest


class MadeUpLab:
    """Programs differ by `effect`, seeds by `noise`; one fresh seed of some programs fails.

    The first program has no noise in the run itself, so that there are winners to be retested.
    """

    def __init__(self, effect: float, noise: float, fails: bool = False) -> None:
        self.effect, self.noise, self.fails = effect, noise, fails

    def run(self, program, seed, trace, *, baseline=None):
        if self.fails and seed == 4 and "# plain" in program:
            raise LabFailure("broken", reason="nan")

        def draw(text):
            return number(text, 1000) / 1000 - 0.5

        first = program == "# the first program\n"
        value = 0.0 if first else self.effect * draw(program)
        value += 0.0 if first and seed == 0 else self.noise * draw(f"{seed} {program}")
        scores = {
            task: 0.3 + value / 10 + self.noise * draw(f"{task} {seed} {program}") / 10 for task in TASKS
        }
        return Metrics(7.0 - value, scores, sum(scores.values()) / 2, ((1, 9.0),), 1000, 2000, 3000, 1.0)

    def lab(self, settings, stage):
        return self

    @property
    def made_with(self):
        return {}


@dataclass(frozen=True)
class MadeUpJob(FakeJob):
    made: MadeUpLab | None = None

    def team(self, run):
        return replace(super().team(run), lab=self.made)


def finished_run(folder, lab, experiments=30):
    run = begin(folder, SETTINGS.model_copy(update={"promote": 0}))
    do_all(MadeUpJob(run.folder, run.folder, experiments, made=lab))
    write_run_archive(run)
    return run


DIFFERENT = MadeUpLab(effect=1.0, noise=0.02)


@pytest.fixture(scope="module")
def differing(tmp_path_factory):
    """The folder of a finished run whose programs differ; made once, and never written to."""
    return finished_run(tmp_path_factory.mktemp("differing") / "run", DIFFERENT).folder


def copied(folder, to):
    return DiscoveryRun(shutil.copytree(folder, to))


def retested(run, lab, top=8, seeds=4):
    jobs = plan_retest(run, top=top, seeds=seeds, labs=lab)
    return retest_run(run, jobs, ThreadExecutor(2), lambda training: None)


def test_winners_stay_where_programs_differ(differing, tmp_path):
    found = retested(copied(differing, tmp_path / "run"), DIFFERENT)
    assert len(found.winners) >= 6
    assert found.stay == found.stay_beyond("loss") == len(found.winners)
    assert found.noise["loss"].deviation == pytest.approx(0.02 / 12**0.5, rel=0.35)
    assert found.noise["loss"].beyond_corrected >= 6 > found.noise["loss"].beyond_by_chance
    claimed, again = found.shrinkage("loss")
    assert again == pytest.approx(claimed, rel=0.1)


def test_winners_of_noise_do_not_stay(tmp_path):
    lab = MadeUpLab(effect=0.0, noise=1.0)
    found = retested(finished_run(tmp_path / "run", lab), lab)
    assert len(found.winners) >= 4
    assert found.stay < len(found.winners)
    assert found.stay_beyond("loss") == 0
    assert found.noise["loss"].beyond_corrected == 0
    claimed, again = found.shrinkage("loss")
    assert abs(again) < claimed / 2


def test_a_program_that_fails_with_a_fresh_seed_is_named_and_the_others_count(differing, tmp_path):
    found = retested(copied(differing, tmp_path / "run"), MadeUpLab(effect=1.0, noise=0.02, fails=True))
    failed = [training for training in found.trainings if training.failed]
    assert failed
    assert {training.failed for training in failed} == {"nan"}
    assert {training.seed for training in failed} == {4}
    assert all(winner.again["loss"].seeds >= 3 for winner in found.winners)


class Refusing:
    """Labs or an executor that nothing may be asked of."""

    def run(self, call, tasks, **how):
        raise AssertionError(f"{len(tasks)} tasks were run")


def test_what_was_retested_is_not_trained_again_and_reads_back(differing, tmp_path):
    run = copied(differing, tmp_path / "run")
    found = retested(run, DIFFERENT)
    before = (run.folder / "retest.json").read_bytes()
    again = retest_run(run, plan_retest(run, top=8, seeds=4, labs=Refusing()), Refusing(), print)
    assert (run.folder / "retest.json").read_bytes() == before
    assert again == found
    assert read_retest(run.folder / "retest.json").stay == found.stay
    with pytest.raises(MissingInput, match="no training for this program"):
        retest_run(run, plan_retest(run, top=8, seeds=5, labs=None), Refusing(), print)
    (run.folder / "retest.json").write_text("{}")
    with pytest.raises(DataError):
        read_retest(run.folder / "retest.json")


def test_a_run_without_winners_says_so(tmp_path):
    run = begin(tmp_path / "run")
    do_all(FakeJob(run.folder, run.folder, 1))
    write_run_archive(run)
    with pytest.raises(DataError, match="no experiment of the run beats the baseline"):
        plan_retest(run, top=3, seeds=2, labs=None)


def test_the_command_takes_results_from_the_record_and_names_what_is_missing(
    differing, tmp_path, monkeypatch
):
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    (tmp_path / "params.yaml").write_text("seed: 1\nclaims:\n  resamples: 500\n")
    monkeypatch.setenv("ASI_REPRO_HOME", str(tmp_path))
    retested(copied(differing, tmp_path / "artifacts" / "runs" / "made"), DIFFERENT, top=10, seeds=3)
    done = CliRunner().invoke(app, ["retest", "--run", "made", "--recorded", "--json"])
    assert done.exit_code == 0, done.output
    winners = len(json.loads(done.stdout)["winners"])
    assert winners >= 6
    text = CliRunner().invoke(app, ["retest", "--run", "made", "--recorded"]).stdout
    assert f"{winners} of {winners} winners stay better" in text
    unknown = CliRunner().invoke(app, ["retest", "--run", "none"])
    assert unknown.exit_code != 0
    missing = CliRunner().invoke(app, ["retest", "--run", "made", "--recorded", "--seeds", "4"])
    assert missing.exit_code != 0
