"""The caller's end of the channel: send a request, wait for the reply, drain what is printed, keep watch.

One loop, no threads. While it waits it reads the worker's standard output and error, keeps their beginning
and counts the rest, and looks at the worker's resources twenty times a second.
"""

from __future__ import annotations

import array
import contextlib
import os
import select
import socket
import struct
import subprocess
import time
from collections.abc import Callable
from typing import Any

from asi_repro.sandbox.outcome import BadResult, Kind, Limits
from asi_repro.sandbox.protocol import FrameBuffer

_TICK = 0.05
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid
Overrun = Callable[[], "Ended | None"]


class Ended(Exception):
    """The exchange is over without a reply."""

    def __init__(self, kind: Kind, detail: str) -> None:
        super().__init__(detail)
        self.kind: Kind = kind
        self.detail = detail


class Channel:
    """The socket to a worker and the pipes from its standard output and error."""

    def __init__(self, sock: socket.socket, process: subprocess.Popen[bytes], limits: Limits) -> None:
        self._socket = sock
        self._socket.setblocking(False)
        self._limits = limits
        self._process = process
        self._pipes: dict[int, bytearray] = {}
        self._order: list[int] = []
        self._printed = 0
        self._poll = select.poll()
        self._poll.register(sock.fileno(), select.POLLIN)
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)
            self._pipes[stream.fileno()] = bytearray()
            self._order.append(stream.fileno())
            self._poll.register(stream.fileno(), select.POLLIN)

    def receive_boot(self, config: bytes, deadline: float, wall: float) -> tuple[dict[str, Any], int, int]:
        """Send the configuration; the first frame, the scratch folder's descriptor and the worker's pid.

        The pid is the kernel's word, translated into this process's namespace.

        Raises:
            Ended: where the worker dies, is late or sends something else.
        """
        received: list[tuple[int, int, bytes]] = []
        room = socket.CMSG_SPACE(4) + socket.CMSG_SPACE(_CREDENTIALS.size)

        def read() -> bytes:
            data, ancillary, _, _ = self._socket.recvmsg(1 << 16, room)
            received.extend(ancillary)
            return data

        frame = self._run(config, deadline, wall, None, read)
        folder, pid = -1, 0
        for level, kind, data in received:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                folder = array.array("i", data[:4])[0]
                os.set_inheritable(folder, False)
            elif level == socket.SOL_SOCKET and kind == getattr(socket, "SCM_CREDENTIALS", -1):
                pid = _CREDENTIALS.unpack(data[: _CREDENTIALS.size])[0]
        if folder < 0 and frame.get("booted"):
            raise Ended("start_failed", "the worker did not hand over its scratch folder")
        return frame, folder, pid

    def exchange(self, data: bytes, deadline: float, wall: float, overrun: Overrun | None) -> dict[str, Any]:
        """Send `data`, return the frame that answers.

        Args:
            deadline: `time.perf_counter()` at which to give up; `wall` is the same as a span, to be named.
            overrun: asked at every tick whether the worker is over a bound.

        Raises:
            Ended: for a time-out, a bound, a closed channel or a malformed frame.
        """
        return self._run(data, deadline, wall, overrun, lambda: self._socket.recv(1 << 18))

    def printed(self) -> tuple[str, str]:
        """The beginning of standard output and error since the last exchange began."""
        with contextlib.suppress(Ended):
            for descriptor in self._order:
                self._drain(descriptor)
        out, err = (bytes(self._pipes[descriptor]) for descriptor in self._order)
        return out.decode("utf-8", "replace"), err.decode("utf-8", "replace")

    def close(self) -> None:
        self._socket.close()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def _run(
        self,
        data: bytes,
        deadline: float,
        wall: float,
        overrun: Overrun | None,
        read: Callable[[], bytes],
    ) -> dict[str, Any]:
        for kept in self._pipes.values():
            kept.clear()
        self._printed = 0
        frames = FrameBuffer(self._limits.frame_bytes)
        unsent = memoryview(data)
        next_look = 0.0
        while True:
            now = time.perf_counter()
            if now > deadline:
                raise Ended("timeout", f"no answer within {wall:g} s")
            if overrun is not None and now >= next_look:
                next_look = now + _TICK
                if (end := overrun()) is not None:
                    raise end
            if unsent:
                unsent = self._send(unsent)
            for descriptor, _ in self._poll.poll(1 if unsent else _TICK * 1000):
                if descriptor != self._socket.fileno():
                    self._drain(descriptor)
                elif (frame := self._receive(frames, read)) is not None:
                    return frame

    def _send(self, data: memoryview) -> memoryview:
        try:
            return data[self._socket.send(data) :]
        except BlockingIOError:
            return data
        except OSError:
            raise Ended("killed", "the worker closed its channel") from None

    def _receive(self, frames: FrameBuffer, read: Callable[[], bytes]) -> dict[str, Any] | None:
        try:
            data = read()
        except BlockingIOError:
            return None
        except OSError:
            data = b""
        if not data:
            raise Ended("killed", "the worker closed its channel")
        try:
            return frames.feed(data)
        except BadResult as error:
            raise Ended("bad_result", str(error)) from None

    def _drain(self, descriptor: int) -> None:
        kept = self._pipes[descriptor]
        while True:
            try:
                data = os.read(descriptor, 1 << 16)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                with contextlib.suppress(KeyError, ValueError):
                    self._poll.unregister(descriptor)
                return
            self._printed += len(data)
            if (room := self._limits.kept_output_bytes - len(kept)) > 0:
                kept += data[:room]
            if self._printed > self._limits.output_bytes:
                raise Ended("output_limit", f"printed more than {self._limits.output_bytes} bytes")
