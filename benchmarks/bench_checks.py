"""Processor seconds of each check on a program, and of the kinds of probe that it is made of.

    python benchmarks/bench_checks.py FILE|INDEX...     INDEX: an architecture of the archive

One line a check: its seconds, then those of its forward passes (by mode, by whether the sequence has at
least 600 tokens, and by whether the width is the paper's), of copying modules, of building them, and of
gradients, each with how many there were. What is left over is comparing and, in `runs`, going backwards.
Programs run in this process without a sandbox: name files of your own, or the release, whose programs have
run in the sandbox before. On a busy machine processor time is longer as well, so nothing else should run.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from asi_repro.archive.reader import Archive
from asi_repro.project import find_project
from asi_repro.verify.all_checks import Battery
from asi_repro.verify.catalogue import CHECKS
from asi_repro.verify.subject import Subject

LONG, WIDE = 600, 256
Label = Callable[..., str]


class Clock:
    """Seconds and calls by kind of probe. Of calls inside each other, only the outer one is counted."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.calls: dict[str, int] = defaultdict(int)
        self._inside = False

    def watch(self, owner: Any, name: str, label: Label) -> None:
        """Count the calls of `owner.name` from now on."""
        inner = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            if self._inside:
                return inner(*args, **kwargs)
            self._inside, began = True, time.process_time()
            try:
                return inner(*args, **kwargs)
            finally:
                self._inside = False
                kind = label(*args)
                self.seconds[kind] += time.process_time() - began
                self.calls[kind] += 1

        setattr(owner, name, timed)

    def read(self) -> str:
        """What was counted since the last reading, the largest first."""
        kinds = sorted(self.seconds, key=lambda kind: -self.seconds[kind])
        text = ", ".join(f"{kind} {self.seconds[kind]:.2f} ({self.calls[kind]})" for kind in kinds)
        self.seconds.clear()
        self.calls.clear()
        return text


def forward_kind(subject: Subject, module: torch.nn.Module, x: torch.Tensor, *rest: Any) -> str:
    """The kind of a forward pass."""
    width = "paper's width" if x.shape[2] >= WIDE else "long" if x.shape[1] >= LONG else "short"
    return f"{width}, {'training' if module.training else 'eval'}"


def copy_kind(subject: Subject, *rest: Any) -> str:
    """The kind of a copy, which builds where there is nothing to copy yet."""
    return "copies at the paper's width" if subject.hidden_size >= WIDE else "copies"


def measure(name: str, source: str, stated: int | None, clock: Clock) -> float:
    """Print the lines of one program; its seconds in all."""
    began = time.process_time()
    battery = Battery(source, stated=stated)
    battery.facts()
    total = time.process_time() - began
    print(f"{name}: opening {total:.2f} s ({clock.read()})")
    for check in CHECKS:
        began = time.process_time()
        battery.run(check.name)
        seconds = time.process_time() - began
        total += seconds
        print(f"  {check.name:<12} {seconds:6.2f}  {clock.read()}")
    print(f"  {'all':<12} {total:6.2f}")
    return total


def main() -> None:
    """Measure every program that was named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("programs", nargs="+", metavar="FILE|INDEX")
    started = time.process_time()
    clock = Clock()
    clock.watch(Subject, "call_full", forward_kind)
    clock.watch(Subject, "fresh", copy_kind)
    clock.watch(torch.autograd, "grad", lambda *_: "gradients")
    totals = []
    for name in parser.parse_args().programs:
        source, stated = Path(name).read_text(encoding="utf-8") if not name.isdigit() else "", None
        if name.isdigit():
            program = Archive(find_project().archive).program(int(name))
            source, stated = program.source, program.parameters
        totals.append(measure(name, source, stated, clock))
    print(f"imports {started:.2f} s; {len(totals)} programs, mean {sum(totals) / len(totals):.2f} s")


if __name__ == "__main__":
    main()
