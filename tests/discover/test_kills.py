"""kill -9 at every step and at random: nothing finished is lost or done twice, the commits come out the same."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest
from fake_team import Killer, begin, do_all, fake_job, in_child

from asi_repro.discover.loop.journal import Journal
from asi_repro.discover.run.folder import LAB, TIMINGS, DiscoveryRun
from asi_repro.discover.run.recorded import commit_lines
from asi_repro.store.json_lines import append_line, read_lines

EXPERIMENTS = 5


def first_commits(whole) -> list[str]:
    return [
        line for line in whole[1] if not line.startswith("verified") and int(line.split()[1]) <= EXPERIMENTS
    ]


def moments(whole) -> list[str]:
    """Every moment that the first experiments go through, by the steps that they timed."""
    steps = set()
    for line in read_lines(whole[0].folder / TIMINGS):
        if line.get("index", 99) <= EXPERIMENTS:
            steps |= set(line["steps"])
    around = [f"{when} {step}" for step in sorted(steps) for when in ("before", "after")]
    return [*around, "before rejected", "before commit", "after commit"]


def finished_work(run: DiscoveryRun) -> set[str]:
    """Programs whose training or check is in the book."""
    return {f"{line['kind']} {line['program'][:12]}" for line in read_lines(run.folder / LAB)}


def test_killed_at_every_step(whole, tmp_path):
    from asi_repro.discover.loop.exploration import Exploration

    listed = moments(whole)
    assert {"after propose.1", "after repair.0", "before check.repair.0", "after train.1"} <= set(listed)
    expected = first_commits(whole)
    for number, moment in enumerate(listed):
        run = begin(tmp_path / str(number))
        log = tmp_path / f"log-{number}"
        work = fake_job(run.folder, EXPERIMENTS, log=log)
        child = in_child(work, Killer(moment))
        child.join(60)
        assert child.exitcode == -signal.SIGKILL, moment
        committed = run.store.commits()
        Exploration(run, work.team(run), work.first).work(EXPERIMENTS)
        found = [line for line in commit_lines(run) if not line.startswith("verified")]
        assert found == expected, moment
        assert committed.items() <= run.store.commits().items()
        # What was finished before is not done again: only what the kill cut off may show up twice.
        lines = log.read_text().splitlines()
        cut_off = 1 if moment.startswith("before") else 0
        assert len(lines) - len(set(lines)) <= cut_off, moment


def kill_at_random(folder, expected: list[str], seed: int, kills: int) -> int:
    """Kill a run that many times, as far as it lasts; how many times it was."""
    draw = random.Random(seed)
    run = begin(folder)
    done = 0
    while done < kills:
        known = finished_work(run)
        log = folder.parent / f"{folder.name}-{done}"
        child = in_child(fake_job(run.folder, EXPERIMENTS, log=log))
        child.join(0.02 + draw.random() * 0.25)
        over = child.exitcode is not None
        child.kill()
        child.join()
        begun = set(log.read_text().splitlines()) if log.is_file() else set()
        repeated = {line for line in begun if line.startswith("check")} & known
        assert not repeated
        if over:
            break
        done += 1
    do_all(fake_job(run.folder, EXPERIMENTS))
    found = [line for line in commit_lines(run) if not line.startswith("verified")]
    assert found == expected
    return done


def test_killed_at_random(whole, tmp_path):
    kills = 0
    for seed in range(20):
        kills += kill_at_random(tmp_path / str(seed), first_commits(whole), seed, 10 - kills)
        if kills >= 10:
            return
    pytest.fail(f"only {kills} kills hit")


@pytest.mark.slow
def test_killed_at_random_a_hundred_times(whole, tmp_path):
    kills = 0
    for seed in range(200):
        kills += kill_at_random(tmp_path / str(seed), first_commits(whole), seed, 100 - kills)
        if kills >= 100:
            return
    pytest.fail(f"only {kills} kills hit")


def test_a_claim_ends_with_its_process(tmp_path):
    run = begin(tmp_path / "run")
    read, write = os.pipe()
    child = os.fork()
    if not child:
        with run.claim("0000001") as mine:
            os.write(write, b"1" if mine else b"0")
            time.sleep(60)
        os._exit(0)
    assert os.read(read, 1) == b"1"
    with run.claim("0000001") as mine:
        assert not mine
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with run.claim("0000001") as mine:
        assert mine


def test_a_line_that_was_cut_off_is_dropped_and_the_next_one_is_whole(tmp_path):
    path = tmp_path / "lines.jsonl"
    append_line(path, {"a": 1})
    with path.open("ab") as stream:
        stream.write(b'{"b": "cut of')
    assert read_lines(path) == [{"a": 1}]
    append_line(path, {"c": 3})
    assert read_lines(path) == [{"a": 1}, {"c": 3}]


def test_a_journal_gives_back_values_and_spans(tmp_path):
    path = tmp_path / "journal.jsonl"

    def session() -> tuple[list, str]:
        journal, done = Journal(path, "7"), []
        for name in ("one", "two"):

            def work(name=name):
                done.append(name)
                with journal.trace.span(name, "CHAIN", number=len(name)):
                    return {"value": name}

            assert journal.step(name, work) == {"value": name}
        return done, journal.trace.to_jsonl()

    done, trace = session()
    assert done == ["one", "two"]
    assert session() == ([], trace)
    data = path.read_bytes()
    path.write_bytes(data[:-5])
    assert session() == (["two"], trace)
