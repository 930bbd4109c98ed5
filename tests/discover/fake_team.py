"""A team that costs nothing: arithmetic on the text of programs, in this process or in a child.

It stands for the roles so that the loop can be killed a hundred times. What it gives hangs on its inputs
alone, as the real roles' results do in replay and in the control arm.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from asi_repro.config.discover import DiscoverSettings, LabSettings, PoolSettings
from asi_repro.discover.arms import without_parts
from asi_repro.discover.lab.cache import CachedChecker, CachedLab, ResultCache
from asi_repro.discover.loop.exploration import Exploration
from asi_repro.discover.loop.verification import Verification
from asi_repro.discover.loop.workers import WorkerJob
from asi_repro.discover.run.folder import LAB, DiscoveryRun, RunSettings
from asi_repro.discover.types import Analysis, LabFailure, LeakSuspected, Metrics, Proposal, Team, Verdict
from asi_repro.store.files import sha256_bytes

SETTINGS = DiscoverSettings(
    pool=PoolSettings(capacity=10, parents=3, references=2, cold_start=4, refresh=4),
    proposals=3,
    repairs=2,
    window=4,
    promote=2,
    verification=LabSettings(steps=48, seed=1),
)
TASKS = ("first", "second")
STAGE = {
    "scale": {"name": "made up"},
    "recipe": {"steps": 24, "batch": 4, "length": 128},
    "corpus": {"title": "made-up text"},
    "tasks": dict.fromkeys(TASKS, "sha256"),
    "limit": 20,
}


def number(text: str, below: int) -> int:
    return int(sha256_bytes(text.encode())[:12], 16) % below


class FakeResearcher:
    """Adds a line to the parent's program; every fifth first proposal is one that the checks turn down."""

    def propose(self, brief, rejections, trace):
        mark = number(f"{brief.seed}-{len(rejections)}", 10_000)
        sort = "unsound" if not rejections and brief.cycle % 5 == 0 else "plain"
        program = f"{brief.parent.program}# {sort} {mark} with {[r.index for r in brief.references]}\n"
        if brief.cycle % 7 == 3 and not rejections:
            program = brief.parent.program  # a repeat
        if sort == "plain":
            program = program.replace("unsound", "sound")
        return Proposal(f"change_{mark}", f"Adds {mark}.", program, operators=(sort,))


class FakeNovelty:
    def check(self, proposal, known, trace):
        return Verdict(proposal.motivation not in {text for _, text in known}, "by its text")


class FakeChecker:
    def __init__(self, log):
        self.log = log

    def check(self, proposal, trace):
        self.log("check", proposal.program)
        bad = "# unsound" in proposal.program
        return Verdict(not bad, "unsound" if bad else "sound", {"lines": proposal.program.count("\n")})


class FakeEngineer:
    def repair(self, proposal, log, trace):
        with trace.span("think", "LLM", log=log):
            pass
        program = f"{proposal.program}# repaired {number(log, 100)}\n"
        return Proposal(proposal.name, proposal.motivation, program, proposal.operators)


class FakeAnalyst:
    def analyse(self, proposal, metrics, baseline, parent, siblings, trace):
        return Analysis(
            f"{proposal.name}: {metrics.train_loss!r}, {[s.index for s in siblings]}\n", ("slow",)
        )


class FakeLab:
    """Metrics out of the program's hash; one program in six fails, one in seven leaks."""

    def __init__(self, log):
        self.log = log

    def run(self, program, seed, trace, *, baseline=None):
        self.log("train", f"{seed} {program}")
        draw = number(f"{seed} {program}", 1_000_000)
        if baseline is not None and draw % 6 == 0:
            raise LabFailure(f"failed at {draw}")
        if baseline is not None and draw % 7 == 0:
            raise LeakSuspected(f"loss {draw}")
        loss = 7.0 - 0.5 * (draw / 1_000_000 - 0.4) if baseline is not None else 7.0
        scores = {task: 0.3 + number(f"{task} {draw}", 1000) / 10_000 for task in TASKS}
        return Metrics(loss, scores, sum(scores.values()) / 2, ((1, 10.0), (24, loss)), 1000, 2000, 3000, 1.5)


@dataclass(frozen=True)
class FakeJob(WorkerJob):
    """A job for the fake team; `log` is a file that gets a line for every check and training."""

    log: Path | None = None
    broken: str = ""
    replay: bool = False

    def note(self, what: str, text: str) -> None:
        if self.broken == what:
            raise RuntimeError("broken on purpose")
        if self.log is not None:
            with self.log.open("a") as stream:
                stream.write(f"{what} {sha256_bytes(text.encode())[:12]}\n")

    def team(self, run):
        cache = ResultCache(run.folder / LAB)
        team = Team(
            researcher=FakeResearcher(),
            novelty=FakeNovelty(),
            checker=CachedChecker(cache, ["sound"], None if self.replay else FakeChecker(self.note)),
            analyst=FakeAnalyst(),
            lab=CachedLab(cache, STAGE, None if self.replay else FakeLab(self.note)),
            engineer=FakeEngineer(),
        )
        return without_parts(team, run.discover.without)

    def second_lab(self, run):
        live = None if self.replay else FakeLab(self.note)
        return CachedLab(ResultCache(run.folder / LAB), {**STAGE, "stage": 2}, live)

    def first(self):
        return Proposal("first", "The first.", "# the first program\n")


def begin(folder: Path, settings: DiscoverSettings = SETTINGS, seed: int = 6) -> DiscoveryRun:
    made = RunSettings(
        seed=seed,
        discover=settings,
        exploration=STAGE,
        verification={**STAGE, "stage": 2},
        llm={},
        made_with={},
    )
    return DiscoveryRun.create(folder, made)


def fake_job(folder: Path, experiments: int = 16, **more) -> FakeJob:
    return FakeJob(folder=folder, root=folder, experiments=experiments, **more)


class Killer:
    """A hook that kills this very process when `moment` comes, or at the n-th moment of all."""

    def __init__(self, moment: str = "", nth: int = 0) -> None:
        self.moment, self.nth, self.seen = moment, nth, 0

    def __call__(self, said: str) -> None:
        self.seen += 1
        if said == self.moment or self.seen == self.nth:
            os.kill(os.getpid(), signal.SIGKILL)


def do_all(work: FakeJob, hook=None) -> None:
    """Both stages, in this process."""
    run = work.open()
    Exploration(run, work.team(run), work.first, hook=hook).work(work.experiments)
    Verification(run, work.second_lab(run)).work(work.experiments)


def in_child(work: FakeJob, hook=None) -> multiprocessing.process.BaseProcess:
    """Both stages, in a forked child that is running when this returns."""
    child = multiprocessing.get_context("fork").Process(target=do_all, args=(work, hook))
    child.start()
    return child
