"""What a worker does to itself, in this order, before it runs a program. Runs in the child only."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

from asi_repro.sandbox import landlock, seccomp
from asi_repro.sandbox.view import DEVICES, PROC

_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_SECUREBITS = 1, 24, 28
_NOROOT_LOCKED = 0x3 | 0xC  # SECBIT_NOROOT, NO_SETUID_FIXUP and their locks
_CAPABILITY_VERSION_3 = 0x20080522


def before_imports(config: dict[str, Any]) -> dict[str, Any]:
    """Limits, identity and file access. The process has one thread when this runs.

    Args:
        config: `tier`, `limits`, `scratch`, `readable`, `gpu_nodes`, `uid` (to become, or None),
            `count_threads` (whether the kernel can bound them by user), `parent` (its pid, or
            None in a pid namespace, where it cannot be seen).

    Returns:
        What was applied, for the record.

    Raises:
        OSError: where a step that the tier promises fails; the worker then does not start.
    """
    applied: dict[str, Any] = {"landlock": 0, "seccomp": False, "uid": os.getuid()}
    _resource_limits(config)
    if not sys.platform.startswith("linux"):
        return applied
    if config["uid"] is not None:
        _become(config["uid"])
    elif os.geteuid() == 0:
        _drop_capabilities()
    if config["count_threads"]:
        threads = config["limits"]["processes"]
        resource.setrlimit(resource.RLIMIT_NPROC, (threads, threads))
    applied["uid"] = os.getuid()
    _die_with(config["parent"])  # after the change of user, which takes the setting away
    if config["tier"] != "unsafe" and (landlock.abi() >= 1 or config["tier"] == "landlock"):
        applied["landlock"] = _restrict_files(config)
    return applied


def after_imports(config: dict[str, Any], applied: dict[str, Any]) -> None:
    """The address space and the system calls: nothing after this line can be undone from inside."""
    # CUDA reserves far more addresses than memory: with a GPU only what is private and writable is bounded.
    gpu = bool(config["gpu_nodes"])
    limit = (_private_writable() if gpu else _address_space()) + config["limits"]["memory_bytes"]
    for name in (resource.RLIMIT_DATA,) if gpu else (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        resource.setrlimit(name, (limit, limit))
    if config["tier"] != "unsafe":
        seccomp.lock_down(gpu=gpu)
        applied["seccomp"] = True


def _resource_limits(config: dict[str, Any]) -> None:
    limits = config["limits"]
    for name, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 512),
        (resource.RLIMIT_FSIZE, limits["scratch_bytes"]),
        (resource.RLIMIT_CPU, limits["total_cpu_seconds"]),
    ):
        _, hard = resource.getrlimit(name)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(name, (value, value))
    for name_ in ("RLIMIT_MSGQUEUE", "RLIMIT_MEMLOCK"):
        if (number := getattr(resource, name_, None)) is not None:
            resource.setrlimit(number, (0, 0))
    os.umask(0o077)


def _address_space() -> int:
    with contextlib.suppress(OSError), Path("/proc/self/statm").open() as stream:
        return int(stream.read().split()[0]) * resource.getpagesize()
    return 2 << 30  # no /proc (not Linux): what an interpreter with torch maps, roughly


def _private_writable() -> int:
    """Bytes that RLIMIT_DATA counts of this process."""
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:"))


def _become(uid: int) -> None:
    """Give up root for a user id that owns nothing, with every capability."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def _drop_capabilities() -> None:
    """Root without root's powers, where the interpreter is only readable to root."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(64):
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    libc.prctl(_PR_SET_SECUREBITS, _NOROOT_LOCKED, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    empty = (ctypes.c_uint32 * 6)()
    if libc.capset(ctypes.byref(header), ctypes.byref(empty)) != 0:
        raise OSError(ctypes.get_errno(), "capset failed")


def _die_with(parent: int | None) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if parent is not None and os.getppid() != parent:  # it died before the line above
        os._exit(1)


def _restrict_files(config: dict[str, Any]) -> int:
    if config["tier"] in ("bubblewrap", "gpu"):
        readable = [Path("/")]  # the mount namespace already holds only what may be seen
    else:
        readable = [Path(p) for p in (*config["readable"], *PROC)]
    nodes = [Path(node) for node in config["gpu_nodes"]]
    return landlock.restrict(readable, [Path(config["scratch"])], [Path(p) for p in DEVICES], nodes)
