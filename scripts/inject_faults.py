"""Inject faults into the real commands and count how they end: `make faults`, see docs/how-to/faults.md.

The exit status is 1 where a fault ended badly: finished work lost, a result silently wrong, a traceback, an
error that says too little, a hang, a process left running, or a command that did not recover.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

if TYPE_CHECKING:
    from faults.bench import Trial
    from faults.outcomes import Shot


def main() -> int:
    """The command."""
    from faults.bench import Bench
    from faults.suite import KINDS, keep, read_kept, run_suite, trials
    from faults.table import PAGE, Ran, page

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=1, help="times that every fault is injected")
    parser.add_argument("--only", nargs="+", default=[], metavar="KIND", choices=KINDS, help=", ".join(KINDS))
    parser.add_argument("--target", nargs="+", default=[], metavar="COMMAND", help="as the table names them")
    parser.add_argument("--seed", type=int, default=1, help="of every moment and place")
    parser.add_argument("--jobs", type=int, default=2, help="faults at a time")
    parser.add_argument("--minutes", type=float, help="begin no fault after that; the order is drawn")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="add every fault to that file (JSON lines)")
    parser.add_argument(
        "--write",
        action="store_true",
        help=f"write {PAGE.relative_to(ROOT)}; with --keep, of all in FILE",
    )
    asked = parser.parse_args()
    listed = trials(asked.only, asked.target)
    print(f"{len(listed) * asked.rounds} faults", flush=True)
    began = time.monotonic()

    def take(trial: Trial, shot: Shot | None) -> None:
        told(trial, shot)
        if asked.keep is not None:
            keep(asked.keep, asked.seed, shot)

    with tempfile.TemporaryDirectory(prefix="asi-repro-faults-") as folder:
        how = {"seed": asked.seed, "rounds": asked.rounds, "jobs": asked.jobs, "minutes": asked.minutes}
        done = run_suite(listed, Bench(Path(folder)), told=take, **how)
    bad = [shot for shot in done.shots if not shot.outcome.good]
    print(
        f"{len(done.shots)} faults, {done.missed} too late to be one, {done.not_begun} not begun, "
        f"{len(bad)} ended badly, {time.monotonic() - began:.0f} s"
    )
    for shot in bad:
        told(None, shot)
    if asked.write:
        seeds, every = ([asked.seed], done) if asked.keep is None else read_kept(asked.keep)
        PAGE.write_text(page(Ran(seeds, asked.jobs, every)), encoding="utf-8")
        print(f"written: {PAGE.relative_to(ROOT)}")
    return 1 if bad or not done.shots else 0


def told(trial: Trial | None, shot: Shot | None) -> None:
    """One line for each fault."""
    if shot is None:
        if trial is not None:
            print(f"{'too late':<18} {trial.fault}: {trial.target}", flush=True)
        return
    recovery = "" if shot.recovery is None else f" [{shot.recovery:.1f} s]"
    print(f"{shot.outcome.value:<18} {shot.fault}: {shot.target}{recovery}: {shot.detail[:600]}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
