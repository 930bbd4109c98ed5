"""What an executor costs a task, and what a second worker gains, in one run.

    python benchmarks/bench_executor.py --release ../shared/release --project . > executor.json

Overhead: the same tasks, one that does nothing and one that sleeps for 50 ms, by a bare loop and by each
executor with one worker, in turns. Per task it is the time from the first value to the last over the tasks
between, less the bare loop's; starting an executor is apart. Ray is a cluster of one node on this machine.

Scaling: `verify` and `sweep` (training) over the same programs of the release with one worker and with two,
in turns, everything from nothing; with processes or threads of this machine, and on Ray. A project with a
corpus is needed for the sweep. Beside every wall time stand the CPU seconds that the work took and how many
CPUs everything else on the machine kept busy meanwhile: where that is not near 0, wall time says little, and
`cpu_ratio` (CPU seconds with two workers over those with one) says what two workers cost each other.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from bench_sweep import Meter, _machine_seconds

from asi_repro.executor.base import Executor, Resources
from asi_repro.executor.local import ProcessExecutor, ThreadExecutor
from asi_repro.executor.on_ray import RayExecutor
from asi_repro.train.environment import hardware_name

SMALL = Resources(cpus=1.0)


def nothing(task: int, stop: threading.Event) -> int:
    """A task that does nothing."""
    return task


def sleeps(task: int, stop: threading.Event) -> int:
    """A task of 50 ms that takes no CPU."""
    time.sleep(0.05)
    return task


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--release", type=Path, help="without it there is no scaling")
    parser.add_argument("--project", type=Path, help="with artifacts/corpus; without it no sweep")
    parser.add_argument("--programs", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-ray", action="store_true")
    asked = parser.parse_args()
    found: dict[str, Any] = {"hardware": hardware_name("cpu"), "rounds": asked.rounds}
    with tempfile.TemporaryDirectory(prefix="bench-executor-") as folder:
        shared = Path(folder)
        found["overhead"] = overhead(shared, asked.rounds, ray=not asked.no_ray)
        print(json.dumps(found["overhead"]), file=sys.stderr)
        if asked.release:
            found["scaling"] = scaling(asked, shared)
    print(json.dumps(found, indent=2))


def overhead(shared: Path, rounds: int, *, ray: bool) -> dict[str, Any]:
    """Medians over the rounds, by executor: start and cost a task in ms, and the 50 ms task's ratio."""
    executors: dict[str, Executor] = {"threads": ThreadExecutor(1), "processes": ProcessExecutor(1)}
    if ray:
        executors["ray"] = RayExecutor(shared, "local", workers=1)
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in executors}
    load = Load()
    for _ in range(rounds):
        bare = {call: _bare(call, count) for call, count in ((nothing, 200), (sleeps, 40))}
        for name, executor in executors.items():
            start, empty = _timed(executor, nothing, 200)
            _, slept = _timed(executor, sleeps, 40)
            rows[name].append(
                {
                    "start_seconds": start,
                    "overhead_ms": 1000 * (empty - bare[nothing]),
                    "overhead_of_50_ms_task_ms": 1000 * (slept - bare[sleeps]),
                    "ratio_of_50_ms_task": slept / bare[sleeps],
                }
            )
    medians = {
        name: {key: statistics.median(row[key] for row in listed) for key in listed[0]}
        for name, listed in rows.items()
    }
    return {**medians, "others_busy_cpus": load.others()}


def _bare(call: Callable[[int, threading.Event], int], count: int) -> float:
    stop, began = threading.Event(), time.perf_counter()
    for task in range(count):
        call(task, stop)
    return (time.perf_counter() - began) / count


def _timed(
    executor: Executor, call: Callable[[int, threading.Event], int], count: int
) -> tuple[float, float]:
    """Seconds to the first value, and seconds a task from then on."""
    came: list[float] = []
    began = time.perf_counter()
    lost = executor.run(
        call, range(count), on_result=lambda task, value: came.append(time.perf_counter()), resources=SMALL
    )
    assert not lost, lost[0].reason
    return came[0] - began, (came[-1] - came[0]) / (count - 1)


class Load:
    """CPU time that this process and all below it did not use, since it was made."""

    def __init__(self) -> None:
        self._machine, self._began = _machine_seconds(), time.perf_counter()
        self._own = self._seconds()

    def others(self) -> float:
        """Busy CPUs of everything else; what ended children used counts as ours."""
        wall = time.perf_counter() - self._began
        used = _machine_seconds() - self._machine - (self._seconds() - self._own)
        return round(max(used, 0.0) / wall, 2)

    @staticmethod
    def _seconds() -> float:
        times = os.times()
        return times.user + times.system + times.children_user + times.children_system


def scaling(asked: argparse.Namespace, shared: Path) -> dict[str, Any]:
    """Wall and CPU seconds of one and of two workers, their ratios, by work and executor."""
    from asi_repro.archive.reader import Archive
    from asi_repro.archive.release import read_release
    from asi_repro.archive.tables import write_archive

    root = shared / "project"
    write_archive(read_release(asked.release), root / "artifacts" / "archive")
    programs = list(Archive(root / "artifacts" / "archive").programs())[: asked.programs]
    works: dict[str, Callable[[int, bool], None]] = {
        "verify": lambda n, ray: _verify(programs, shared, n, ray)
    }
    if asked.project:
        for name in ("corpus", "benchmarks"):
            shutil.copytree(asked.project / "artifacts" / name, root / "artifacts" / name)
        shutil.copy(asked.project / "params.yaml", root)
        works["sweep"] = lambda n, ray: _sweep(programs, root, n, ray)
    found: dict[str, Any] = {"programs": len(programs)}
    for name, work in works.items():
        for ray in (False,) if asked.no_ray else (False, True):
            where = f"{name} on ray" if ray else name
            found[where] = _compare(work, asked.rounds, ray=ray)
            print(where, json.dumps(found[where]), file=sys.stderr)
    return found


def _compare(work: Callable[[int, bool], None], rounds: int, *, ray: bool) -> dict[str, Any]:
    rows: dict[int, list[dict[str, float]]] = {1: [], 2: []}
    for number in range(rounds):
        for workers in (1, 2) if number % 2 == 0 else (2, 1):
            rows[workers].append(_measured(lambda n=workers: work(n, ray)))
    one, two = rows[1], rows[2]
    pairs = list(zip(one, two, strict=True))
    return {
        "speed_up": statistics.median(a["wall_seconds"] / b["wall_seconds"] for a, b in pairs),
        "cpu_ratio": statistics.median(b["cpu_seconds"] / a["cpu_seconds"] for a, b in pairs),
        "one_worker": one,
        "two_workers": two,
    }


def _measured(work: Callable[[], None]) -> dict[str, float]:
    machine, began = _machine_seconds(), time.perf_counter()
    meter = Meter(psutil.Process().pid)
    meter.start()
    work()
    wall = time.perf_counter() - began
    meter.finish()
    cpu = meter.cpu_seconds
    others = max(_machine_seconds() - machine - cpu, 0.0) / wall
    return {
        "wall_seconds": round(wall, 2),
        "cpu_seconds": round(cpu, 1),
        "others_busy_cpus": round(others, 2),
    }


def _verify(programs: list[Any], shared: Path, workers: int, ray: bool) -> None:
    from asi_repro.verify.stage import verify

    folder = shared / "certificates"
    shutil.rmtree(folder, ignore_errors=True)
    executor = RayExecutor(shared, "local", workers=workers) if ray else None
    outcome = verify(programs, folder, jobs=workers, executor=executor, resources=SMALL)
    assert outcome.done == len(programs), outcome.failures


def _sweep(programs: list[Any], root: Path, workers: int, ray: bool) -> None:
    from asi_repro.sweep.jobs import make_jobs, sweep
    from asi_repro.train.spec import architecture

    for name in ("trained", "evaluated"):
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(root / "artifacts" / name)
    jobs = make_jobs(root, map(architecture, programs), 1, scale="smoke", phases=("train",))
    executor = RayExecutor(root, "local", workers=workers) if ray else ProcessExecutor(workers)
    swept = sweep(jobs, workers=workers, executor=executor, resources=SMALL)
    assert len(swept.of("done")) == len(jobs), [report.detail for report in swept.reports]


if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    sys.path[:0] = [str(here), str(here.parent)]
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(here), str(here.parent), os.environ.get("PYTHONPATH", "")]
    )
    main()
