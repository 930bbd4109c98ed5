"""What the discovery loop itself costs, and how many experiments an hour one and two workers make.

    python benchmarks/bench_discover.py --experiments 24 --workers 1 2 > discover.json
    python benchmarks/bench_discover.py --timings artifacts/runs/control/timings.jsonl
    python benchmarks/bench_discover.py --recorded control

The first makes live runs of the first stage in a project of its own, with settings, corpus and benchmarks of
the one around the working folder; `--set discover.pool.refresh=50` changes a setting. The second reads the
times of a run that is there. The third replays a recorded run, which is the whole loop without training,
scoring and checks.

`schedule` is no measurement: it is the speed-up that the order of the run allows, with each experiment's
processor time (its wall time where that is not known) and with workers that do not slow each other down. What
a measured speed-up lacks of it is lost to memory, caches and whatever else the CPUs share.

The load of everything else on the machine stands beside the numbers: CPUs that were busy and not with this.
Where it is not near 0, wall time means little and shares of it a little more.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import yaml

from asi_repro.discover.loop.events import ignore
from asi_repro.discover.loop.schedule import ROOT, Schedule
from asi_repro.discover.run.folder import DiscoveryRun
from asi_repro.discover.session import RunOptions, reproduce_recorded, run_live
from asi_repro.project import Project, find_project
from asi_repro.store.json_lines import read_lines
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
        "cpu_seconds_each": round(statistics.fmean(_cost(line) for line in experiments.values()), 2),
        "lab_share": round(lab / whole, 4),
        "checks_share": round(checks / whole, 4),
        "roles_share": round(roles / whole, 4),
        "loop_share": round((whole - lab - checks - roles) / whole, 4),
        "median_train_seconds": round(statistics.median(line["train_seconds"] for line in labs), 2),
        "median_evaluate_seconds": round(statistics.median(line["evaluate_seconds"] for line in labs), 2),
    }


def _cost(line: dict[str, Any]) -> float:
    """Seconds that an experiment takes by itself."""
    return float(line.get("cpu_seconds") or line["session_seconds"])


def schedule(plan: Schedule, timings: list[dict[str, Any]], workers: int) -> float:
    """How many times as fast the order of a run lets so many workers be, which never slow each other down."""
    cost = {line["index"]: _cost(line) for line in timings if line["kind"] == "experiment"}
    running: dict[int, float] = {}
    free, now = workers, 0.0
    left = sorted(cost)
    while left or running:
        first = min([*left, *running])
        ready = [index for index in left if plan.needs(index) < first]
        if ready and free:
            left.remove(ready[0])
            running[ready[0]] = now + cost[ready[0]]
            free -= 1
            continue
        done = min(running, key=running.__getitem__)
        now = running.pop(done)
        free += 1
    return sum(cost.values()) / now


def project_with(changes: list[str], folder: Path) -> Project:
    """A project with the settings of the one here, changed; corpus and benchmarks are linked."""
    here = find_project()
    params = yaml.safe_load((here.root / "params.yaml").read_text(encoding="utf-8"))
    for change in changes:
        name, _, value = change.partition("=")
        *path, last = name.split(".")
        section = params
        for part in path:
            section = section[part]
        section[last] = yaml.safe_load(value)
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    shutil.copy(here.root / "dvc.yaml", folder)
    (folder / "artifacts").mkdir()
    for name in ("corpus", "benchmarks"):
        (folder / "artifacts" / name).symlink_to(here.artifacts / name)
    return Project(folder)


def live(experiments: int, workers: int, changes: list[str]) -> dict[str, Any]:
    """A live run in a project that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-discover-") as place:
        project = project_with(changes, Path(place))
        busy = _busy()
        began = time.perf_counter()
        run_live(
            project,
            RunOptions(run="bench", experiments=experiments, workers=workers, arm="operators"),
            lambda event: print(event, file=sys.stderr, flush=True),
        )
        wall = time.perf_counter() - began
        run = DiscoveryRun(project.artifacts / "runs" / "bench")
        timings = read_lines(run.folder / "timings.jsonl")
        used = sum(_cost(line) for line in timings if line["kind"] == "experiment")
        busy = _busy() - busy
        first = next(line for line in timings if line["kind"] == "experiment" and line["index"] == ROOT)
        # In a long run the first one, which all wait for, is nothing; here it is left out on its own.
        after = wall - first["session_seconds"]
        return {
            "workers": workers,
            "wall_seconds": round(wall, 1),
            "experiments_per_hour": round(3600 * experiments / wall, 1),
            "experiments_per_hour_after_the_first": round(3600 * (experiments - 1) / after, 1),
            "cpu_seconds": round(used, 1),
            "other_load_cpus": round(max(busy - used, 0) / wall, 2),
            "schedule": {str(count): round(schedule(run.schedule, timings, count), 3) for count in (1, 2, 4)},
            **overhead(timings),
        }


def replayed(name: str) -> dict[str, Any]:
    """The loop without lab and checks: seconds an experiment."""
    cpu, began = time.process_time(), time.perf_counter()
    summary = reproduce_recorded(find_project(), name, 1, ignore)
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


def main() -> None:
    """Print one JSON document."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--experiments", type=int, default=8)
    parser.add_argument("--workers", type=int, nargs="*", default=[])
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings of params.yaml")
    parser.add_argument("--timings", type=Path)
    parser.add_argument("--recorded")
    chosen = parser.parse_args()
    found: dict[str, Any] = {"machine": hardware_name("cpu"), "load_before": os.getloadavg()}
    if chosen.timings is not None:
        found["timings"] = overhead(read_lines(chosen.timings))
    if chosen.recorded is not None:
        found["replay"] = replayed(chosen.recorded)
    if chosen.workers:
        found["live"] = [
            live(chosen.experiments, workers, ["discover.promote=0", *chosen.set])
            for workers in chosen.workers
        ]
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
