"""How list, lineage and search grow: time and peak memory at 1,000, 10,000 and 100,000 experiments.

    python benchmarks/bench_reading_growth.py [--sizes 1000 10000 100000] [--limit 1.1]

Each verb runs in a process of its own on a made-up run of that size. The fitted exponent is the slope of
log(time) over log(size) after the time of an empty run was taken off, which is start-up; memory alike.
Ends with status 1 where an exponent is above the limit.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VERBS = {
    "list": ["list"],
    "list --json": ["list", "--json"],
    "list filtered": ["list", "score>2.4", "name:gate", "--sort", "score"],
    "lineage": ["lineage"],
    "lineage newick": ["lineage", "-f", "newick"],
    "search": ["search", "gate", "memory"],
}
WORDS = re.split(
    " ", "gate memory fusion router mixer conv hash path scale delta slot tree wave kernel state token"
)


def made_up_run(size: int, seed: int = 0) -> Any:
    """A run whose parents are drawn from the best fifty so far, every twentieth with a text."""
    from asi_repro.archive.tables import Run

    draw = random.Random(seed)
    run = Run()
    pool: list[int] = []
    for index in range(1, size + 1):
        words = draw.sample(WORDS, 3)
        parent = None if index == 1 else draw.choice(pool)
        pool.append(index)
        if len(pool) > 50:
            pool.pop(draw.randrange(40))
        told = index % 20 == 0
        row = {
            "index": index,
            "name": "mixer_" + "_".join(words),
            "display_name": "".join(word.title() for word in words),
            "parent": parent,
            "score": round(draw.uniform(1, 3), 4),
        }
        run.experiments.append({**row, "in_gallery": told, "has_program": told})
        if told:
            text = " ".join(draw.choices(WORDS, k=120))
            rest = dict.fromkeys(["diagram", "parameters_stated", "parameters"])
            run.programs.append(
                {
                    **row,
                    **rest,
                    "source": "x = 1\n",
                    "sha256": "0" * 64,
                    "lines": 1,
                    "motivation": text,
                    "summary": text,
                }
            )
    return run


def measure(arguments: list[str], archive: Path, repeats: int) -> tuple[float, float]:
    """Least CPU seconds and peak memory in MB of a fresh process."""
    best, peak = math.inf, 0.0
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ASI_REPRO_ARCHIVE": str(archive)}
    for _ in range(repeats):
        process = subprocess.Popen(
            [sys.executable, "-m", "asi_repro.cli", *arguments],
            stdout=subprocess.DEVNULL,
            env=environment,
            cwd=ROOT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"{arguments} failed with status {status}")
        best = min(best, usage.ru_utime + usage.ru_stime)
        peak = max(peak, usage.ru_maxrss / 1024)
    return best, peak


def exponent(sizes: list[int], values: list[float]) -> float:
    """Slope of log(value) over log(size), least squares; sizes whose value is lost in noise are left out."""
    points = [(math.log(s), math.log(v)) for s, v in zip(sizes, values, strict=True) if v > 0.02]
    if len(points) < 2:
        return 0.0
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--limit", type=float, default=1.1)
    parser.add_argument("--make", nargs=2, metavar=("SIZE", "DIR"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    if options.make:
        from asi_repro.archive.tables import write_archive

        write_archive(made_up_run(int(options.make[0])), Path(options.make[1]))
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        archives = {}
        for size in [1, *options.sizes]:
            archives[size] = Path(temporary) / str(size)
            # In a process of its own: a child's peak memory starts from that of its parent.
            subprocess.run([sys.executable, __file__, "--make", str(size), str(archives[size])], check=True)
        return report(archives, options.sizes, options.repeats, options.limit)


def report(archives: dict[int, Path], sizes: list[int], repeats: int, limit: float) -> int:
    print("CPU seconds (peak MB) of a fresh process; start-up is the run of one experiment")
    heads = "".join(f"{f'{size:,}':>18}" for size in sizes)
    print(f"{'':16}{'start-up':>16}{heads}{'exponent, time':>17}{'memory':>9}")
    missed = False
    for name, arguments in VERBS.items():
        base_time, base_memory = measure(arguments, archives[1], repeats)
        found = [measure(arguments, archives[size], repeats) for size in sizes]
        growth = exponent(sizes, [seconds - base_time for seconds, _ in found])
        memory = exponent(sizes, [peak - base_memory for _, peak in found])
        missed |= max(growth, memory) > limit
        cells = "".join(f"{f'{seconds:.2f} ({peak:.0f})':>18}" for seconds, peak in found)
        print(f"{name:16}{f'{base_time:.2f} ({base_memory:.0f})':>16}{cells}{growth:>17.2f}{memory:>9.2f}")
    print(f"limit {limit}: {'MISSED' if missed else 'ok'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
