"""What a running worker uses, read from outside through /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Usage:
    """One look at a process.

    Attributes:
        cpu_seconds: processor time over all its threads since it began.
        threads: threads that exist now.
        resident_bytes: memory in RAM now.
    """

    cpu_seconds: float
    threads: int
    resident_bytes: int


_hidden = 0.0


def add_hidden(seconds: float) -> None:
    """Note the CPU time of a worker whose pid namespace the kernel ended."""
    global _hidden
    _hidden += seconds


def hidden_cpu_seconds() -> float:
    """CPU seconds of this process's ended workers that `os.times` lacks.

    The kernel ends a pid namespace without handing its times on to whoever waits for it.
    """
    return _hidden


def usage(pid: int) -> Usage | None:
    """What process `pid` uses, or None where that cannot be read (gone, or no /proc)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
        # The name in parentheses is the process's own choice and may hold anything.
        fields = text[text.rindex(b")") + 2 :].split()
        return Usage(
            cpu_seconds=(int(fields[11]) + int(fields[12])) / _TICKS,
            threads=int(fields[17]),
            resident_bytes=int(fields[21]) * _PAGE,
        )
    except (OSError, ValueError, IndexError):
        return None
