"""How a command ends when something goes wrong: one clear message and an exit status."""

from __future__ import annotations

import errno
import io
import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import typer

from asi_repro.errors import AsiReproError
from asi_repro.text import terminal_safe

INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM
PIPE_CLOSED = 128 + 13  # what a shell reports for a program that SIGPIPE ended


class Terminated(KeyboardInterrupt):
    """SIGTERM, taken as Ctrl-C is: children are ended and temporary files removed."""


def end_on_sigterm() -> None:
    """Let SIGTERM raise `Terminated` in place of ending the process on the spot."""
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminate)


def _terminate(number: int, frame: object) -> None:
    raise Terminated


def interrupted_status(error: KeyboardInterrupt) -> int:
    """The exit status that a shell expects of a command that such a signal ended."""
    return TERMINATED if isinstance(error, Terminated) else INTERRUPTED


@contextmanager
def failures_reported() -> Iterator[None]:
    """Turn what a person can act on into `error: ...` on stderr and `typer.Exit`.

    A bug keeps its traceback.
    """
    try:
        yield
    except AsiReproError as error:
        _complain(f"error: {error}")
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt as error:
        _complain("terminated" if isinstance(error, Terminated) else "interrupted")
        raise typer.Exit(interrupted_status(error)) from error
    except OSError as error:
        if isinstance(error, BrokenPipeError) and reader_has_gone():
            discard_stdout()
            raise typer.Exit(PIPE_CLOSED) from error
        reason = error.strerror or str(error)
        where = f"\n  where: {error.filename or Path.cwd()}"
        hint = f"\n  what to do: {_REMEDIES.get(error.errno or 0, _REMEDY)}"
        _complain(f"error: the operating system reported: {reason} ({type(error).__name__}){where}{hint}")
        raise typer.Exit(1) from error


@contextmanager
def stdout_flushed() -> Iterator[None]:
    """Write UTF-8 in any locale, and flush stdout at the end.

    A reader that has gone is so noticed here and not at shutdown.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        discard_stdout()
        sys.exit(PIPE_CLOSED)


def reader_has_gone() -> bool:
    """Whether stdout is a pipe that nobody reads any more."""
    with suppress(OSError, ValueError, AttributeError):
        poll = select.poll()
        poll.register(sys.stdout.fileno(), select.POLLOUT)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
    return False


def discard_stdout() -> None:
    """Point stdout at nothing: what is still in its buffer would raise again at shutdown."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


_REMEDY = "correct what the system reports, then run the command again"
_SPACE = "free some space (df -h), also for temporary files (TMPDIR), then run the command again"
_REMEDIES = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: "raise the file size limit (ulimit -f), then run the command again",
    errno.EROFS: "make the file system writable, then run the command again",
    errno.EACCES: "check that you have permission to read and write there, then run the command again",
    errno.EPERM: "check that you have permission to read and write there, then run the command again",
    errno.EIO: "check the disk (dmesg), then run the command again",
}


def _complain(message: str) -> None:
    with suppress(OSError, ValueError):
        print(terminal_safe(message), file=sys.stderr)
