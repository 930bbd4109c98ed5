"""One program through the checks, in sandboxed workers. No torch here."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from asi_repro.errors import DataError
from asi_repro.sandbox.client import Limits, SandboxOutcome, SandboxWorker
from asi_repro.sandbox.launch import Tier
from asi_repro.verify.catalogue import Check
from asi_repro.verify.program_text import depends_on_hashes
from asi_repro.verify.results import CheckResult, not_run, row_from_json

LIMITS = Limits(
    memory_bytes=1800 << 20, cpu_seconds=120, wall_seconds=300, frame_bytes=4 << 20, total_cpu_seconds=900
)
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TORCHDYNAMO_DISABLE": "1"}
# Ends that say something about the program, and would be the same another time. The others (a time-out
# on a busy machine, a worker that was killed) are reported, and tried again at the next run.
LASTING = frozenset({"refused", "denied", "program_error", "bad_result"})


@dataclass
class Examination:
    """What came of it.

    Attributes:
        tier: the sandbox tier.
        rows: rows by check.
        final: checks whose rows need not be made again.
        probe: width, heads and mapped casts that the probes stood on.
        problems: how a check ended that did not come to its end, by its name; "" is the program's loading.
        timings: wall seconds by check, and of a forward by length; of this run.
    """

    tier: str = ""
    rows: dict[str, list[CheckResult]] = field(default_factory=dict)
    final: set[str] = field(default_factory=set)
    probe: dict[str, Any] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    timings: dict[str, Any] = field(default_factory=dict)


class Examiner:
    """Runs checks on one program; a worker that dies in one check is replaced for the next.

    Args:
        source: the program.
        stated: the parameter count that its run states.
        tier: the sandbox tier to use.
        text: what checks of the text read, where lines were added to the program.
        sizes: (width, heads) to probe at; None takes the first of the usual ones at which it runs.
        limits: of each worker.
    """

    def __init__(
        self,
        source: str,
        *,
        stated: int | None,
        tier: Tier,
        text: str | None = None,
        sizes: tuple[int, int] | None = None,
        limits: Limits = LIMITS,
    ) -> None:
        self._source = source
        self._opening = {"source": source, "stated": stated} | ({"sizes": [sizes]} if sizes else {})
        self._text = source if text is None else text
        self._tier = tier
        self._limits = limits
        self._worker: SandboxWorker | None = None
        self._refusal: SandboxOutcome | None = None

    def examine(
        self, checks: Iterable[Check], stop: threading.Event, *, times: bool = True, patient: bool = True
    ) -> Examination:
        """Rows of `checks`; those not reached when `stop` is set are missing.

        Args:
            times: whether forwards are timed too, where the cost is checked.
            patient: whether to go on after a check that ended at a bound: the next may end there as well.

        Raises:
            SandboxUnavailable: where no tier works here.
            SandboxFailure: where no worker can be started.
        """
        found = Examination()
        try:
            for check in checks:
                if stop.is_set():
                    break
                if found.problems and not patient:
                    found.rows[check.name] = _skipped(
                        check, "not tried after the failure before it", found.tier
                    )
                    continue
                began = time.perf_counter()
                self._check(check, found)
                found.timings[check.name] = round(time.perf_counter() - began, 4)
            if times and any(check.name == "cost" for check in checks) and self._refusal is None:
                outcome = self._ready(found).try_call("times", {})
                found.timings["forward"] = (outcome.value or {}).get("seconds")
        finally:
            self._close()
        return found

    def _check(self, check: Check, found: Examination) -> None:
        outcome = self._ask(check, found)
        if outcome.sigkilled:  # not the program's doing, unless it ends so again
            self._close()
            outcome = self._ask(check, found)
        try:
            found.rows[check.name] = _rows(check, outcome)
        except DataError as error:
            found.rows[check.name] = _skipped(check, f"bad_result: {error.what}", outcome.tier)
            found.problems[check.name] = f"bad_result: {error.what}"
        if outcome.kind == "ok" or outcome.kind in LASTING:
            found.final.add(check.name)
        if outcome.kind != "ok":
            found.problems["" if outcome is self._refusal else check.name] = said(outcome)

    def _ask(self, check: Check, found: Examination) -> SandboxOutcome:
        worker = self._ready(found)
        if check.needs == "text":
            return worker.try_call("text", {"source": self._text, "check": check.name})
        if self._refusal is not None:
            return self._refusal
        elsewhere = self._digest_elsewhere() if check.name == "determinism" else None
        return worker.try_call("check", {"check": check.name, "elsewhere": elsewhere})

    def _digest_elsewhere(self) -> str | None:
        """What the program gives in a process with another hash seed, where its text can depend on it."""
        if not depends_on_hashes(self._source):
            return None
        environment = {**ENVIRONMENT, "PYTHONHASHSEED": "1"}
        with SandboxWorker(
            "asi_repro.verify.tasks", self._limits, tier=self._tier, environment=environment
        ) as worker:
            worker.try_call("open", self._opening)
            value = worker.try_call("digest", {}).value
        return str(value["digest"]) if value else None

    def _ready(self, found: Examination) -> SandboxWorker:
        """A live worker that has opened the program, or knows that it may not."""
        if self._worker is not None and self._worker.alive:
            return self._worker
        self._close()
        worker = self._start()
        found.tier = str(worker.tier)
        opened = worker.try_call("open", self._opening)
        self._refusal = None
        if opened.value is None:
            self._refusal = opened
        else:
            found.probe = opened.value
        if not worker.alive:
            # It died of the program's loading. What needs only the text gets a worker without it.
            self._close()
            worker = self._start()
        return worker

    def _start(self) -> SandboxWorker:
        self._worker = SandboxWorker(
            "asi_repro.verify.tasks", self._limits, tier=self._tier, environment=ENVIRONMENT
        )
        self._worker.start()
        return self._worker

    def _close(self) -> None:
        if self._worker is not None:
            self._worker.close()
            self._worker = None


def said(outcome: SandboxOutcome) -> str:
    """How a call ended, in one line."""
    return f"{outcome.kind}: {' '.join(outcome.detail[:300].split())}"


def _rows(check: Check, outcome: SandboxOutcome) -> list[CheckResult]:
    """The rows that came back, checked, or "not run" with how the call ended.

    Raises:
        DataError: where what came back is not this check's rows.
    """
    if outcome.value is None:
        return _skipped(check, said(outcome), outcome.tier)
    rows = outcome.value.get("rows")
    if not isinstance(rows, list) or len(rows) != len(check.rows):
        raise DataError(f"{check.name} did not return its {len(check.rows)} rows")
    made = [row_from_json(row, where=f"result of {check.name}") for row in rows]
    if tuple(row.check for row in made) != check.rows:
        raise DataError(f"{check.name} returned rows called {[row.check for row in made]}")
    return made


def _skipped(check: Check, reason: str, tier: str) -> list[CheckResult]:
    return [not_run(row, reason, sandbox=tier) for row in check.rows]
