"""What came of running a program: one word for the kind, the tier it ran in, and the evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from asi_repro.errors import AsiReproError

Kind = Literal[
    "ok",
    "refused",  # the static check would not let it run
    "program_error",  # the program raised
    "denied",  # the program asked for something that the sandbox forbids
    "timeout",
    "memory",
    "cpu",
    "processes",
    "output_limit",
    "scratch_limit",
    "bad_result",  # what came back is not a result: malformed, too large, not a plain file
    "killed",  # the worker died or left: a signal, an exit, a crash
    "start_failed",  # the worker never became ready; says nothing about the program
]
KINDS: frozenset[str] = frozenset(get_args(Kind))

SIGKILLED = "the worker died of SIGKILL"

# Kinds that the worker's own process reports. The others are seen from outside.
REPORTED: frozenset[str] = frozenset(
    {"ok", "refused", "program_error", "denied", "memory", "processes", "scratch_limit", "bad_result"}
)


@dataclass(frozen=True)
class Limits:
    """Bounds on one worker. Every bound that is hit is named in the outcome.

    Attributes:
        memory_bytes: memory on top of what the worker uses once its imports are done.
        cpu_seconds: processor time of one call, over all threads.
        wall_seconds: wall time of one call where `call` is given no time-out.
        start_seconds: wall time of starting the worker, imports included.
        processes: threads that may exist at once (new processes are forbidden outright).
        scratch_bytes: the scratch folder, and any one file in it.
        output_bytes: standard output and error of one call together; beyond it the worker is killed.
        kept_output_bytes: how much of each of the two is kept for the outcome.
        frame_bytes: one request or one result on the channel.
        total_cpu_seconds: processor time of the worker's whole life, enforced by the kernel.
    """

    memory_bytes: int = 4 << 30
    cpu_seconds: float = 240.0
    wall_seconds: float = 120.0
    start_seconds: float = 120.0
    processes: int = 64
    scratch_bytes: int = 256 << 20
    output_bytes: int = 8 << 20
    kept_output_bytes: int = 16 << 10
    frame_bytes: int = 32 << 20
    total_cpu_seconds: int = 7200


@dataclass(frozen=True)
class SandboxOutcome:
    """One call's end.

    Attributes:
        kind: what happened, one of `KINDS`.
        tier: the sandbox tier it happened in.
        detail: one or two sentences for a person.
        value: the result where `kind` is "ok", else None.
        traceback: the program's own traceback, cut to a bounded length, or "".
        stdout, stderr: the beginning of what the worker printed, undecodable bytes replaced.
            Untrusted: pass through `asi_repro.text.terminal_safe` before showing.
        wall_seconds, cpu_seconds: what the call took (CPU as last seen by the watchdog, else 0).
    """

    kind: Kind
    tier: str
    detail: str = ""
    value: dict[str, Any] | None = None
    traceback: str = ""
    stdout: str = ""
    stderr: str = ""
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return self.kind == "ok"

    @property
    def sigkilled(self) -> bool:
        """Whether it died of a SIGKILL that nobody here sent: of somebody, or of a kernel short of memory.

        No program can send it. Once, it says nothing about the program; twice at the same place it does.
        """
        return self.kind == "killed" and self.detail.startswith(SIGKILLED)


class SandboxFailure(AsiReproError):
    """A call that did not end in a result; `outcome` says how it ended."""

    def __init__(self, outcome: SandboxOutcome) -> None:
        super().__init__(
            f"{outcome.kind}: {outcome.detail or 'no detail'}",
            where=f"sandbox tier {outcome.tier}",
            hint=_HINTS.get(outcome.kind, "see what the program did (asi-repro verify), then run it again"),
        )
        self.outcome = outcome


class SandboxUnavailable(AsiReproError):
    """No tier works on this machine and the unsafe one was not asked for."""


class BadResult(AsiReproError):
    """A file or frame from the sandbox that is not what it must be."""


@dataclass(frozen=True)
class TierProbe:
    """What running a tier on this machine showed.

    Attributes:
        tier: the tier's name.
        works: whether a worker started in it and every probe was contained.
        detail: what failed, or the properties seen.
        hint: what to do about it, or "".
        contained: probe name to whether it was contained.
        seconds: wall time of starting and probing.
    """

    tier: str
    works: bool
    detail: str
    hint: str = ""
    contained: dict[str, bool] = field(default_factory=dict)
    seconds: float = 0.0


_HINTS: dict[str, str] = {
    "timeout": "raise the time-out if the machine is merely slow",
    "memory": "raise Limits.memory_bytes if the program is trusted to need more",
    "cpu": "raise Limits.cpu_seconds if the machine is merely slow",
    "killed": "run the command again; where it ends so each time, the program or its memory is the cause",
    "start_failed": "run `asi-repro doctor` to see what this machine's sandbox can do",
}
