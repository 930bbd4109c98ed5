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
    FakeJob,
    FakeLab,
    FakeNovelty,
    FakeResearcher,
)

from asi_repro.discover.json_values import to_json
from asi_repro.discover.lab.cache import CachedChecker, CachedLab, ResultCache
from asi_repro.discover.lab.cluster import CheckTask, TrainingTask, leave, leave_training
from asi_repro.discover.run.folder import LAB
from asi_repro.discover.types import Team
from asi_repro.sandbox.outcome import SandboxUnavailable
from asi_repro.store.files import sha256_bytes
from asi_repro.traces.spans import Trace


def note(folder: Path, what: str, program: str) -> None:
    """A file that says which process did what; as many as times it was done."""
    digest = sha256_bytes(program.encode())[:12]
    (folder.parent / f"{what}-{digest}-{os.getpid()}-{time.monotonic_ns()}").touch()


def train(task: TrainingTask, stop: threading.Event) -> None:
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


def check(task: CheckTask, stop: threading.Event) -> None:
    """The fake checker's verdict; noted once it is left, so that a run cut off before does not count."""
    verdict = FakeChecker(lambda what, text: None).check(task.proposal, Trace("node"))
    leave(task.folder, task.key, {"verdict": to_json(verdict)}, [])
    note(task.folder, "check", task.proposal.program)


@dataclass(frozen=True)
class ClusterJob(FakeJob):
    """The fake team's job, on a cluster."""

    def team(self, run):
        cache = ResultCache(run.folder / LAB)
        return Team(
            researcher=FakeResearcher(),
            novelty=FakeNovelty(),
            checker=CachedChecker(cache, ["sound"], self.labs.checker(["sound"])),
            analyst=FakeAnalyst(),
            lab=CachedLab(cache, STAGE, self.labs.lab(run.discover.exploration, STAGE)),
            engineer=FakeEngineer(),
        )

    def second_lab(self, run):
        stage = {**STAGE, "stage": 2}
        live = self.labs.lab(run.discover.verification, stage)
        return CachedLab(ResultCache(run.folder / LAB), stage, live)
