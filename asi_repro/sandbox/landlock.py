"""Landlock: which files this process may still reach, by system call, with no library and no privilege.

Landlock binds the calling thread and what it starts later, so it is put on before any import that makes
threads. It decides over opening, not over looking: names, sizes and dates of files elsewhere stay visible
to `stat`. From ABI 4 it also forbids TCP, from ABI 6 abstract unix sockets and signals to outside.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

from asi_repro.sandbox.seccomp import no_new_privileges

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446  # the same on every architecture
_RULE_PATH_BENEATH = 1
_VERSION_FLAG = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_DIR, REMOVE_FILE = 1 << 4, 1 << 5
MAKE_DIR, MAKE_REG = 1 << 7, 1 << 8
TRUNCATE, IOCTL_DEV = 1 << 14, 1 << 15
_FILE_BITS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
READ = EXECUTE | READ_FILE | READ_DIR
# Plain files and folders only: no link, fifo, socket or device can be made in the scratch folder.
SCRATCH = READ_FILE | READ_DIR | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | TRUNCATE


def abi() -> int:
    """The kernel's Landlock version; 0 where there is none."""
    if not sys.platform.startswith("linux"):
        return 0
    version = _libc().syscall(_CREATE, None, ctypes.c_size_t(0), _VERSION_FLAG)
    return max(int(version), 0)


def restrict(
    readable: Iterable[Path],
    writable: Iterable[Path],
    devices: Iterable[Path] = (),
    driven: Iterable[Path] = (),
) -> int:
    """Forbid every file but those below `readable` (read, execute) and `writable` (scratch).

    Args:
        devices: single files that may be read and written, such as /dev/null.
        driven: devices that may be controlled (ioctl) as well.

    Returns:
        The ABI in force.

    Raises:
        OSError: where the kernel has no Landlock or refuses.
    """
    version = abi()
    if version < 1:
        raise OSError("this kernel has no Landlock")
    handled = _handled_access(version)
    libc = _libc()
    attributes = struct.pack("QQQ", handled, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = libc.syscall(_CREATE, attributes, ctypes.c_size_t(size), 0)
    if ruleset < 0:
        raise _error("landlock_create_ruleset")
    try:
        for path in readable:
            _allow(libc, ruleset, path, READ & handled)
        for path in writable:
            _allow(libc, ruleset, path, SCRATCH & handled)
        for path in devices:
            _allow(libc, ruleset, path, (READ_FILE | WRITE_FILE) & handled)
        for path in driven:
            _allow(libc, ruleset, path, (READ_FILE | WRITE_FILE | IOCTL_DEV) & handled)
        no_new_privileges(libc)
        if libc.syscall(_RESTRICT, ruleset, 0) != 0:
            raise _error("landlock_restrict_self")
    finally:
        os.close(ruleset)
    return version


def _handled_access(version: int) -> int:
    bits = 13  # ABI 1: bits 0..12
    if version >= 2:
        bits = 14  # REFER
    if version >= 3:
        bits = 15  # TRUNCATE
    if version >= 5:
        bits = 16  # IOCTL_DEV
    return (1 << bits) - 1


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, access: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there or out of reach needs no permission
    try:
        if not stat.S_ISDIR(os.fstat(handle).st_mode):
            access &= _FILE_BITS
        rule = struct.pack("=Qi", access, handle)
        if libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0) != 0:
            raise _error(f"landlock_add_rule for {path}")
    finally:
        os.close(handle)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _error(call: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{call}: {os.strerror(number)}")
