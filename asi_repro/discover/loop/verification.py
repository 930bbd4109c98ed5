"""The second stage: those that beat the baseline in both metrics are trained again, longer, larger, reseeded.

A verified experiment is a commit on top of its experiment's, below refs/verified/, with verification.json
beside the files. Experiment 1 is verified first: it is the baseline of this stage too.
"""

from __future__ import annotations

import threading
import time

from asi_repro.archive.history.commits import Commit
from asi_repro.discover.json_values import from_json, to_json
from asi_repro.discover.loop.events import ExperimentVerified, OnEvent, ignore
from asi_repro.discover.loop.fitness import differences
from asi_repro.discover.loop.schedule import ROOT
from asi_repro.discover.run.content import (
    ANALYSIS,
    DISCOVERY,
    ORIGIN,
    PROGRAM,
    TRACE,
    read_discovery,
    read_object,
)
from asi_repro.discover.run.folder import DiscoveryRun
from asi_repro.discover.run.store import VERIFIED
from asi_repro.discover.types import Lab, LabFailure, LeakSuspected, Metrics
from asi_repro.errors import AsiReproError
from asi_repro.store.json_text import JsonDict, dump_json
from asi_repro.traces.spans import Trace

VERIFICATION = "verification.json"
FORMAT = "asi_repro.verification/1"
VERIFYING = "verify-"
_ALL = (ANALYSIS, DISCOVERY, PROGRAM, TRACE, "README.md", "experiment.json")
_POLL_SECONDS = 0.3


def promoted(run: DiscoveryRun, experiments: int) -> list[int]:
    """The experiments to verify, in the order of their fitness; without the baseline."""
    commits = {i: c for i, c in run.store.commits().items() if i <= experiments}
    found = []
    for index, files in zip(commits, run.store.files(commits.values(), (DISCOVERY,)), strict=True):
        fitness = read_discovery(files, f"experiment {index}").fitness
        if index != ROOT and fitness.beats_baseline:
            found.append((-fitness.value, index))
    return [index for _, index in sorted(found)][: run.discover.promote]


class Verification:
    """The second stage of a run; any number of processes may work on it.

    Args:
        lab: of this stage.
        stop: see `Exploration`.
    """

    def __init__(
        self, run: DiscoveryRun, lab: Lab, *, on_event: OnEvent = ignore, stop: threading.Event | None = None
    ) -> None:
        self.run, self._lab, self._on_event = run, lab, on_event
        self._stop = stop or threading.Event()

    def work(self, experiments: int) -> None:
        """Verify what the first `experiments` have promoted; they must be finished.

        Raises:
            AsiReproError: where the baseline has no result in this stage.
        """
        chosen = promoted(self.run, experiments)
        if not chosen:
            return
        while ROOT not in (done := self.run.store.commits(VERIFIED)):
            if self._stop.is_set():
                return
            if not self._try(ROOT, None):
                time.sleep(_POLL_SECONDS)
        baseline = self._baseline(done[ROOT])
        while left := [i for i in chosen if i not in self.run.store.commits(VERIFIED)]:
            if self._stop.is_set():
                return
            if not any(self._try(index, baseline) for index in left):
                time.sleep(_POLL_SECONDS)

    def _try(self, index: int, baseline: Metrics | None) -> bool:
        with self.run.claim(f"{VERIFYING}{index:07d}") as mine:
            if not mine or self._stop.is_set() or index in self.run.store.commits(VERIFIED):
                return False
            self._do(index, baseline)
            return True

    def _do(self, index: int, baseline: Metrics | None) -> None:
        parent = self.run.store.commits()[index]
        files = self.run.store.files([parent], _ALL)[0]
        settings = self.run.discover
        record: JsonDict = {
            "format": FORMAT,
            "origin": ORIGIN,
            "index": index,
            "training_seed": settings.verification.seed,
            "scale": settings.verification.scale,
            "steps": self.run.settings.verification["recipe"]["steps"],
            "limit": settings.verification.limit,
        }
        try:
            metrics = self._lab.run(
                files[PROGRAM].decode(), settings.verification.seed, Trace(str(index)), baseline=baseline
            )
            loss, benchmark = differences(metrics, baseline or metrics, settings)
            record |= {
                "metrics": to_json(metrics),
                "loss_difference": loss,
                "benchmark_difference": benchmark,
                "passed": loss > 0 and benchmark > 0,
            }
        except (LabFailure, LeakSuspected) as error:
            if baseline is None:
                raise AsiReproError(
                    f"the baseline has no result in the second stage: {error.what}", where=error.where
                ) from error
            record |= {"failed": error.what, "passed": False}
        message = f"Verify experiment {index}: {_outcome(record, baseline is None)}\n"
        commit = Commit(index, {**files, VERIFICATION: dump_json(record).encode()}, message.encode(), parent)
        self.run.store.add(commit, VERIFIED)
        self._on_event(ExperimentVerified(index, message.strip()))

    def _baseline(self, commit: str) -> Metrics:
        files = self.run.store.files([commit], (VERIFICATION,))[0]
        where = f"{self.run.store.folder}, refs/verified, experiment {ROOT}"
        return from_json(Metrics, read_object(files, VERIFICATION, where).get("metrics"), where)


def _outcome(record: JsonDict, baseline: bool) -> str:
    if baseline:
        return "the baseline of this stage"
    if "failed" in record:
        return "failed"
    return "passed" if record["passed"] else "did not beat the baseline again"
