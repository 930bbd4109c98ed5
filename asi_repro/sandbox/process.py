"""A worker process in one tier of the sandbox: start it, call it, read its files, stop it.

One worker is for one program: what a program did to the process stays there. Calls after the first are
warm. A worker that hit a bound is dead and says so; make a new one. Start it in a thread that lives as long
as it does: the kernel kills a worker whose starting thread ends.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from asi_repro.sandbox import launch
from asi_repro.sandbox.channel import Channel, Ended
from asi_repro.sandbox.outcome import BadResult, Kind, Limits, SandboxFailure, SandboxOutcome
from asi_repro.sandbox.protocol import check_reply, encode
from asi_repro.sandbox.scratch import Scratch
from asi_repro.sandbox.watch import add_hidden, usage

if TYPE_CHECKING:
    from typing_extensions import Self

_CONFIG_BYTES = 1 << 20


class WorkerProcess:
    """A process that runs the tasks of one trusted module on one program, confined by one tier.

    Args:
        task: a module of this package that exposes `TASKS`.
        limits: bounds; the defaults suit the checks on one program at the 20M scale.
        tier: what confines it; "unsafe" is resource limits only, and protects neither files nor network nor
            other processes.
        preload: modules to import before the lock-down, so that calls find them warm.
        environment: variables from a short fixed list (thread counts, TRITON_INTERPRET); never a secret.
        devices: device nodes that the tier "gpu" shows; None takes NVIDIA's.

    Attributes:
        applied: what the worker reported of its own confinement, once started.

    Raises:
        SandboxFailure: on entering, where the worker does not become ready.
    """

    def __init__(
        self,
        task: str,
        limits: Limits | None = None,
        *,
        tier: launch.Tier | Literal["unsafe", ""],
        preload: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        devices: Sequence[str] | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.tier: str = tier
        self.applied: dict[str, Any] = {}
        self.start_seconds = 0.0
        self._task = task
        self._preload = tuple(preload)
        self._environment = dict(environment or {})
        self._devices = devices
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._scratch: Scratch | None = None
        self._scratch_path: Path | None = None
        self._pid = 0
        self._base_resident = 0
        self._cpu_before = 0.0
        self._config = b""
        self._calls = 0
        self._end: SandboxOutcome | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        """Whether another call can be made."""
        return self._process is not None and self._end is None

    @property
    def pid(self) -> int:
        """The worker's process id as this process sees it; 0 before it is started."""
        return self._pid

    @property
    def scratch(self) -> Scratch:
        """The worker's scratch folder, seen from outside; readable after the worker's death too."""
        if self._scratch is None:
            raise RuntimeError("the worker has not been started")
        return self._scratch

    def start(self) -> None:
        """Start the process and wait until it is locked down and ready."""
        if self._process is not None:
            raise RuntimeError("a worker starts once")
        began = time.perf_counter()
        try:
            self._spawn()
            self._await_ready(began)
        except Ended as end:
            outcome = self._finish(end, began)
            self.close()
            raise SandboxFailure(replace(outcome, kind="start_failed")) from None
        except BaseException:
            self.close()
            raise
        self.start_seconds = time.perf_counter() - began

    def call(self, method: str, payload: dict[str, Any], *, timeout: float | None = None) -> dict[str, Any]:
        """The result of one task.

        Raises:
            SandboxFailure: for every end but a result; its `outcome` has the kind, tier and evidence.
        """
        outcome = self.try_call(method, payload, timeout=timeout)
        if outcome.value is None:
            raise SandboxFailure(outcome)
        return outcome.value

    def try_call(
        self, method: str, payload: dict[str, Any], *, timeout: float | None = None
    ) -> SandboxOutcome:
        """One task's outcome, whatever it is. Never raises for what a program does.

        Args:
            timeout: wall seconds; None takes `limits.wall_seconds`.

        Raises:
            BadResult: where `payload` is not JSON or too large: the caller's mistake.
        """
        if self._end is not None:
            return replace(self._end, detail=f"the worker is gone since an earlier call: {self._end.detail}")
        if self._process is None or self._channel is None:
            raise RuntimeError("the worker has not been started")
        self._calls += 1
        request = {"id": self._calls, "method": method, "payload": payload}
        data = encode(request, self.limits.frame_bytes)
        began = time.perf_counter()
        before = usage(self._pid)
        self._cpu_before = before.cpu_seconds if before else 0.0
        wall = self.limits.wall_seconds if timeout is None else timeout
        try:
            frame = self._channel.exchange(data, began + wall, wall, self._overrun)
            reply = check_reply(frame, self._calls)
        except Ended as end:
            return self._finish(end, began)
        except BadResult as error:
            return self._finish(Ended("bad_result", str(error)), began)
        after = usage(self._pid)
        out, err = self._channel.printed()
        return SandboxOutcome(
            kind=reply["kind"],
            tier=self.tier,
            detail=reply.get("detail", ""),
            value=reply.get("value"),
            traceback=reply.get("traceback", ""),
            stdout=out,
            stderr=err,
            wall_seconds=time.perf_counter() - began,
            cpu_seconds=after.cpu_seconds - self._cpu_before if after else 0.0,
        )

    def close(self) -> None:
        """Kill the worker and everything in its namespace and group; remove its scratch folder."""
        self._kill()
        if self._channel is not None:
            self._channel.close()
        if self._scratch is not None:
            self._scratch.close()
        if self._scratch_path is not None:
            shutil.rmtree(self._scratch_path, ignore_errors=True)
        if self._end is None:
            self._end = SandboxOutcome("killed", self.tier, "the worker was closed")

    def _spawn(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        if sys.platform.startswith("linux"):
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        with theirs, contextlib.ExitStack() as undo:
            undo.callback(ours.close)
            if self.tier not in launch.NESTED:
                self._scratch_path = Path(tempfile.mkdtemp(prefix="asi-repro-sandbox-"))
            plan = launch.prepare(
                self.tier,  # type: ignore[arg-type]
                self._task,
                self.limits,
                descriptor=theirs.fileno(),
                scratch=self._scratch_path,
                preload=self._preload,
                environment=self._environment,
                devices=self._devices,
            )
            if self._scratch_path is not None:
                launch.new_scratch_owner(plan, self._scratch_path)
            try:
                self._process = subprocess.Popen(
                    plan.argv,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=plan.env,
                    cwd=self._scratch_path or "/",
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
            except OSError as error:
                raise Ended("start_failed", f"cannot start {plan.argv[0]}: {error.strerror}") from None
            undo.pop_all()
        self._channel = Channel(ours, self._process, self.limits)
        self._config = encode(plan.config, _CONFIG_BYTES)

    def _await_ready(self, began: float) -> None:
        assert self._channel is not None
        assert self._process is not None
        wall = self.limits.start_seconds
        frame, descriptors, pid = self._channel.receive_boot(self._config, began + wall, wall)
        if not frame.get("booted"):
            raise Ended("start_failed", str(frame.get("detail", "the worker did not boot"))[:2000])
        self._pid = pid or self._process.pid
        self._scratch = Scratch(descriptors, self.limits.scratch_bytes)
        frame = self._channel.exchange(b"", began + wall, wall, None)
        if frame.get("ready") is not True or not isinstance(frame.get("applied"), dict):
            raise Ended("start_failed", f"{frame.get('detail', '')}\n{frame.get('traceback', '')}"[:6000])
        self.applied = frame["applied"]
        now = usage(self._pid)
        self._base_resident = now.resident_bytes if now else 0

    def _overrun(self) -> Ended | None:
        """What bound the worker is over at this moment, seen from outside."""
        now = usage(self._pid)
        limits = self.limits
        if now is not None:
            if now.cpu_seconds - self._cpu_before > limits.cpu_seconds:
                return Ended("cpu", f"used more than {limits.cpu_seconds:g} s of processor time")
            if now.resident_bytes - self._base_resident > limits.memory_bytes:
                return Ended("memory", f"took more than {limits.memory_bytes} bytes of memory")
            if now.threads > limits.processes:
                return Ended("processes", f"{now.threads} threads, over the limit of {limits.processes}")
        if self.scratch.full(limits.scratch_bytes, own_mount=self._scratch_path is None):
            return Ended(
                "scratch_limit",
                f"more than {limits.scratch_bytes} bytes or 10,000 files in the scratch folder",
            )
        return None

    def _finish(self, end: Ended, began: float) -> SandboxOutcome:
        """Kill what is left and say how it ended."""
        last = usage(self._pid) if self._pid else None
        kind: Kind = end.kind
        detail = end.detail
        if kind == "killed" and self._process is not None:
            kind, detail = _how_it_died(self._process, detail)
        self._kill()
        out, err = self._channel.printed() if self._channel is not None else ("", "")
        if kind in ("start_failed", "killed") and err.strip():
            detail = f"{detail}; it printed: {err.strip()[-600:]}"
        self._end = SandboxOutcome(
            kind=kind,
            tier=self.tier,
            detail=detail,
            stdout=out,
            stderr=err,
            wall_seconds=time.perf_counter() - began,
            cpu_seconds=max(last.cpu_seconds - self._cpu_before, 0.0) if last else 0.0,
        )
        return self._end

    def _kill(self) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        # Its session made it the leader of a group of its own. Nobody waited for it yet, so the number is
        # still its own, and what it may have left in the group dies too. In a pid namespace the kernel ends
        # the rest when bwrap is gone.
        if self.tier in launch.NESTED and (used := usage(self._pid)) is not None:
            add_hidden(used.cpu_seconds)
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def _how_it_died(process: subprocess.Popen[bytes], detail: str) -> tuple[Kind, str]:
    """The exit of a worker that left by itself, from its exit status."""
    status = _exit_status(process.pid)
    if status is None:
        return "killed", detail
    number = -status if status < 0 else status - 128 if status > 128 else 0
    if not number:
        return "killed", f"the worker left with exit status {status} before it answered"
    with contextlib.suppress(ValueError):
        name = signal.Signals(number).name
        if name == "SIGXCPU":
            return "cpu", "used the processor time of the worker's whole life"
        if name == "SIGSYS":
            return "denied", "a system call that kills at once (SIGSYS)"
        return "killed", f"the worker died of {name}"
    return "killed", f"the worker died of signal {number}"


def _exit_status(pid: int) -> int | None:
    """The status of a child that has ended, -N for signal N; None where it still runs after half a second.

    It is only looked at: as long as nobody waits for the child its number names nobody else.
    """
    if not hasattr(os, "waitid"):  # macOS before Python 3.13
        return None
    for _ in range(50):
        found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is not None:
            return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
        time.sleep(0.01)
    return None
