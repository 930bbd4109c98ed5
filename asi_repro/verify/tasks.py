"""What a sandboxed worker does for `stage`: open one program, run a check on it, time it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from asi_repro.sandbox.static_check import require_safe

# Before torch is first imported: threads that sum in parallel may round otherwise at every run.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from asi_repro.verify.all_checks import Battery
from asi_repro.verify.checks import cost, determinism
from asi_repro.verify.subject import PROBE_SIZES

_opened: dict[str, Battery] = {}


def open_program(payload: dict[str, Any]) -> dict[str, Any]:
    """Take `source` (and `stated`, its parameter count) as this worker's program; what probes stand on.

    `sizes` lists the (width, heads) to probe at, in place of the usual ones.

    Raises:
        ProgramRefused: where the static check would not let it run.
        RuntimeError: where the worker has a program already.
    """
    if _opened:
        raise RuntimeError("one worker is for one program")
    source = str(payload["source"])
    require_safe(source)
    battery = _opened["battery"] = Battery(
        source, stated=payload.get("stated"), sizes=payload.get("sizes") or PROBE_SIZES
    )
    return battery.facts()


def run_check(payload: dict[str, Any]) -> dict[str, Any]:
    """The rows of the check named `check`; `elsewhere` is the digest that another process found, or None."""
    rows = _opened["battery"].run(payload["check"], elsewhere=payload.get("elsewhere"))
    return {"rows": [row.to_json() for row in rows]}


def output_digest(payload: dict[str, Any]) -> dict[str, Any]:
    """The digest of the program's outputs, for the check `determinism` in another process."""
    return {"digest": determinism.digest(_opened["battery"].subject)}


def read_text(payload: dict[str, Any]) -> dict[str, Any]:
    """The rows of a check that only reads `source`: also for a program that may not run."""
    return {"rows": [row.to_json() for row in Battery(str(payload["source"])).run(payload["check"])]}


def wall_times(payload: dict[str, Any]) -> dict[str, Any]:
    """Seconds of a forward by length."""
    return {"seconds": cost.wall_times(_opened["battery"].subject)}


TASKS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "open": open_program,
    "check": run_check,
    "text": read_text,
    "digest": output_digest,
    "times": wall_times,
}
