"""The command that starts a worker in a tier."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from asi_repro.sandbox import gpu
from asi_repro.sandbox.outcome import Limits
from asi_repro.sandbox.view import DEVICES, View, visible

Tier = Literal["bubblewrap", "landlock", "gpu", "unsafe"]
TIERS: tuple[Tier, ...] = (
    "bubblewrap",
    "landlock",
)  # strongest first; "gpu" for CUDA, "unsafe" when asked for
NESTED: tuple[Tier, ...] = ("bubblewrap", "gpu")  # namespaces made by bwrap

_BOOT = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[2]); "
    "from asi_repro.sandbox.worker import main; main(int(sys.argv[1]))"
)
_INSIDE_SCRATCH = "/scratch"
# User ids that belong to nobody: systemd's range for services without an account of their own.
_FIRST_UID, _UID_COUNT = 61184, 4096
# The only variables that a caller may set: how numbers are computed, nothing that names a file or secret.
_SETTABLE = frozenset(
    {
        "FLA_COMPILER_MODE",
        "MKL_NUM_THREADS",
        "OMP_NUM_THREADS",
        "PYTHONHASHSEED",
        "TORCHDYNAMO_DISABLE",
        "TRITON_INTERPRET",
    }
)


@dataclass(frozen=True)
class Launch:
    """How to start one worker.

    Attributes:
        argv, env: the command and its whole environment.
        config: the first frame that the worker reads.
        nested: whether the worker runs in a pid namespace of its own.
    """

    argv: list[str]
    env: dict[str, str]
    config: dict[str, Any] = field(repr=False)
    nested: bool


def prepare(
    tier: Tier,
    task: str,
    limits: Limits,
    *,
    descriptor: int,
    scratch: Path | None,
    preload: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    devices: Sequence[str] | None = None,
) -> Launch:
    """The command, environment and configuration of a worker.

    Args:
        descriptor: the worker's end of the channel.
        scratch: the scratch folder on this machine; None in the tiers of bubblewrap, which have their own.
        devices: of the tier "gpu", the device nodes to show; None takes NVIDIA's.

    Raises:
        ValueError: for an environment variable that is not among those a caller may set.
        SandboxUnavailable: for a device node that is not there.
    """
    nested = tier in NESTED
    view = visible(gpu.extra_paths() if tier == "gpu" else ())
    uid = _spare_uid() if os.geteuid() == 0 and (nested or _open_to_all(view)) else None
    if tier == "unsafe":
        uid = None
    nodes = tuple(gpu.nvidia_nodes() if devices is None else devices) if tier == "gpu" else ()
    if tier == "gpu":
        gpu.require_nodes(nodes, stranger=uid is not None)
    python = [sys.executable, "-S", "-s", "-B", "-c", _BOOT, str(descriptor), json.dumps(view.sys_path)]
    inside = _INSIDE_SCRATCH if scratch is None else str(scratch)
    argv = [*_bubblewrap(view, limits, uid, nodes), "--", *python] if nested else python
    config = {
        "tier": tier,
        "task": task,
        "preload": list(preload),
        "limits": asdict(limits),
        "scratch": inside,
        "readable": [str(path) for path in view.paths],
        "gpu_nodes": list(nodes),
        "uid": uid,
        # Root's own threads are never counted by the kernel, another user's are shared with all he runs.
        "count_threads": uid is not None or (nested and os.geteuid() != 0),
        "parent": None if nested else os.getpid(),
    }
    variables = _environment(inside, environment or {})
    return Launch(argv, variables | gpu.environment() if nodes else variables, config, nested)


def new_scratch_owner(launch: Launch, scratch: Path) -> None:
    """Give a scratch folder of this machine to the user id that the worker will have."""
    if launch.config["uid"] is not None:
        os.chown(scratch, launch.config["uid"], launch.config["uid"])


def _bubblewrap(view: View, limits: Limits, uid: int | None, nodes: Sequence[str]) -> list[str]:
    program = shutil.which("bwrap") or "bwrap"
    # Not --as-pid-1: when the caller dies the kernel lets bwrap end its own helper, which is pid 1, and all
    # of the namespace with it; a worker with a user id of its own it may not signal.
    argv = [program, "--die-with-parent", "--new-session", "--hostname", "sandbox"]
    argv += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    if uid is None:
        argv += ["--unshare-user"]
    else:
        # Root can take a real user id of its own, which is more than a namespace's view of one:
        # the worker does so itself, then has no capability left.
        argv += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    # bwrap makes missing parents for root alone; the worker is someone else.
    shown = [*view.paths, *(Path(device) for device in (*DEVICES, *nodes))]
    for parent in dict.fromkeys(p for path in shown for p in reversed(list(path.parents)[:-1])):
        argv += ["--perms", "0755", "--dir", str(parent)]
    for path in view.paths:
        if path.is_symlink():
            argv += ["--symlink", str(path.readlink()), str(path)]
        else:
            argv += ["--ro-bind", str(path), str(path)]
    argv += ["--proc", "/proc"]
    for device in (*DEVICES, *nodes):
        argv += ["--dev-bind", device, device]
    argv += ["--perms", "0777", "--size", str(limits.scratch_bytes), "--tmpfs", _INSIDE_SCRATCH]
    # The root of the new file system is a tmpfs without a bound: nothing may be written there.
    return [*argv, "--remount-ro", "/", "--chdir", _INSIDE_SCRATCH]


def _environment(scratch: str, extra: Mapping[str, str]) -> dict[str, str]:
    if unknown := set(extra) - _SETTABLE:
        raise ValueError(f"a worker's environment may not hold {sorted(unknown)}")
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": scratch,
        "TMPDIR": scratch,
        "USER": "sandbox",
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "TORCHDYNAMO_DISABLE": "1",
        **extra,
    }


def _spare_uid() -> int:
    return _FIRST_UID + (os.getpid() * 31 + int.from_bytes(os.urandom(2), "big")) % _UID_COUNT


def _open_to_all(view: View) -> bool:
    """Whether a user id that owns nothing could reach every path of `view`."""
    for path in view.paths:
        for folder in (path, *path.resolve().parents):
            if folder.is_dir() and not folder.stat().st_mode & stat.S_IXOTH:
                return False
    return True
