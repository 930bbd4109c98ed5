"""The fake team of the discovery tests, with its trainings and checks as tasks on Ray nodes."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from fake_team import (
    STAGE,
    FakeAnalyst,
    FakeChecker,
    FakeEngineer,
    FakeLab,
    FakeNovelty,
    FakeOrder,
    FakeResearcher,
)

from asi_repro.discover.lab.cache import Book, BookedChecker, BookedLab
from asi_repro.discover.lab.nodes import Checking, Training, leave, leave_training
from asi_repro.discover.records import to_json
from asi_repro.discover.run.folder import LAB
from asi_repro.discover.types import Team
from asi_repro.sandbox.outcome import SandboxUnavailable
from asi_repro.store.files import sha256_bytes
from asi_repro.traces.spans import Trace


def note(folder: Path, what: str, program: str) -> None:
    """A file that says which process did what; as many as times it was done."""
    digest = sha256_bytes(program.encode())[:12]
    (folder.parent / f"{what}-{digest}-{os.getpid()}-{time.monotonic_ns()}").touch()


def train(task: Training, stop: threading.Event) -> None:
    """The fake lab's result; waits where there is a file `hold`, fails where there is one `broken`."""
    note(task.folder, "train", f"{task.seed} {task.program}")
    if (task.folder.parent / "broken").exists() and task.baseline is not None:
        raise SandboxUnavailable("no sandbox on this node")
    while (task.folder.parent / "hold").exists() and task.baseline is not None:
        time.sleep(0.02)
    lab = FakeLab(lambda what, text: None)
    times = [{"kind": "lab", "scale": task.settings.scale, "step_seconds": 0.5}]
    leave_training(
        task, lambda: lab.run(task.program, task.seed, Trace("node"), baseline=task.baseline), times
    )


def check(task: Checking, stop: threading.Event) -> None:
    """The fake checker's verdict."""
    note(task.folder, "check", task.proposal.program)
    verdict = FakeChecker(lambda what, text: None).check(task.proposal, Trace("node"))
    leave(task.folder, task.key, {"verdict": to_json(verdict)}, [])


@dataclass(frozen=True)
class NodesOrder(FakeOrder):
    """The fake team's order, with nodes."""

    def team(self, run):
        book, nodes = Book(run.folder / LAB), self.nodes
        return Team(
            researcher=FakeResearcher(),
            novelty=FakeNovelty(),
            checker=BookedChecker(book, ["sound"], nodes.checker(run, ["sound"]), {}),
            analyst=FakeAnalyst(),
            lab=BookedLab(book, STAGE, nodes.lab(run, run.discover.exploration, STAGE), {}),
            engineer=FakeEngineer(),
        )

    def second_lab(self, run):
        stage = {**STAGE, "stage": 2}
        live = self.nodes.lab(run, run.discover.verification, stage)
        return BookedLab(Book(run.folder / LAB), stage, live, {})
