"""What a worker may see of the file system: the interpreter, its packages, this package, and no more."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import asi_repro

_SYSTEM = ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/nix/store")
_SINGLE = (
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
)
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")
# Of /proc, where it is the host's: the worker's own folder and what says how large the machine is.
PROC = ("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys/vm/overcommit_memory")


@dataclass(frozen=True)
class View:
    """Paths that are readable in a worker, and the module search path that goes with them."""

    paths: tuple[Path, ...]
    sys_path: tuple[str, ...]


def visible(extra: Iterable[Path] = ()) -> View:
    """The paths a worker needs, found from the running interpreter, and `extra` ones.

    Of a checkout only the package folder is visible, not its data, its history or its neighbours. An entry
    of `sys.path` that is not part of the interpreter or a packages folder is left out.
    """
    package = Path(asi_repro.__file__).resolve().parent
    homes = [sys.base_prefix, sys.base_exec_prefix, sys.prefix, *_interpreter_homes()]
    prefixes = _unique([*homes, *(str(Path(home).resolve()) for home in homes)])
    paths = [Path(p) for p in _SYSTEM + _SINGLE] + [Path(p) for p in prefixes] + list(extra)
    search: list[str] = []
    for entry in sys.path:
        path = Path(entry) if entry else Path.cwd()
        if path.name in ("site-packages", "dist-packages") or _below(path, prefixes):
            search.append(str(path))
            paths.append(path)
    paths.append(package)
    if str(package.parent) not in search:
        search.append(str(package.parent))
    return View(tuple(_outermost(p for p in paths if p.exists())), tuple(search))


def _interpreter_homes() -> list[str]:
    """Folders on the way from a virtual environment's python link to the real one."""
    homes = []
    hop = Path(sys.executable)
    for _ in range(8):
        if not hop.is_symlink():
            break
        target = hop.readlink()
        hop = target if target.is_absolute() else hop.parent / target
        if hop.parent.name == "bin":
            homes.append(str(hop.parent.parent))
    return [home for home in homes if Path(home) not in (Path("/"), Path.home())]


def _below(path: Path, prefixes: list[str]) -> bool:
    return any(path.is_relative_to(prefix) for prefix in prefixes)


def _unique(items: list[str]) -> list[str]:
    return list(dict.fromkeys(item for item in items if item not in ("", "/")))


def _outermost(paths: Iterable[Path]) -> list[Path]:
    """Without those that lie below another one."""
    found = list(dict.fromkeys(paths))
    return [p for p in found if not any(p != other and p.is_relative_to(other) for other in found)]
