"""A time and a memory bound on one call in this process."""

from __future__ import annotations

import faulthandler
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SECONDS = 10.0
MEGABYTES = 512


class OutOfBounds(BaseException):
    """Not an Exception, so that no reader's own handler takes it for a damaged file."""


@contextmanager
def bounded(*, seconds: float = SECONDS, megabytes: int = MEGABYTES) -> Iterator[None]:
    """Fail where the body takes longer, or this process grows by more.

    Python code is interrupted; C code that does not come back ends the process with a traceback of it.
    """

    def late(*_: object) -> None:
        raise OutOfBounds(f"not over after {seconds:g} s")

    before = _peak_megabytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    # Allocators reserve more than they use, so the wall is further out than what is measured.
    resource.setrlimit(resource.RLIMIT_AS, (pages + (megabytes << 20) + (4 << 30), hard))
    old = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    faulthandler.dump_traceback_later(4 * seconds, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    grown = _peak_megabytes() - before
    if grown > megabytes:
        raise OutOfBounds(f"grew by {grown} MB")


def _peak_megabytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
