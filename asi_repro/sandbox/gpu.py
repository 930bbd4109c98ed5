"""What the GPU tier adds to bubblewrap's: NVIDIA's device nodes, the driver's libraries, a few variables.

A kernel driver is a large thing to show to a program: the tier is used for CUDA only.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from asi_repro.sandbox.outcome import SandboxUnavailable

# Imported before the lock-down, so that CUDA's own socket, threads and descriptors are there by then.
START = "asi_repro.sandbox.start_cuda"
_CONTROL = ("/dev/nvidiactl", "/dev/nvidia-uvm")
_OPTIONAL = ("nvidia-uvm-tools", "nvidia-caps/nvidia-cap[0-9]*")  # the latter are for a part of a GPU (MIG)
_LIBRARY = "libcuda.so.1"
# Where distributions, Kubernetes and WSL put the driver's libraries if not where the loader looks by itself.
_DRIVERS = ("/usr/local/nvidia/lib64", "/usr/local/cuda/compat", "/run/opengl-driver/lib", "/usr/lib/wsl/lib")
_MEMORY = "/sys/devices/system/memory"  # libcuda asks for the size of a block of memory


def nvidia_nodes() -> tuple[str, ...]:
    """The device nodes of every NVIDIA GPU of this machine; of a card that is not there, its usual names."""
    dev = Path("/dev")
    cards = sorted(str(path) for path in dev.glob("nvidia[0-9]*")) or ["/dev/nvidia0"]
    optional = sorted(str(path) for pattern in _OPTIONAL for path in dev.glob(pattern))
    return (*cards, *_CONTROL, *optional)


def require_nodes(nodes: Sequence[str], *, stranger: bool) -> None:
    """See that every node can be shown to a worker.

    Args:
        stranger: the worker gets a user id that owns nothing.

    Raises:
        SandboxUnavailable: naming what is missing, is no device, or may not be opened.
    """
    faults = [fault for node in nodes if (fault := _fault(Path(node), stranger))]
    if faults or not nodes:
        raise SandboxUnavailable(
            f"the GPU cannot be shown to a sandbox: {'; '.join(faults) or 'no device node was named'}",
            where="sandbox tier gpu",
            hint="load the driver and make its nodes with `nvidia-smi` and `nvidia-modprobe -u -c 0` "
            "(in a container: --gpus all); --device cpu needs none",
        )


def _fault(node: Path, stranger: bool) -> str | None:
    try:
        status = node.stat()
    except FileNotFoundError:
        return f"{node} does not exist"
    except OSError as error:
        return f"{node}: {error.strerror}"
    if not stat.S_ISCHR(status.st_mode):
        return f"{node} is not a device"
    if not (status.st_mode & 0o006 == 0o006 if stranger else os.access(node, os.R_OK | os.W_OK)):
        who = "the user of sandboxed programs" if stranger else "this user"
        return f"{node} may not be read and written by {who} (mode {status.st_mode & 0o777:o})"
    return None


def driver_folders() -> tuple[Path, ...]:
    """Folders with the driver's library outside the loader's usual places, those of LD_LIBRARY_PATH first."""
    named = [*os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep), *_DRIVERS]
    return tuple(dict.fromkeys(Path(name) for name in named if name and (Path(name) / _LIBRARY).is_file()))


def extra_paths() -> tuple[Path, ...]:
    """What a worker must see besides the interpreter."""
    return (*driver_folders(), *(path for path in (Path(_MEMORY),) if path.exists()))


def environment() -> dict[str, str]:
    """Variables of a worker with a GPU.

    One GPU, because transformers starts threads over all that it sees; no kernel of Triton's, whose compiler
    is a process; no cache of compiled kernels, which would fill the scratch folder.
    """
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    found = {"CUDA_VISIBLE_DEVICES": first, "CUDA_CACHE_DISABLE": "1", "ASI_REPRO_NO_TRITON": "1"}
    if folders := driver_folders():
        found["LD_LIBRARY_PATH"] = os.pathsep.join(map(str, folders))
    return found
