"""docs/evidence/faults.md: the table of faults and how they ended, as a run of the suite made it."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from faults import clocks, places
from faults.commands import ROOT
from faults.outcomes import Outcome, Shot
from faults.suite import Done, trials

PAGE = ROOT / "docs" / "evidence" / "faults.md"
BOUND_SECONDS = 10.0
_COLUMNS = (Outcome.SAME, Outcome.RECOVERED, Outcome.REFUSED)


@dataclass(frozen=True)
class Ran:
    """A run of the suite.

    Attributes:
        seeds: of its faults.
        jobs: faults at a time.
        done: what it came to.
    """

    seeds: Sequence[int]
    jobs: int
    done: Done

    @property
    def shots(self) -> list[Shot]:
        """The faults that were injected."""
        return self.done.shots


def page(ran: Ran) -> str:
    """The page as Markdown."""
    bad = [shot for shot in ran.shots if not shot.outcome.good]
    lost = sum(shot.outcome is Outcome.LOST for shot in ran.shots)
    wrong = sum(shot.outcome is Outcome.WRONG for shot in ran.shots)
    parts = [
        "<!-- Made by scripts/inject_faults.py --write (`make faults`); do not edit this page. -->\n",
        "# Faults\n",
        "What happens to finished work when something goes wrong. Each row is a fault that was injected into the "
        "real command `n` times, at random moments or places. [The guide](../how-to/faults.md) says how to run this "
        "and what the outcomes mean.\n",
        f"**{len(ran.shots)} faults, {lost} finished experiments or models lost, {wrong} silently wrong results, "
        f"{len(bad)} bad outcomes of any kind.**\n",
        _facts(ran),
        "## Faults and outcomes\n",
        _outcomes(ran.shots, bad),
        "## Recovery\n",
        _recovery(ran),
    ]
    if bad:
        parts += ["## What ended badly\n", _bad(bad)]
    parts += ["## What was not tried\n", _not_tried(ran.shots)]
    return "\n".join(parts)


def _facts(ran: Ran) -> str:
    git = subprocess.run(["git", "--version"], capture_output=True, text=True, check=False).stdout.split()
    facts = {
        "seeds": f"{', '.join(map(str, ran.seeds))}; {ran.jobs} faults at a time",
        "machine": f"{os.cpu_count()} CPUs, {platform.system()} {platform.machine()}, shared with other work",
        "versions": f"Python {platform.python_version()}, git {git[-1] if git else 'unknown'}, "
        f"libfaketime {clocks.version() or 'not there'}",
        "full and read-only disks": "a tmpfs, mounted for each fault"
        if places.can_mount()
        else "RLIMIT_FSIZE and folder modes: not root here, so nothing could be mounted",
        "too late to count": f"{ran.done.missed} (the command had finished before the fault, in each of six attempts)",
    }
    rows = "".join(f"| {name} | {value} |\n" for name, value in facts.items())
    return f"| | |\n|---|---|\n{rows}"


def _outcomes(shots: Sequence[Shot], bad: Sequence[Shot]) -> str:
    heads = [outcome.value for outcome in _COLUMNS] + ["bad"]
    lines = [
        f"| fault | command or file | n | {' | '.join(heads)} |",
        f"|---|---|{'--:|' * (len(heads) + 1)}",
    ]
    for fault, target in dict.fromkeys((shot.fault, shot.target) for shot in shots):
        found = Counter(shot.outcome for shot in shots if (shot.fault, shot.target) == (fault, target))
        counts = [found[outcome] for outcome in _COLUMNS]
        total = sum(found.values())
        cells = [str(count or "") for count in (*counts, total - sum(counts))]
        lines.append(f"| {fault} | {target} | {total} | {' | '.join(cells)} |")
    totals = [sum(shot.outcome is outcome for shot in shots) for outcome in _COLUMNS]
    lines.append(f"| **all** | | {len(shots)} | {' | '.join(map(str, totals))} | {len(bad)} |")
    return "\n".join(lines) + "\n"


def _recovery(ran: Ran) -> str:
    timed = [shot for shot in ran.shots if shot.recovery is not None and shot.fault.startswith("kill")]
    if not timed:
        return "No kill in this run.\n"
    lines = [
        "Seconds from restarting a killed command to the first new work on disk: a step in an experiment's journal, "
        "a checkpoint of a training, or the end of a command that works in one piece. "
        f"Wall time, with {ran.jobs} faults at a time on {os.cpu_count()} CPUs; in brackets the processor time, "
        "which does not depend on other work on the machine.\n",
        "| command | kills | median | longest |",
        "|---|--:|--:|--:|",
    ]
    for target in dict.fromkeys(shot.target for shot in timed):
        found = [shot for shot in timed if shot.target == target]
        wall = [shot.recovery for shot in found if shot.recovery is not None]
        cpu = [shot.recovery_cpu for shot in found if shot.recovery_cpu is not None]
        cells = [
            f"{pick(wall):.1f} ({pick(cpu):.1f})" if cpu else f"{pick(wall):.1f}"
            for pick in (statistics.median, max)
        ]
        lines.append(f"| {target} | {len(wall)} | {cells[0]} | {cells[1]} |")
    every = [shot.recovery for shot in timed if shot.recovery is not None]
    inside = sum(seconds < BOUND_SECONDS for seconds in every)
    lines.append(
        f"\nThe limit is {BOUND_SECONDS:g} s: {inside} of {len(every)} recoveries were within it, median "
        f"{statistics.median(every):.1f} s, longest {max(every):.1f} s.\n"
    )
    return "\n".join(lines)


def _bad(bad: Sequence[Shot]) -> str:
    def cell(text: str) -> str:
        return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")[:300]

    rows = [f"| {s.outcome.value} | {s.fault} | {s.target} | {cell(s.detail)} |" for s in bad]
    return "\n".join(["| outcome | fault | command | observed |", "|---|---|---|---|", *rows]) + "\n"


def _not_tried(shots: Sequence[Shot]) -> str:
    lines = [
        "- A power cut, which loses what the kernel has not written yet. Files are synced before they are renamed, but "
        "no test here can cut the power.",
        "- The clocks of git and of sandboxed programs, which commands start with an environment of their own.",
        "- A file system that reports writes it has not made, network file systems, GPUs, a cluster's nodes ([more than one machine](../how-to/cluster.md)).",
    ]
    hit = {(shot.fault, shot.target) for shot in shots}
    missing: dict[str, list[str]] = {}
    for fault, target in dict.fromkeys((trial.fault, trial.target) for trial in trials()):
        if (fault, target) not in hit:
            missing.setdefault(fault, []).append(target)
    lines += [f"- Not run for lack of time: {fault}: {', '.join(of)}." for fault, of in missing.items()]
    if clocks.faketime() is None:
        lines.append("- Clock jumps, because libfaketime is missing: `apt install faketime`.")
    return "\n".join(lines) + "\n"
