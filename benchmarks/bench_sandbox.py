"""A call in a warm sandboxed worker against the same call with no sandbox; and what starting a worker costs.

    python benchmarks/bench_sandbox.py [RELEASE]    RELEASE: a copy of the release (data/106.json in it)

The same call: one check of `asi_repro.verify.tasks` on one program of the release, in a warm worker of each
tier that works here, and in a plain child process that calls the same function on the same payload with
no limit of any kind and answers over a pipe. The two take turns. Each ratio is of the sums of processor
time and of wall time over all repeats, measured in this one run; on a busy machine trust processor time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asi_repro.sandbox.client import Limits, SandboxWorker
from asi_repro.sandbox.launch import TIERS
from asi_repro.sandbox.tiers import probe_tier

TASKS = "asi_repro.verify.tasks"
CALLS = ("determinism", "causality", "batch", "parameters")
CHILD = """
import importlib, json, sys, time
tasks = importlib.import_module(sys.argv[1]).TASKS
print("{}", flush=True)
for line in sys.stdin:
    request = json.loads(line)
    cpu = time.process_time()
    value = tasks[request["method"]](request["payload"])
    print(json.dumps({"value": value, "cpu": time.process_time() - cpu}), flush=True)
"""
Call = Callable[[str, dict[str, Any]], tuple[float, float]]


class Plain:
    """A child process with no sandbox, the same interpreter and the same settings of torch."""

    def __init__(self) -> None:
        began = time.perf_counter()
        env = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TORCHDYNAMO_DISABLE": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD, TASKS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env,
            cwd=Path(__file__).resolve().parents[1],
        )
        self._read()
        self.start_seconds = time.perf_counter() - began

    def call(self, method: str, payload: dict[str, Any]) -> tuple[float, float]:
        began = time.perf_counter()
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"method": method, "payload": payload}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self._read())
        return time.perf_counter() - began, answer["cpu"]

    def _read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()


def sandboxed(worker: SandboxWorker) -> Call:
    def call(method: str, payload: dict[str, Any]) -> tuple[float, float]:
        outcome = worker.try_call(method, payload)
        if outcome.value is None:
            raise SystemExit(f"{method}: {outcome.kind}: {outcome.detail}")
        return outcome.wall_seconds, outcome.cpu_seconds

    return call


def find_program(release: Path, index: int) -> str:
    records = json.loads((release / "data" / "106.json").read_text(encoding="utf-8"))
    return next(record["program"] for record in records if record["index"] == index)


def measure(source: str, repeats: int) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for tier in (tier for tier in TIERS if probe_tier(tier).works):
        plain = Plain()
        with SandboxWorker(TASKS, Limits(), tier=tier) as worker:
            boxed = sandboxed(worker)
            rows.append(
                (tier, "start, imports included", f"{plain.start_seconds:.2f}", f"{worker.start_seconds:.2f}")
            )
            for side in (plain.call, boxed):
                side("open", {"source": source, "stated": None})
            for check in CALLS:
                rows.append((tier, check, *compare(plain.call, boxed, {"check": check}, repeats)))
            rows.append((tier, "an empty call", "", f"{empty_call(tier):.6f}"))
        plain.process.kill()
        plain.process.communicate()
    return rows


def compare(plain: Call, boxed: Call, payload: dict[str, Any], repeats: int) -> tuple[str, ...]:
    """Median wall seconds of each side, then the two ratios."""
    sides: dict[str, list[tuple[float, float]]] = {"plain": [], "boxed": []}
    for call in (plain, boxed):
        call("check", payload)  # warm
    for repeat in range(repeats):
        order = [("plain", plain), ("boxed", boxed)]
        for name, call in order if repeat % 2 == 0 else reversed(order):
            sides[name].append(call("check", payload))
    wall = {name: [w for w, _ in times] for name, times in sides.items()}
    cpu = {name: sum(c for _, c in times) for name, times in sides.items()}
    return (
        f"{statistics.median(wall['plain']):.3f}",
        f"{statistics.median(wall['boxed']):.3f}",
        f"{sum(wall['boxed']) / sum(wall['plain']):.3f}",
        f"{cpu['boxed'] / cpu['plain']:.3f}" if cpu["plain"] > 0.2 else "(too short)",
    )


def empty_call(tier: Any) -> float:
    """Median seconds of a call that does nothing: what the channel costs."""
    with SandboxWorker("asi_repro.sandbox.selftest", tier=tier) as worker:
        return statistics.median(worker.try_call("echo", {}).wall_seconds for _ in range(300))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = os.environ.get("ASI_REPRO_RELEASE") or Path(__file__).resolve().parents[1] / "artifacts/release"
    parser.add_argument("release", nargs="?", type=Path, default=Path(default))
    parser.add_argument("--index", type=int, default=151, help="the experiment whose program is called")
    parser.add_argument("--repeats", type=int, default=8)
    options = parser.parse_args()
    rows = measure(find_program(options.release, options.index), options.repeats)
    head = ("tier", "call", "plain s", "sandbox s", "wall ratio", "cpu ratio")
    for row in (head, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, (11, 24, 9, 10, 10, 11), strict=False)))


if __name__ == "__main__":
    main()
