"""The import of a run of 10,000 programs against a plain load of the same files with json and pandas.

    python benchmarks/bench_import.py [N]     a made-up run of OpenEvolve of N programs (10,000)

Each figure is of a whole process: seconds of wall time and of processor time, and its peak memory. The peer
reads every program file and the trace with `json.loads`, makes a pandas DataFrame and writes it as Parquet:
it has no checks, no lineage, no history and no records.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHECKPOINTS = 10

PEER = """
import json, sys
from pathlib import Path
import pandas
folder = Path(sys.argv[1])
rows = [json.loads(path.read_bytes()) for path in sorted(folder.glob("checkpoints/*/programs/*.json"))]
rows += [json.loads(line) for line in (folder / "evolution_trace.jsonl").read_bytes().splitlines()]
frame = pandas.json_normalize(rows, max_level=0)
frame["metrics"] = frame["metrics"].astype(str)
for name in ("metadata", "child_metrics", "parent_metrics"):
    frame[name] = frame[name].astype(str)
frame.to_parquet(sys.argv[2])
"""

IMPORT = """
import sys
from pathlib import Path
from asi_repro.imports.folder import write_import
from asi_repro.imports.formats import read_run
print(write_import(read_run(Path(sys.argv[1])), Path(sys.argv[2])).changed)
"""


def write_run(folder: Path, count: int) -> None:
    """A made-up run: parents among the last 200 programs, programs of 2 kB, each in one checkpoint."""
    draw = random.Random(1)
    ids = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(count)]
    body = "".join(f"    y = y + x * {line} - 1\n" for line in range(100))
    places = [
        folder / "checkpoints" / f"checkpoint_{(n + 1) * count // CHECKPOINTS}" for n in range(CHECKPOINTS)
    ]
    for place in places:
        (place / "programs").mkdir(parents=True)
        (place / "metadata.json").write_text(json.dumps({"islands": [[]], "last_iteration": count - 1}))
    with (folder / "evolution_trace.jsonl").open("w", encoding="utf-8") as trace:
        for number, key in enumerate(ids):
            parent = ids[draw.randrange(max(0, number - 200), number)] if number else None
            metrics = {"combined_score": draw.gauss(0, 1), "v": draw.random()}
            program = {
                "id": key, "code": f"# {number}\ndef f(x):\n    y = {number}\n{body}    return y\n",
                "language": "python", "parent_id": parent, "generation": number // 50,
                "timestamp": float(number), "iteration_found": number, "metrics": metrics,
                "metadata": {"island": number % 5},
            }  # fmt: skip
            place = places[number * CHECKPOINTS // count] / "programs" / f"{key}.json"
            place.write_text(json.dumps(program))
            if parent is not None:
                step = {
                    "iteration": number, "timestamp": float(number), "parent_id": parent, "child_id": key,
                    "child_metrics": metrics, "parent_metrics": {},
                }  # fmt: skip
                trace.write(json.dumps(step) + "\n")


def run(code: str, *arguments: str) -> tuple[float, float, float]:
    """Wall seconds, processor seconds and peak MiB of one process that runs `code`."""
    start = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"the benchmarked process ended with status {status}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Print one line a command."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "run"
        write_run(folder, count)
        for name, code, target in (
            ("json and pandas", PEER, "peer.parquet"),
            ("import", IMPORT, "imported"),
            ("import again", IMPORT, "imported"),
        ):
            wall, processor, memory = run(code, str(folder), f"{work}/{target}")
            print(f"{name:<16} {count:>7} programs {wall:7.2f} s {processor:7.2f} s CPU {memory:7.0f} MiB")


if __name__ == "__main__":
    main()
