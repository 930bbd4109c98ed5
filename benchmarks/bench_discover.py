"""What the discovery loop itself costs, and how many experiments an hour one and two workers make.

    python benchmarks/bench_discover.py --experiments 8 --workers 1 2 > discover.json
    python benchmarks/bench_discover.py --timings artifacts/runs/control/timings.jsonl
    python benchmarks/bench_discover.py --recorded control

The first makes live runs called bench-W in the project around the working folder (they are removed) and needs
the corpus and the benchmarks. The second reads the times of a run that is there. The third replays a recorded
run, which is the whole loop without training, scoring and checks.

The load of everything else on the machine stands beside the numbers: CPUs that were busy and not with this.
Where it is not near 0, wall time means little and shares of it a little more.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from asi_repro.discover.lines import read_lines
from asi_repro.discover.session import Wanted, replay_recorded, run_live
from asi_repro.project import find_project
from asi_repro.train.environment import hardware_name

LAB = "train."


def overhead(timings: list[dict[str, Any]]) -> dict[str, Any]:
    """Shares of the experiments' time: the lab, the checks, the other roles, and what is between steps."""
    whole = lab = checks = roles = 0.0
    labs = [line for line in timings if line["kind"] == "lab"]
    experiments = {line["index"]: line for line in timings if line["kind"] == "experiment"}
    for line in experiments.values():
        steps = line["steps"]
        # A journal that a restart went on with has steps of another session: such a line says too little.
        if sum(steps.values()) > line["session_seconds"]:
            continue
        whole += line["session_seconds"]
        lab += sum(s for name, s in steps.items() if name.startswith(LAB))
        checks += sum(s for name, s in steps.items() if name.startswith("check."))
        roles += sum(s for name, s in steps.items() if not name.startswith((LAB, "check.")))
    if not whole:
        return {}
    return {
        "experiments": len(experiments),
        "seconds_each": round(whole / len(experiments), 2),
        "lab_share": round(lab / whole, 4),
        "checks_share": round(checks / whole, 4),
        "roles_share": round(roles / whole, 4),
        "loop_share": round((whole - lab - checks - roles) / whole, 4),
        "median_train_seconds": round(statistics.median(line["train_seconds"] for line in labs), 2),
        "median_evaluate_seconds": round(statistics.median(line["evaluate_seconds"] for line in labs), 2),
    }


def live(experiments: int, workers: int) -> dict[str, Any]:
    """A live run in the project; it is removed afterwards."""
    project = find_project()
    folder = project.artifacts / "runs" / f"bench-{workers}"
    shutil.rmtree(folder, ignore_errors=True)
    busy, own = _busy(), _own()
    began = time.perf_counter()
    try:
        run_live(
            project,
            Wanted(run=folder.name, experiments=experiments, workers=workers, arm="operators"),
            lambda stage, index, text: print(text, file=sys.stderr, flush=True),
        )
        wall = time.perf_counter() - began
        used = _own() - own
        return {
            "workers": workers,
            "wall_seconds": round(wall, 1),
            "experiments_per_hour": round(3600 * experiments / wall, 1),
            "cpu_seconds_seen": round(used, 1),
            "other_load_cpus": round(max(_busy() - busy - used, 0) / wall, 2),
            **overhead(read_lines(folder / "timings.jsonl")),
        }
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def replayed(name: str) -> dict[str, Any]:
    """The loop without lab and checks: seconds an experiment."""
    cpu, began = time.process_time(), time.perf_counter()
    summary = replay_recorded(find_project(), name, 1, lambda stage, index, text: None)
    wall = time.perf_counter() - began
    return {
        "experiments": summary.experiments,
        "seconds_each": round(wall / summary.experiments, 4),
        "cpu_seconds_each": round((time.process_time() - cpu) / summary.experiments, 4),
        "compared": summary.compared,
    }


def _busy() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.system + times.nice)


def _own() -> float:
    """CPU seconds of this process and of those below it that have ended and were waited for."""
    times = psutil.Process().cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def main() -> None:
    """Print one JSON document."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--experiments", type=int, default=8)
    parser.add_argument("--workers", type=int, nargs="*", default=[])
    parser.add_argument("--timings", type=Path)
    parser.add_argument("--recorded")
    chosen = parser.parse_args()
    found: dict[str, Any] = {"machine": hardware_name("cpu"), "load_before": psutil.getloadavg()}
    if chosen.timings is not None:
        found["timings"] = overhead(read_lines(chosen.timings))
    if chosen.recorded is not None:
        found["replay"] = replayed(chosen.recorded)
    if chosen.workers:
        found["live"] = [live(chosen.experiments, workers) for workers in chosen.workers]
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
