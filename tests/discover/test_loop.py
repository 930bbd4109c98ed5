"""A whole run: what it leaves, that timing has no say, and what a changed setting or record does."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess

import pytest
from fake_team import SETTINGS, begin, do_all, fake_job, in_child

from asi_repro.archive.history.commits import Commit
from asi_repro.discover.loop.events import ExperimentFinished
from asi_repro.discover.loop.workers import _listen, work
from asi_repro.discover.run.content import DISCOVERY
from asi_repro.discover.run.folder import COMMITS, LAB, DiscoveryRun
from asi_repro.discover.run.recorded import check_reproduction, commit_lines, record_run, set_up_reproduction
from asi_repro.discover.run.store import VERIFIED
from asi_repro.errors import AsiReproError, DataError, MissingInput
from asi_repro.store.json_lines import append_line, read_lines


def git(run: DiscoveryRun, *arguments: str) -> str:
    command = ["git", f"--git-dir={run.store.folder}", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_the_run_met_everything_that_can_happen(whole):
    work, lines = whole
    run = DiscoveryRun(work.folder)
    by = [
        one["by"]
        for path in (work.folder / "rejected").glob("*.json")
        for one in json.loads(path.read_text())["turned_down"]
    ]
    assert {"repeat", "check", "lab"} <= set(by)
    assert run.failed()
    assert any("repairs" in d and d["repairs"] for d in discoveries(run))
    assert sum(line.startswith("verified") for line in lines) == 3
    assert run.finished() == set(range(1, work.experiments + 1))


def discoveries(run: DiscoveryRun) -> list[dict]:
    files = run.store.files(run.store.commits().values(), (DISCOVERY,))
    return [json.loads(one[DISCOVERY]) for one in files]


def test_each_experiment_is_a_commit_on_its_parents(whole):
    run = DiscoveryRun(whole[0].folder)
    commits = run.store.commits()
    for index, commit in commits.items():
        names = git(run, "ls-tree", "--name-only", commit).split()
        assert names == [
            "README.md",
            "analysis.md",
            "discovery.json",
            "experiment.json",
            "program.py",
            "trace.jsonl",
        ]
        found = json.loads(git(run, "show", f"{commit}:discovery.json"))
        parents = git(run, "log", "-1", "--format=%P", commit).split()
        assert parents == ([] if found["parent"] is None else [commits[found["parent"]]])
        assert "not the paper's" in found["origin"]
        spans = [json.loads(line) for line in git(run, "show", f"{commit}:trace.jsonl").splitlines()]
        assert {span["session"] for span in spans} == {str(index)}
    assert git(run, "fsck", "--full", "--strict", "--no-dangling") == ""
    verified = run.store.commits(VERIFIED)
    assert all(git(run, "log", "-1", "--format=%P", c).strip() == commits[i] for i, c in verified.items())
    assert not git(run, "for-each-ref", "refs/asi-repro")


def test_a_batch_samples_from_the_state_before_it(whole):
    run = DiscoveryRun(whole[0].folder)
    for found in discoveries(run):
        shown = [found["parent"], *found["references"]] if found["parent"] else []
        assert all(index <= run.schedule.snapshot(found["index"]) for index in shown)
        assert found["snapshot"] == run.schedule.snapshot(found["index"]) if shown else True


def test_processes_that_share_a_run_come_to_the_same_commits(whole, tmp_path):
    run = begin(tmp_path / "run")
    shared = fake_job(run.folder, log=tmp_path / "log")
    children = [in_child(shared) for _ in range(3)]
    for child in children:
        child.join(120)
    assert [child.exitcode for child in children] == [0, 0, 0]
    assert commit_lines(run) == whole[1]
    both = [sorted(path.read_text().splitlines()) for path in (tmp_path / "log", whole[0].log)]
    assert both[0] == both[1]  # nothing was trained or checked twice


def test_workers_that_are_spawned_come_to_the_same_commits(whole, tmp_path):
    run = begin(tmp_path / "run")
    events = []
    work(fake_job(run.folder), 2, events.append)
    assert commit_lines(run) == whole[1]
    assert sorted(one.index for one in events if isinstance(one, ExperimentFinished)) == list(range(1, 17))


def test_an_error_in_a_worker_ends_them_all_and_says_what(tmp_path):
    run = begin(tmp_path / "run")
    with pytest.raises(AsiReproError, match="broken on purpose"):
        work(fake_job(run.folder, broken="train"), 2)


def test_a_longer_run_begins_with_the_shorter_one(whole, tmp_path):
    run = begin(tmp_path / "run", SETTINGS.model_copy(update={"promote": 0}))
    from asi_repro.discover.loop.exploration import Exploration

    for experiments in (3, 16):
        short = fake_job(run.folder, experiments)
        Exploration(run, short.team(run), short.first).work(experiments)
    assert commit_lines(run) == [line for line in whole[1] if not line.startswith("verified")]


def test_a_recorded_run_is_repeated_from_its_record_alone(whole, tmp_path):
    source, lines = whole
    assert record_run(DiscoveryRun(source.folder), tmp_path / "kept") < 100_000
    replay, experiments = set_up_reproduction(tmp_path / "kept")
    again = fake_job(replay.folder, experiments, replay=True, broken="train")
    do_all(again)
    assert check_reproduction(replay) == len(lines)
    assert commit_lines(replay) == lines


def test_a_replay_that_comes_out_otherwise_names_the_first_experiment(whole, tmp_path):
    record_run(DiscoveryRun(whole[0].folder), tmp_path / "kept")
    book = tmp_path / "kept" / LAB
    lines = read_lines(book)
    changed = next(line for line in lines[8:] if "metrics" in line["result"])
    changed["result"]["metrics"]["train_loss"] += 0.001
    book.unlink()
    for line in lines:
        append_line(book, line)
    replay, experiments = set_up_reproduction(tmp_path / "kept")
    do_all(fake_job(replay.folder, experiments, replay=True))
    with pytest.raises(DataError, match=r"experiment \d+ came out differently") as error:
        check_reproduction(replay)
    first = int(error.value.what.split()[1])
    pinned = (tmp_path / "kept" / COMMITS).read_text().splitlines()
    same = {line.split()[1] for line in pinned} - {
        line.split()[1] for line in set(pinned) ^ set(commit_lines(replay))
    }
    assert first == min(set(range(1, 17)) - {int(index) for index in same})


def test_a_replay_without_a_result_says_so(whole, tmp_path):
    record_run(DiscoveryRun(whole[0].folder), tmp_path / "kept")
    book = tmp_path / "kept" / LAB
    book.write_text("".join(book.read_text().splitlines(keepends=True)[:4]))
    replay, experiments = set_up_reproduction(tmp_path / "kept")
    with pytest.raises(MissingInput, match="the record contains no"):
        do_all(fake_job(replay.folder, experiments, replay=True))


def test_a_run_is_not_gone_on_with_under_other_settings(whole):
    changed = SETTINGS.model_copy(update={"proposals": 2})
    with pytest.raises(DataError, match=r"discover\.proposals: 3 there, 2 now"):
        begin(whole[0].folder, changed)
    begin(whole[0].folder, SETTINGS.model_copy(update={"experiments": 99}))  # changes no experiment


def test_a_second_commit_of_an_index_is_refused(tmp_path):
    run = begin(tmp_path / "run")
    first = Commit(5, {"a": b"one"}, b"one\n", None)
    assert (
        run.store.add(first)
        == run.store.add(first)
        == git(run, "rev-parse", "refs/experiments/0000005").strip()
    )
    with pytest.raises(DataError, match="experiment 5 already exists as another commit"):
        run.store.add(Commit(5, {"a": b"two"}, b"two\n", None))
    assert run.store.commits() == {5: first.id}


@pytest.mark.parametrize("name", ["../x", "release", "", "a/b", "-x", "a" * 70])
def test_names_that_no_run_may_have(name, tmp_path):
    from asi_repro.discover.run.folder import check_name

    with pytest.raises(AsiReproError, match="not a valid name for a run"):
        check_name(name)


def test_a_worker_that_was_killed_is_an_error_that_names_the_run(tmp_path):
    context = multiprocessing.get_context("fork")
    child = context.Process(target=end_at_once, name="discover-0")
    child.start()
    child.join()
    with pytest.raises(AsiReproError, match="discover-0 died") as error:
        _listen([child], context.Queue(), lambda stage, index, text: None, tmp_path)
    assert error.value.where == str(tmp_path)
    assert "resume" in str(error.value.hint)


def end_at_once() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
