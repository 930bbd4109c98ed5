"""The suite in a small form, and that it would see each bad end: a suite that passes everything proves nothing."""

from __future__ import annotations

import itertools
import random
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from faults import clocks, places, suite
from faults.bench import Aftermath, Bench
from faults.commands import Running
from faults.damage import KEPT, flip, truncate
from faults.jobs import Job
from faults.outcomes import GOOD, Outcome, Shot
from faults.table import Ran, page

# Enough of each kind with what is cheap: everything else is in the slow run and in `make faults`.
SMALL = (
    ("kill -9 of the driver", "archive"),
    ("SIGTERM to the driver", "archive"),
    ("two at once", "archive"),
    ("flipped bit", "Parquet tables"),
    ("truncated file", "Parquet tables"),
    *((fault, kept.name) for kept in KEPT if kept.job is None for fault in ("flipped bit", "truncated file")),
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"))


def one(fault: str, target: str, bench: Bench, seed: str = "1") -> Shot | None:
    trial = next(t for t in suite.trials() if t.fault.startswith(fault) and t.target == target)
    return suite.inject(trial, bench, seed)


@pytest.mark.parametrize(("fault", "target"), SMALL)
def test_a_fault_of_each_cheap_kind(fault: str, target: str, bench: Bench) -> None:
    shot = one(fault, target, bench)
    assert shot is not None
    assert shot.outcome.good, shot


@pytest.mark.skipif(not places.can_mount(), reason="not run: mounting a small disk takes root")
@pytest.mark.parametrize("fault", ["disk full", "read-only target"])
def test_a_disk_that_cannot_be_written(fault: str, bench: Bench) -> None:
    shot = one(fault, "archive", bench)
    assert shot is not None
    assert shot.outcome is Outcome.REFUSED, shot


@pytest.mark.skipif(
    clocks.faketime() is None, reason="not run: libfaketime is not here (apt install faketime)"
)
def test_a_wrong_clock_changes_nothing(bench: Bench) -> None:
    shot = one("clock wrong", "archive", bench)
    assert shot is not None
    assert shot.outcome is Outcome.SAME, shot


@pytest.mark.slow
@pytest.mark.machine
def test_every_kind_once(tmp_path: Path) -> None:
    listed = list({(t.fault, t.target): t for t in suite.trials()}.values())
    done = suite.run_suite(
        listed, Bench(tmp_path), seed=1, rounds=1, jobs=2, told=lambda trial, shot: print(trial.target, shot)
    )
    assert len(done.shots) > 0.8 * len(listed)
    assert [shot for shot in done.shots if not shot.outcome.good] == []


# The judge: commands that are bad on purpose

FINE = "Path('made').write_text('right')"


def command(code: str) -> list[str]:
    return [sys.executable, "-c", f"import sys, time, subprocess\nfrom pathlib import Path\n{code}"]


def job(code: str) -> Job:
    """A command of which nothing undisturbed is bad."""
    return Job("made up", command(code), lambda folder: folder.mkdir(parents=True), ("made",))


@pytest.fixture
def judged(tmp_path: Path) -> Callable[..., Outcome]:
    numbers = itertools.count()

    def judge(disturbed: str, again: str = FINE, *, cut_off: bool = False, patience: float = 20.0) -> Outcome:
        bench, sound = Bench(tmp_path / str(next(numbers))), job(FINE)
        bench.undisturbed(sound)
        later = replace(
            sound, arguments=command(again), finished=lambda p: {f.name: "x" for f in p.glob("kept")}
        )
        with bench.copy(sound) as project:
            first = Running(command(disturbed), project).end(patience)
            finished = later.finished(project)
            return Aftermath(later, bench, project).judge(first, finished, cut_off=cut_off).outcome

    return judge


CLEAR = "sys.exit('error: no room\\n  where: here\\n  what to do: make room')"


def test_good_ends_are_told_apart(judged: Callable[..., Outcome]) -> None:
    assert judged(FINE) is Outcome.SAME
    assert judged(CLEAR) is Outcome.REFUSED
    assert judged("sys.exit(7)", cut_off=True) is Outcome.RECOVERED


def test_bad_ends_are_seen(judged: Callable[..., Outcome]) -> None:
    assert judged("Path('made').write_text('wrong')") is Outcome.WRONG
    assert judged(CLEAR, "Path('made').write_text('wrong')") is Outcome.WRONG
    assert judged("raise ValueError('x')") is Outcome.TRACEBACK
    assert judged("sys.exit('error: it did not work')") is Outcome.UNCLEAR
    assert judged(CLEAR, "sys.exit(3)") is Outcome.STUCK
    assert judged(f"Path('kept').touch(); {CLEAR}", f"Path('kept').unlink(); {FINE}") is Outcome.LOST


def test_a_hang_and_a_process_left_behind_are_seen(
    judged: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("faults.commands._GONE_SECONDS", 0.3)
    assert judged("time.sleep(60)", patience=0.5) is Outcome.HANG
    leaves = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); time.sleep(1)"
    assert judged(leaves) is Outcome.LEFT_RUNNING


def test_a_suite_that_injects_nothing_counts_nothing(bench: Bench) -> None:
    from faults.bench import Trial

    idle = [Trial("kill", "nothing", "made up", lambda bench, draw: None)]
    done = suite.run_suite(idle, bench, seed=1, rounds=2, jobs=1, told=lambda trial, shot: None)
    assert (done.shots, done.missed, done.not_begun) == ([], 2, 0)
    late = suite.run_suite(idle, bench, seed=1, rounds=2, jobs=1, told=lambda t, s: None, minutes=-1.0)
    assert (late.shots, late.missed, late.not_begun) == ([], 0, 2)


def test_kept_faults_are_read_back_in_the_suite_s_order(tmp_path: Path) -> None:
    last = Shot("flipped bit", "certificate", Outcome.REFUSED, "x")
    first = Shot("kill -9 of the driver", "archive", Outcome.RECOVERED, "", 1.5)
    for shot in (last, None, first):
        suite.keep(tmp_path / "kept", 3, shot)
    seeds, done = suite.read_kept(tmp_path / "kept")
    assert (seeds, done.shots, done.missed) == ([3], [first, last], 1)


def test_damage_damages(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for seed in range(20):
        path.write_bytes(b"0123456789")
        flip(path, random.Random(seed))
        data = path.read_bytes()
        assert len(data) == 10
        assert sum((a ^ b).bit_count() for a, b in zip(data, b"0123456789", strict=True)) == 1
        truncate(path, random.Random(seed))
        assert data.startswith(path.read_bytes())
        assert path.stat().st_size < 10


def test_the_page_counts_what_was_injected() -> None:
    shots = [
        Shot("kill -9 of the driver", "train", Outcome.RECOVERED, "", 3.0, 2.0),
        Shot("kill -9 of the driver", "train", Outcome.RECOVERED, "", 12.0, 2.5),
        Shot("flipped bit", "lab.jsonl", Outcome.WRONG, "a | b"),
    ]
    text = page(Ran([1], 2, suite.Done(shots)))
    assert (
        "**3 faults, 0 finished experiments or models lost, 1 silently wrong results, 1 bad outcomes" in text
    )
    assert "| kill -9 of the driver | train | 2 |  | 2 |  |  |" in text
    assert "| train | 2 | 7.5 (2.2) | 12.0 (2.5) |" in text
    assert "1 of 2 recoveries were within it" in text
    assert "| silently wrong | flipped bit | lab.jsonl | a \\| b |" in text
    assert len(GOOD) == 3
