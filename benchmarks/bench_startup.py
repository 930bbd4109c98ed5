"""Start-up of the command line: wall and CPU time of fresh processes, and what they import.

    python benchmarks/bench_startup.py [--runs 9] [--archive DIR]

Without --archive the project's archive is read, or else a made-up run of 1,772 experiments. The limits
are those of the project: 0.25 s for --help, 0.5 s for list and show, 1 s for search, and no torch.
A busy machine stretches wall time, so the machine's own speed stands beside it as a bare `python -c pass`.
Ends with status 1 where a limit is missed or something heavy is imported.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("torch", "textual", "transformers", "fla", "dvc", "pandas", "scipy", "matplotlib")
HELP_HEAVY = (*HEAVY, "pyarrow", "pydantic", "numpy", "rich")
PROBE = """
import sys
from asi_repro.cli import main
try:
    main()
finally:
    print(" ".join(sorted({n.partition(".")[0] for n in sys.modules})), file=sys.stderr)
"""


def measure(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Wall and CPU seconds of one run with its output discarded."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=environment, cwd=ROOT)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def imported(arguments: list[str], environment: dict[str, str]) -> set[str]:
    """Top-level modules that a command has imported at its end."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, env=environment, cwd=ROOT
    )
    return set(done.stderr.split())


def made_up_archive(folder: Path) -> Path:
    """A run as large as the release, of random names."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
    from synthetic_release import write_synthetic_release

    from asi_repro.archive.release import read_release
    from asi_repro.archive.tables import write_archive

    write_synthetic_release(folder / "release", 1772, gallery=106)
    write_archive(read_release(folder / "release"), folder / "archive")
    return folder / "archive"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--archive", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as temporary:
        archive = options.archive or ROOT / "artifacts" / "archive"
        if not (archive / "experiments.parquet").is_file():
            archive = made_up_archive(Path(temporary))
        return report(archive.resolve(), options.runs, options.json)


def report(archive: Path, runs: int, as_json: bool) -> int:
    from asi_repro.archive.reader import Archive

    shown = str(Archive(archive).gallery[-1].index)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ASI_REPRO_ARCHIVE": str(archive)}
    cases: dict[str, tuple[list[str] | None, float | None]] = {
        "python -c pass": (None, None),
        "--help": (["--help"], 0.25),
        "list": (["list"], 0.5),
        "show": (["show", shown], 0.5),
        "lineage": (["lineage"], None),
        "search": (["search", "gate", "memory"], 1.0),
    }
    rows = []
    for name, (arguments, limit) in cases.items():
        command = [
            sys.executable,
            *(["-c", "pass"] if arguments is None else ["-m", "asi_repro.cli", *arguments]),
        ]
        measure(command, environment)  # fills the caches of files and byte code
        times = [measure(command, environment) for _ in range(runs)]
        heavy = HELP_HEAVY if name == "--help" else HEAVY
        found = [] if arguments is None else sorted(imported(arguments, environment) & set(heavy))
        walls, cpus = zip(*times, strict=True)
        rows.append(
            {
                "case": name,
                "wall_median_s": round(statistics.median(walls), 3),
                "wall_min_s": round(min(walls), 3),
                "cpu_median_s": round(statistics.median(cpus), 3),
                "limit_s": limit,
                "heavy_imports": found,
                "ok": not found and (limit is None or statistics.median(walls) < limit),
            }
        )
    if as_json:
        print(json.dumps(rows, indent=1))
    else:
        print_table(rows, runs)
    return 0 if all(row["ok"] for row in rows) else 1


def print_table(rows: list[dict[str, object]], runs: int) -> None:
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"median of {runs} fresh processes; {os.cpu_count()} cores, load {load}")
    print(f"{'':16}{'wall':>8}{'least':>8}{'CPU':>8}{'limit':>8}")
    for row in rows:
        limit = "-" if row["limit_s"] is None else row["limit_s"]
        heavy = f"  imports {', '.join(row['heavy_imports'])}" if row["heavy_imports"] else ""  # type: ignore[arg-type]
        verdict = "ok" if row["ok"] else "MISSED"
        times = f"{row['wall_median_s']:>8}{row['wall_min_s']:>8}{row['cpu_median_s']:>8}{limit:>8}"
        print(f"{row['case']:16}{times}  {verdict}{heavy}")


if __name__ == "__main__":
    sys.exit(main())
