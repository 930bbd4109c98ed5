"""The process inside the sandbox: confine itself, import, lock down, then answer calls.

Started as `python -c BOOT` by `client`. It reads its configuration from the channel, a socket whose number
is in its arguments, never from standard input or output, which belong to the program.

The tasks it can run come from one module of this package that exposes `TASKS: dict[str, Callable[[dict],
dict]]`. The program's source is part of a call's payload. A program shares this process with the task: it
could read and alter anything here, answer in the task's place and so lie about itself. It cannot reach
past the process.
"""

from __future__ import annotations

import array
import contextlib
import errno
import gc
import importlib
import os
import re
import socket
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asi_repro.sandbox import confine
from asi_repro.sandbox.outcome import BadResult
from asi_repro.sandbox.protocol import HEADER, decode, encode
from asi_repro.sandbox.refusal import ProgramRefused

Task = Callable[[dict[str, Any]], dict[str, Any]]

TASK_MODULE = re.compile(r"asi_repro(\.[a-z_][a-z0-9_]*)+")
_MAX_TRACEBACK = 8000
_FORBIDDEN = frozenset({errno.EPERM, errno.EACCES, errno.EROFS})
_FULL = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT})
_scratch = Path()


def scratch() -> Path:
    """The only folder a task or program may write to. Plain files only; the caller reads them by name."""
    return _scratch


def main(descriptor: int) -> None:
    """Serve the caller on the socket `descriptor` until it closes."""
    global _scratch
    channel = socket.socket(fileno=descriptor)
    config = _read_frame(channel, 1 << 20)
    started = time.perf_counter()
    try:
        applied = confine.before_imports(config)
        _scratch = Path(config["scratch"])
        _hand_over_scratch(channel, applied)
        tasks = _imported(config)
        applied["import_seconds"] = round(time.perf_counter() - started, 4)
        confine.after_imports(config, applied)
    except BaseException as error:
        detail = f"{type(error).__name__}: {error}"
        _send(channel, {"ready": False, "detail": detail[:2000], "traceback": _trace(error)}, 1 << 20)
        os._exit(1)
    _send(channel, {"ready": True, "applied": applied}, 1 << 20)
    _serve(channel, tasks, config["limits"]["frame_bytes"])
    os._exit(0)


def _imported(config: dict[str, Any]) -> dict[str, Task]:
    """Import what the calls need. It makes a million objects and no rubbish: Python does not look for any."""
    gc.disable()
    try:
        for name in config["preload"]:
            importlib.import_module(name)
        return load_tasks(config["task"])
    finally:
        gc.freeze()
        gc.enable()


def load_tasks(module: str) -> dict[str, Task]:
    """The tasks that `module` of this package exposes.

    Raises:
        ValueError: for a module outside this package or without `TASKS`.
    """
    if not TASK_MODULE.fullmatch(module):
        raise ValueError(f"{module!r} is not a module of asi_repro")
    tasks = getattr(importlib.import_module(module), "TASKS", None)
    if not isinstance(tasks, dict):
        raise ValueError(f"{module} exposes no TASKS")
    return tasks


def _serve(channel: socket.socket, tasks: dict[str, Task], limit: int) -> None:
    while True:
        request = _read_frame(channel, limit)
        number = request["id"]
        reply = {"id": number, **_run(tasks, request)}
        try:
            data = encode(reply, limit)
        except BadResult as error:
            data = encode({"id": number, "kind": "bad_result", "detail": str(error)}, limit)
        _write(channel, data)


def _run(tasks: dict[str, Task], request: dict[str, Any]) -> dict[str, Any]:
    try:
        task = tasks.get(request["method"])
        if task is None:
            return {"kind": "program_error", "detail": f"no task {request['method']!r}"}
        value = task(request["payload"])
        if type(value) is not dict:
            return {"kind": "bad_result", "detail": f"the task returned {type(value).__name__}, not a dict"}
        return {"kind": "ok", "value": value}
    except BaseException as error:
        kind, detail = classify(error)
        return {"kind": kind, "detail": detail, "traceback": _trace(error)}
    finally:
        _flush()


def classify(error: BaseException) -> tuple[str, str]:
    """The kind of outcome that an exception stands for, and one line about it."""
    detail = _describe(error)
    for link in _chain(error):
        if isinstance(link, ProgramRefused):
            return "refused", detail
        if isinstance(link, MemoryError) or "can't allocate memory" in _describe(link):
            return "memory", f"out of memory within the limit: {detail}"
        if isinstance(link, OSError) and link.errno in _FORBIDDEN:
            return "denied", f"the sandbox forbids it: {detail}"
        if isinstance(link, OSError) and link.errno in _FULL:
            return "scratch_limit", f"the scratch folder's bound was hit: {detail}"
        if isinstance(link, OSError) and link.errno == errno.ENOMEM:
            return "memory", f"out of memory within the limit: {detail}"
        if isinstance(link, RuntimeError) and "can't start new thread" in _describe(link):
            return "processes", f"no more threads within the limit: {detail}"
    return "program_error", detail


def _chain(error: BaseException) -> list[BaseException]:
    links: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and len(links) < 10:
        links.append(link)
        link = link.__cause__ or link.__context__
    return links


def _describe(error: BaseException) -> str:
    # The program chose the exception's class, so its __str__ may do anything but must not stop the reply.
    try:
        text = str(error)
    except BaseException:
        text = "(its message could not be read)"
    return f"{type(error).__name__}: {text[:1000]}" if type(text) is str else type(error).__name__


def _trace(error: BaseException) -> str:
    try:
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__, limit=-12))
    except BaseException:
        return "(the traceback could not be read)"
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= _MAX_TRACEBACK else "(cut)\n" + text[-_MAX_TRACEBACK:]


def _hand_over_scratch(channel: socket.socket, applied: dict[str, Any]) -> None:
    """Send the scratch folder as a descriptor: the caller can then read it from outside any namespace."""
    handle = os.open(_scratch, os.O_RDONLY | os.O_DIRECTORY)
    body = encode({"booted": True, "applied": applied}, 1 << 20)
    channel.sendmsg([body], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [handle]))])
    os.close(handle)


def _read_frame(channel: socket.socket, limit: int) -> dict[str, Any]:
    header = _read_exactly(channel, HEADER.size)
    (length,) = HEADER.unpack(header)
    if length > limit:
        os._exit(1)
    return decode(_read_exactly(channel, length))


def _read_exactly(channel: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        # os.read, not recv: the filter allows no socket call at all.
        block = os.read(channel.fileno(), min(count - len(parts), 1 << 20))
        if not block:
            os._exit(0)  # the caller is gone
        parts += block
    return bytes(parts)


def _send(channel: socket.socket, frame: dict[str, Any], limit: int) -> None:
    _write(channel, encode(frame, limit))


def _write(channel: socket.socket, data: bytes) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(channel.fileno(), view) :]
    except OSError:
        os._exit(3)  # the program closed or broke the channel


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):  # the program may have put anything in its place
            stream.flush()
