"""The loop over a run: which experiment is next, what it may know, and how it is kept when it is over."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Literal

from asi_repro.archive.history.commits import Commit
from asi_repro.discover.loop.events import ExperimentFinished, OnEvent, ignore
from asi_repro.discover.loop.experiment import Experiment, ExperimentOutcome, PriorExperiments
from asi_repro.discover.loop.journal import Hook, Journal
from asi_repro.discover.loop.schedule import ROOT
from asi_repro.discover.run.content import ANALYSIS, DISCOVERY, PROGRAM, read_candidate
from asi_repro.discover.run.folder import TIMINGS, DiscoveryRun
from asi_repro.discover.run.rejected import RejectedRecord, read_rejected
from asi_repro.discover.types import Candidate, Proposal, Team
from asi_repro.errors import AsiReproError
from asi_repro.sandbox.watch import hidden_cpu_seconds
from asi_repro.store.files import atomic_write, sha256_bytes
from asi_repro.store.json_lines import append_line

_FILES = (DISCOVERY, "experiment.json", PROGRAM, ANALYSIS)
_POLL_SECONDS = 0.3


class Exploration:
    """Works on a run until it has so many experiments; any number of processes may do so at once.

    Args:
        first: gives the first program.
        hook: see `Journal`.
        stop: where it is set no other experiment is begun; for threads, which cannot be ended.
    """

    def __init__(
        self,
        run: DiscoveryRun,
        team: Team,
        first: Callable[[], Proposal],
        *,
        hook: Hook | None = None,
        on_event: OnEvent = ignore,
        stop: threading.Event | None = None,
    ) -> None:
        self.run = run
        self._team, self._first, self._hook, self._on_event = team, first, hook, on_event
        self._stop = stop or threading.Event()
        self._candidates: dict[int, Candidate] = {}
        self._snapshots: dict[int, tuple[Candidate, ...]] = {}

    def work(self, experiments: int) -> None:
        """Take one experiment after the other until the first `experiments` are over.

        Waits where what is left hangs on experiments that another process has in hand.

        Raises:
            AsiReproError: where something failed that is no fault of a program.
        """
        while not self._stop.is_set():
            finished = self.run.finished()
            left = [index for index in range(ROOT, experiments + 1) if index not in finished]
            if not left:
                return
            if not any(self._try(index) for index in left if self.run.schedule.needs(index) < left[0]):
                self._stop.wait(_POLL_SECONDS)

    def _try(self, index: int) -> bool:
        """Do an experiment if nobody else does; whether it was done."""
        with self.run.claim(f"{index:07d}") as mine:
            if not mine or self._stop.is_set() or index in self.run.finished():
                return False
            self._do(index)
            return True

    def _do(self, index: int) -> None:
        began = time.perf_counter(), _cpu_seconds()
        journal = Journal(self.run.journal(f"{index:07d}"), str(index), hook=self._hook)
        commits = self.run.store.commits()
        outcome = Experiment(
            index,
            settings=self.run.discover,
            schedule=self.run.schedule,
            team=self._team,
            prior=self._prior(index, commits),
            journal=journal,
            first=self._first,
        ).run()
        self._keep(index, outcome, journal, commits, began)

    def _prior(self, index: int, commits: dict[int, str]) -> PriorExperiments:
        if index == ROOT:
            return PriorExperiments()
        schedule = self.run.schedule
        memory = schedule.memory(index)
        self._read({i: commit for i, commit in commits.items() if i <= memory})
        if ROOT not in self._candidates:
            path = self.run.rejected(ROOT, failed=True)
            why = read_rejected(path).why if path.is_file() else "unknown"
            raise AsiReproError(
                f"the first program has no result to compare others with: {why}",
                where=str(path),
                hint="`asi-repro doctor` tests the sandbox; use another name (--run) to start a new run",
            )
        snapshot = schedule.snapshot(index)
        if snapshot not in self._snapshots:
            self._snapshots[snapshot] = tuple(c for i, c in sorted(self._candidates.items()) if i <= snapshot)
        known = [c for i, c in sorted(self._candidates.items()) if i <= memory]
        return PriorExperiments(
            pool=self._snapshots[snapshot],
            memory=tuple((c.index, c.motivation, sha256_bytes(c.program.encode())) for c in known),
            baseline=self._candidates[ROOT].metrics,
        )

    def _read(self, commits: dict[int, str]) -> None:
        new = {index: commit for index, commit in commits.items() if index not in self._candidates}
        for index, files in zip(new, self.run.store.files(new.values(), _FILES), strict=True):
            where = f"{self.run.store.folder}, experiment {index}"
            self._candidates[index] = read_candidate(files, where)

    def _keep(
        self,
        index: int,
        outcome: ExperimentOutcome,
        journal: Journal,
        commits: dict[int, str],
        began: tuple[float, float],
    ) -> None:
        """Write what was turned down, then the commit; the journal goes last."""
        status: Literal["committed", "failed"] = "committed" if outcome.finished else "failed"
        append_line(
            self.run.folder / TIMINGS,
            {
                "kind": "experiment",
                "index": index,
                "status": status,
                "steps": {name: round(seconds, 4) for name, seconds in journal.seconds.items()},
                "session_seconds": round(time.perf_counter() - began[0], 4),
                "cpu_seconds": round(_cpu_seconds() - began[1], 2),
                "spans": journal.trace.timings(),
            },
        )
        journal.moment("before rejected")
        if outcome.turned_down or outcome.finished is None:
            record = RejectedRecord(
                index=index,
                status=status,
                why=outcome.why,
                turned_down=outcome.turned_down,
                trace=[] if outcome.finished else journal.trace.to_rows(),
            )
            atomic_write(self.run.rejected(index, failed=outcome.finished is None), record.dump())
        journal.moment("before commit")
        if outcome.finished is not None:
            done = outcome.finished
            parent = None if done.discovery.parent is None else commits[done.discovery.parent]
            files = done.files(journal.trace.to_jsonl())
            self.run.store.add(Commit(index, files, done.message(), parent))
        journal.moment("after commit")
        journal.remove()
        self._on_event(ExperimentFinished(index, _line(index, outcome)))


def _cpu_seconds() -> float:
    """Processor time of this process and of its sandboxes that have ended."""
    return sum(os.times()[:4]) + hidden_cpu_seconds()


def _line(index: int, outcome: ExperimentOutcome) -> str:
    if outcome.finished is None:
        return f"{index}: failed: {outcome.why}"
    found = outcome.finished.discovery
    return (
        f"{index}: {outcome.finished.proposal.name}, fitness {found.fitness.value:.4f}, "
        f"loss {found.metrics.train_loss:.4f}, benchmark {found.metrics.benchmark:.4f}"
        + (", beats the baseline" if found.fitness.beats_baseline else "")
    )
