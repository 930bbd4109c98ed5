"""Trainings and checks of a run as tasks of a Ray cluster; everything else stays with the driver.

Journals, locks, the cache and the database are one machine's: kernel locks mean nothing between machines. So
the driver's threads work on the run as processes do without a cluster, and only what costs something goes
out. A node leaves the result in the run's folder, by content key, and the driver puts it into the cache; what
a node has finished is there for the next driver where this one dies.
"""

from __future__ import annotations

import json
import platform
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asi_repro.config.discover import LabSettings
from asi_repro.config.executor import ExecutorSettings
from asi_repro.discover.json_values import from_json, to_json
from asi_repro.discover.lab.cache import check_key, training_key
from asi_repro.discover.lab.checker import SandboxChecker
from asi_repro.discover.lab.live import LiveLab, made_with
from asi_repro.discover.lab.result import decode_result, encode_result
from asi_repro.discover.run.folder import TIMINGS, TRAINING, step_seconds
from asi_repro.discover.types import Checker, Lab, Metrics, Proposal, Verdict
from asi_repro.errors import AsiReproError, DataError
from asi_repro.executor.choose import resources_of
from asi_repro.executor.on_ray import RaySession
from asi_repro.models.memory import keep_freed_memory
from asi_repro.store.files import atomic_write
from asi_repro.store.json_lines import append_line
from asi_repro.store.json_text import JsonDict, dump_json
from asi_repro.sweep.workspace import open_workspace
from asi_repro.traces.spans import Trace

RESULTS = ".nodes"
# What has to be the same on a node for its results to be those of the driver's machine.
_SAME = ("code", "python", "torch", "transformers", "lm-eval")


@dataclass(frozen=True)
class TrainingTask:
    """A training and its scores, as a node does them.

    Attributes:
        root, folder: of the project and the run, which every node sees.
        key: of the result.
        program, seed, settings, baseline: see `discover.types.Lab`.
        peers: mean seconds a step of the trainings before.
        made_with: of the driver.
    """

    root: Path
    folder: Path
    key: str
    program: str
    seed: int
    settings: LabSettings
    baseline: Metrics | None
    peers: tuple[float, ...]
    made_with: JsonDict


@dataclass(frozen=True)
class CheckTask:
    """The checks on a proposal, as a node does them; attributes as `TrainingTask`'s."""

    folder: Path
    key: str
    proposal: Proposal
    rows: tuple[str, ...]
    made_with: JsonDict


def train_on_node(task: TrainingTask, stop: threading.Event) -> None:
    """Train and score, and leave what came of it."""
    check_same_code(task.made_with)
    keep_freed_memory()
    times: list[JsonDict] = []
    lab = LiveLab(
        open_workspace(task.root, scale=task.settings.scale),
        task.settings,
        task.folder / TRAINING,
        peers=lambda: list(task.peers),
        timed=times.append,
    )
    leave_training(
        task, lambda: lab.run(task.program, task.seed, Trace("node"), baseline=task.baseline), times
    )


def leave_training(task: TrainingTask, train: Callable[[], Metrics], times: list[JsonDict]) -> None:
    """Run a training and write how it ended; what is no fault of the program is raised."""
    leave(task.folder, task.key, encode_result(train), times)


def check_on_node(task: CheckTask, stop: threading.Event) -> None:
    """Run the checks, and leave the verdict."""
    check_same_code(task.made_with)
    verdict = SandboxChecker(task.rows).check(task.proposal, Trace("node"))
    leave(task.folder, task.key, {"verdict": to_json(verdict)}, [])


def check_same_code(driver: JsonDict) -> None:
    """Refuse a node whose results would not be the driver's.

    Raises:
        AsiReproError: where a version or this package's code differs.
    """
    here = made_with()
    other = [name for name in _SAME if here.get(name) != driver.get(name)]
    if other:
        raise AsiReproError(
            f"node {platform.node()} has a different {other[0]} from the driver: "
            f"{here.get(other[0])}, not {driver.get(other[0])}",
            hint="install the same environment on every node",
        )


def leave(folder: Path, key: str, result: JsonDict, times: list[JsonDict]) -> None:
    """Write a result where the driver looks for it."""
    atomic_write(folder / RESULTS / f"{key}.json", dump_json({"key": key, "result": result, "times": times}))


def collect(folder: Path, key: str) -> tuple[JsonDict, list[JsonDict]] | None:
    """What a node has left, or None.

    Raises:
        DataError: where it is damaged.
    """
    path = folder / RESULTS / f"{key}.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["key"] != key or not isinstance(found["result"], dict):
            raise ValueError("it is of another key")
        return found["result"], list(found["times"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"a node returned a result that cannot be read: {error}", where=str(path)) from error


@dataclass(frozen=True)
class ClusterLabs:
    """The nodes of a cluster, as `LiveLabs`.

    Attributes:
        session: of the cluster.
        stop: set when the run is being stopped.
        settings: of the executor: what a task needs by scale.
        root, folder: of the project and the run.
        made_with: of this process, see `lab.live.made_with`.
        train, check: what a node does; functions that it can import.
    """

    session: RaySession
    stop: threading.Event
    settings: ExecutorSettings
    root: Path
    folder: Path
    made_with: JsonDict
    train: Callable[[TrainingTask, threading.Event], None] = train_on_node
    check: Callable[[CheckTask, threading.Event], None] = check_on_node
    _running: dict[str, threading.Lock] = field(default_factory=dict, repr=False)

    def lab(self, settings: LabSettings, stage: JsonDict) -> Lab:
        """See `LiveLabs`."""
        return _ClusterLab(self, settings, stage)

    def checker(self, rows: list[str]) -> Checker:
        """See `LiveLabs`."""
        return _ClusterChecker(self, rows)

    def result(self, call: Callable[[Any, threading.Event], Any], task: Any, scale: str) -> JsonDict:
        """The result of a task, which is not begun where a node has left it before.

        Raises:
            AsiReproError: what the task raised, or where its nodes died too often.
        """
        # Two experiments may want the same program at the same time; a node would work in the same folder.
        with self._running.setdefault(task.key, threading.Lock()):
            found = collect(task.folder, task.key)
            if found is None:
                needs = resources_of(self.settings.needs(scale))
                self.session.call(call, task, resources=needs, stop=self.stop)
                found = collect(task.folder, task.key)
                if found is None:
                    raise AsiReproError(
                        f"a node returned no result for key {task.key[:16]}…",
                        where=str(task.folder / RESULTS),
                        hint="every node must see the project's folder under the same path",
                    )
                for line in found[1]:
                    append_line(task.folder / TIMINGS, line)
            return found[0]

    def forget_results(self) -> None:
        """Drop what nodes left: it is in the cache."""
        shutil.rmtree(self.folder / RESULTS, ignore_errors=True)


@dataclass(frozen=True)
class _ClusterLab:
    """A lab whose trainings are tasks on nodes."""

    labs: ClusterLabs
    settings: LabSettings
    stage: JsonDict

    def run(self, program: str, seed: int, trace: Trace, *, baseline: Metrics | None = None) -> Metrics:
        """See `discover.types.Lab`."""
        labs, key = self.labs, training_key(program, seed, self.stage)
        task = TrainingTask(
            labs.root,
            labs.folder.resolve(),
            key,
            program,
            seed,
            self.settings,
            baseline,
            tuple(step_seconds(labs.folder / TIMINGS, self.settings.scale)),
            labs.made_with,
        )
        result = labs.result(labs.train, task, self.settings.scale)
        return decode_result(result, f"what a node left for key {key}")


@dataclass(frozen=True)
class _ClusterChecker:
    """A checker whose checks are tasks on nodes; they need what the smoke scale does."""

    labs: ClusterLabs
    rows: list[str]

    def check(self, proposal: Proposal, trace: Trace) -> Verdict:
        """See `discover.types.Checker`."""
        labs, key = self.labs, check_key(proposal.program, self.rows)
        task = CheckTask(labs.folder.resolve(), key, proposal, tuple(self.rows), labs.made_with)
        result = labs.result(labs.check, task, "smoke")
        return from_json(Verdict, result.get("verdict"), f"what a node left for key {key}")
