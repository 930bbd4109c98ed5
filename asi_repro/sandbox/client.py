"""A sandboxed worker as its caller sees it, in the strongest tier that works here unless one is named.

with SandboxWorker(task="asi_repro.verify.tasks", preload=("torch",)) as worker:
facts = worker.call("facts", {"program": source}, timeout=30)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from asi_repro.sandbox.launch import Tier
from asi_repro.sandbox.outcome import Limits, SandboxFailure, SandboxOutcome
from asi_repro.sandbox.process import WorkerProcess
from asi_repro.sandbox.tiers import best_tier


class SandboxWorker(WorkerProcess):
    """A worker process in a tier that is found when it starts.

    Args:
        tier: a tier to use; None takes the strongest that works here.
        unsafe: run with resource limits only. Nothing then protects files, network or other processes.
        task, limits, preload, environment, devices: see `WorkerProcess`.

    Attributes:
        tier: the tier in use, once started.

    Raises:
        SandboxUnavailable: on entering, where no tier works and `unsafe` is false.
        SandboxFailure: on entering, where the worker does not become ready.
    """

    def __init__(
        self,
        task: str,
        limits: Limits | None = None,
        *,
        tier: Tier | None = None,
        unsafe: bool = False,
        preload: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        devices: Sequence[str] | None = None,
    ) -> None:
        chosen = "unsafe" if unsafe else tier or ""
        super().__init__(task, limits, tier=chosen, preload=preload, environment=environment, devices=devices)

    def start(self) -> None:
        """Start the process and wait until it is locked down and ready."""
        self.tier = self.tier or best_tier()
        super().start()


def run_once(
    task: str,
    method: str,
    payload: dict[str, Any],
    limits: Limits | None = None,
    *,
    timeout: float | None = None,
    unsafe: bool = False,
    tier: Tier | None = None,
    preload: Sequence[str] = (),
) -> SandboxOutcome:
    """One task in a worker of its own. A worker that does not start is an outcome too ("start_failed").

    Raises:
        SandboxUnavailable: where no tier works and `unsafe` is false.
    """
    worker = SandboxWorker(task, limits, tier=tier, unsafe=unsafe, preload=preload)
    try:
        with worker:
            return worker.try_call(method, payload, timeout=timeout)
    except SandboxFailure as failure:
        return failure.outcome


__all__ = ["Limits", "SandboxFailure", "SandboxOutcome", "SandboxWorker", "run_once"]
