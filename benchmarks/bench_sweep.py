"""What the sweep over a selection costs: wall time, CPU time and memory of all its processes together.

    asi-repro select --gallery && python benchmarks/bench_sweep.py --jobs 2 > sweep.json

Runs `asi-repro sweep --json` in the project around the working folder and samples every process below it.
What is there already is not done again, and costs next to nothing: begin without artifacts/trained and
artifacts/evaluated. Memory is proportional set size (pages that processes share count once); where the kernel
does not tell it, resident set size, which counts them for each. CPU time is summed over all processes seen,
since the kernel ends a sandbox without handing its times on; the models' own times come from the sweep.

The load of everything else on the machine is measured too: CPU time that was used and not by the sweep, as a
number of busy CPUs. Wall time means little where that is not near 0; CPU time means more.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from asi_repro.project import find_project
from asi_repro.results.training import ENVIRONMENT
from asi_repro.train.environment import hardware_name

EVERY = 1.0  # seconds between samples


class Meter(threading.Thread):
    """Samples the memory of a process and all below it until told to end.

    Attributes:
        peak_bytes: the most that all processes had together at a sample.
        peak_processes: how many there were then.
        kind: "pss" or "rss".
        samples: how many were taken.
    """

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self._root, self._over = psutil.Process(root), threading.Event()
        self.peak_bytes = self.peak_processes = self.samples = 0
        self.kind = "pss"
        self._cpu: dict[tuple[int, float], float] = {}

    @property
    def cpu_seconds(self) -> float:
        """CPU time of every process that was seen, up to the last look at it: a little too low."""
        return sum(self._cpu.values())

    def run(self) -> None:
        while not self._over.wait(EVERY):
            try:
                processes = [self._root, *self._root.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            total = sum(self._bytes(process) for process in processes)
            for process in processes:
                self._look(process)
            self.samples += 1
            if total > self.peak_bytes:
                self.peak_bytes, self.peak_processes = total, len(processes)

    def finish(self) -> None:
        """Stop."""
        self._over.set()
        self.join()

    def _look(self, process: psutil.Process) -> None:
        try:
            times = process.cpu_times()
            self._cpu[process.pid, process.create_time()] = times.user + times.system
        except psutil.Error:
            pass

    def _bytes(self, process: psutil.Process) -> int:
        try:
            if self.kind == "pss":
                return int(process.memory_full_info().pss)
        except psutil.AccessDenied:  # a sandboxed process may be hidden from its own user
            pass
        except AttributeError:
            self.kind = "rss"
        except psutil.Error:
            return 0
        try:
            return int(process.memory_info().rss)
        except psutil.Error:
            return 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", choices=("train", "evaluate"), help="one phase; both by default")
    parser.add_argument("names", nargs="*", help="instead of the selection")
    asked = parser.parse_args()
    print(json.dumps(measure(asked.jobs, asked.only, asked.names), indent=2))


def measure(jobs: int, only: str | None, names: list[str]) -> dict[str, Any]:
    """Run the sweep and say what it cost."""
    command = [sys.executable, "-m", "asi_repro.cli", "sweep", "--json", "--jobs", str(jobs), *names]
    command += ["--only", only] if only else []
    machine, began = _machine_seconds(), time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        meter = Meter(process.pid)
        meter.start()
        output = process.communicate()[0]
        meter.finish()
    wall, cpu = time.perf_counter() - began, meter.cpu_seconds
    if not output:
        raise SystemExit(f"the sweep failed with code {process.returncode}; see its message above")
    swept = json.loads(output)
    made = [report for report in swept["jobs"] if report["status"] == "done"]
    return {
        "hardware": hardware_name("cpu"),
        "jobs_at_a_time": jobs,
        "phases": only or "train, evaluate",
        **{status: swept[status] for status in ("done", "current", "stopped", "failed")},
        "wall_minutes": wall / 60,
        "cpu_minutes": cpu / 60,
        "cpu_seconds_a_model": cpu / max(len(made), 1),
        "others_busy_cpus": max(_machine_seconds() - machine - cpu, 0) / wall,
        "peak_gigabytes": meter.peak_bytes / 1e9,
        "peak_processes": meter.peak_processes,
        "memory_kind": meter.kind,
        "memory_samples": meter.samples,
        "start_up": _start_up(made),
        "models": swept["jobs"],
    }


def _start_up(made: list[dict[str, Any]]) -> dict[str, float] | None:
    """Median wall seconds of a training's parts: the sandbox's worker, the model, the steps."""
    records = []
    for path in sorted(find_project().artifacts.glob(f"trained/*/*/seed-*/{ENVIRONMENT}")):
        if path.parent.parent.name in {report["name"] for report in made}:
            records.append(json.loads(path.read_text(encoding="utf-8"))["seconds"])
    if not records:
        return None
    return {part: statistics.median(record[part] for record in records) for part in records[0]}


def _machine_seconds() -> float:
    """CPU seconds that all processes of the machine have used since it began."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0) - getattr(times, "guest", 0))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    main()
