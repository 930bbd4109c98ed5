"""What a Ray node runs for the attacks: a sandbox worker in a task, as verify and sweep start theirs."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import Any

TASKS = "asi_repro.sandbox.selftest"


@dataclass(frozen=True)
class Assault:
    """One attack for one node.

    Attributes:
        name: of it.
        call: the worker's task: run, run_checked or probe.
        payload: what it attacks, and the program.
        limits: of the worker.
        tier: of the sandbox.
        timeout: wall seconds of the call.
        devices: nodes that the tier `gpu` shows.
    """

    name: str
    call: str
    payload: dict[str, Any]
    limits: dict[str, float]
    tier: str
    timeout: float
    devices: tuple[str, ...]


def attempt(task: Assault, stop: threading.Event) -> dict[str, Any]:
    """The outcome, with what of this process must not be in it."""
    from asi_repro.sandbox.client import SandboxWorker
    from asi_repro.sandbox.outcome import Limits

    payload = {**task.payload, "parent": os.getpid()}
    limits = Limits(**task.limits)  # type: ignore[arg-type]
    with SandboxWorker(TASKS, limits, tier=task.tier, devices=task.devices) as worker:  # type: ignore[arg-type]
        outcome = worker.try_call(task.call, payload, timeout=task.timeout)
        pid = worker.pid
    said = f"{outcome.detail}\n{outcome.traceback}\n{outcome.stderr}"
    return {
        "name": task.name,
        "kind": outcome.kind,
        "tier": outcome.tier,
        "said": said,
        "value": outcome.value,
        "everything": repr(outcome),
        "environment": "ASI_REPRO_TEST_KEY" in os.environ,
        "node": os.environ.get("ASI_REPRO_TEST_NODE", ""),
        "worker": pid,
        "process": os.getpid(),
    }
