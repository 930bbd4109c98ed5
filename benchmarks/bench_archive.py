"""The archive stage against a bare `json.loads` of the same files, and its growth with the run's size.

    python benchmarks/bench_archive.py [RELEASE]     the release, else a made-up run of 1,772 experiments
    python benchmarks/bench_archive.py --growth      made-up runs of 1,000, 10,000 and 100,000 experiments

Each figure is of a whole process (seconds of wall time, peak memory of the process), the median of the
repeats; ratios are of medians measured in this one run, the two commands taken in turn.
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from asi_repro.archive.release import COGNITION, GALLERY, TREE

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from synthetic_release import write_synthetic_release

BARE = f"""
import json, sys
from pathlib import Path
folder = Path(sys.argv[1])
files = [folder / {TREE!r}, folder / {GALLERY!r}, *sorted((folder / {COGNITION!r}).glob("*.json"))]
for file in files:
    json.loads(file.read_bytes())
"""

ARCHIVE = """
import sys
from pathlib import Path
from asi_repro.archive.release import read_release
from asi_repro.archive.tables import write_archive
write_archive(read_release(Path(sys.argv[1])), Path(sys.argv[2]))
"""


def run(code: str, *arguments: str) -> tuple[float, float]:
    """Wall seconds and peak MiB of one process that runs `code`."""
    start = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-c", code, *arguments])
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"the benchmarked process ended with status {status}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def compare(release: Path, repeats: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pairs = [
            (run(BARE, str(release)), run(ARCHIVE, str(release), f"{folder}/archive")) for _ in range(repeats)
        ]
    for name, column in (("bare json.loads", 0), ("archive", 1)):
        seconds = statistics.median(pair[column][0] for pair in pairs)
        memory = statistics.median(pair[column][1] for pair in pairs)
        print(f"{name:16} {seconds:7.2f} s {memory:7.0f} MiB")
    ratio = statistics.median(archive[0] / bare[0] for bare, archive in pairs)
    print(f"ratio of wall time, archive / json.loads, median of {repeats} pairs: {ratio:.1f}")


def growth(sizes: list[int]) -> None:
    points = []
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            release = Path(folder) / str(size)
            write_synthetic_release(release, size)
            seconds, memory = run(ARCHIVE, str(release), f"{folder}/archive-{size}")
            points.append((size, seconds, memory))
            print(f"{size:8,} experiments {seconds:7.2f} s {memory:7.0f} MiB")
    (small, first, _), (large, last, _) = points[-2], points[-1]
    print(
        f"exponent of wall time between the last two: {math.log(last / first) / math.log(large / small):.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("release", nargs="?", type=Path)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, page size {resource.getpagesize()}")
    if arguments.growth:
        growth([1_000, 10_000, 100_000])
        return
    with tempfile.TemporaryDirectory() as folder:
        release = arguments.release
        if release is None:
            release = Path(folder)
            write_synthetic_release(release, 1772, gallery=106)
        compare(release, arguments.repeats)


if __name__ == "__main__":
    main()
