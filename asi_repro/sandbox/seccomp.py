"""A seccomp filter: which system calls this process may still make.

An allow-list (`syscalls`). Anything else returns EPERM, so that a library which merely tries something falls
back, and the attempt surfaces in Python as PermissionError. A call through another architecture's table
kills the process. The filter cannot be taken off again, and `TSYNC` puts it on every thread at once.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

from asi_repro.sandbox.syscalls import ALLOWED, ARCHITECTURES, CONDITIONAL, WITH_A_GPU

_LD_ABS, _JEQ, _JGE, _JSET, _AND, _RET = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_OFFSET_NR, _OFFSET_ARCH, _OFFSET_ARGS = 0, 4, 16
_CLONE_THREAD = 0x00010000
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_SET_MODE_FILTER, _TSYNC = 1, 1
_SECCOMP_NUMBER = {"x86_64": 317, "aarch64": 277}

# prctl: thread names, and the naming of memory areas that glibc does. Not PDEATHSIG, not DUMPABLE.
_PRCTL_OPTIONS = (15, 16, 3, 0x53564D41)
# ioctl: asking whether a file is a terminal, its window size, bytes waiting, close-on-exec.
_IOCTL_REQUESTS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
# ioctl on NVIDIA's nodes: the driver's are of the type 'F', its memory manager's are small plain numbers, all
# but the first and the last. Their arguments lie behind pointers, where no filter can look.
_NVIDIA_TYPE, _UVM_BELOW, _UVM_REQUESTS = 0x4600, 0x100, (0x30000001, 0x30000002)
# fcntl: everything but F_SETOWN, F_SETSIG and F_SETOWN_EX, which aim signals at other processes.
_FCNTL_COMMANDS = (0, 1, 2, 3, 4, 5, 6, 7, 1030, 1032, 1033, 1034, 36, 37, 38)

Instruction = tuple[int, int, int, int]


def supported() -> bool:
    """Whether this is Linux on a processor that has a table here."""
    return sys.platform.startswith("linux") and platform.machine() in ARCHITECTURES


def build_filter(pid: int, machine: str | None = None, *, gpu: bool = False) -> bytes:
    """The filter as packed `struct sock_filter`s, for a process whose own pid is `pid`.

    Args:
        gpu: also let it do what the CUDA driver asks for.

    Raises:
        KeyError: for an architecture without a table.
    """
    audit, column = ARCHITECTURES[machine or platform.machine()]
    program: list[Instruction] = [
        (_LD_ABS, 0, 0, _OFFSET_ARCH),
        (_JEQ, 1, 0, audit),
        (_RET, 0, 0, _KILL_PROCESS),
        (_LD_ABS, 0, 0, _OFFSET_NR),
    ]
    for numbers in (ALLOWED | WITH_A_GPU if gpu else ALLOWED).values():
        if (number := numbers[column]) is not None:
            program += [(_JEQ, 0, 1, number), (_RET, 0, 0, _ALLOW)]
    conditions = {
        "clone": _argument_has_bits(0, _CLONE_THREAD),
        # glibc falls back to clone, whose flags a filter can read; clone3's are behind a pointer.
        "clone3": [(_RET, 0, 0, _ERRNO | errno.ENOSYS)],
        "kill": _argument_in(0, (pid,)),
        "tgkill": _argument_in(0, (pid,)),
        "prctl": _argument_in(0, _PRCTL_OPTIONS),
        "ioctl": [*(_nvidia_request(1) if gpu else ()), *_argument_in(1, _IOCTL_REQUESTS)],
        "fcntl": _argument_in(1, _FCNTL_COMMANDS),
        "prlimit64": _pointer_is_null(2),
    }
    for name, block in conditions.items():
        program += [(_JEQ, 0, len(block), CONDITIONAL[name][column]), *block]
    program.append(_deny())
    return b"".join(struct.pack("HBBI", *instruction) for instruction in program)


def lock_down(*, gpu: bool = False) -> None:
    """Put the filter on every thread of this process, for good.

    Args:
        gpu: see `build_filter`.

    Raises:
        OSError: where the kernel refuses.
        KeyError: for an architecture without a table.
    """
    code = build_filter(os.getpid(), gpu=gpu)
    buffer = ctypes.create_string_buffer(code, len(code))

    class SockFprog(ctypes.Structure):
        _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    program = SockFprog(len(code) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges(libc)
    number = _SECCOMP_NUMBER[platform.machine()]
    if libc.syscall(number, _SECCOMP_SET_MODE_FILTER, _TSYNC, ctypes.byref(program)) != 0:
        code_number = ctypes.get_errno()
        raise OSError(code_number, f"seccomp: {os.strerror(code_number)}")


def no_new_privileges(libc: ctypes.CDLL) -> None:
    """Give up gaining privileges through execve; both seccomp and Landlock ask for it."""
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_NO_NEW_PRIVS) failed")


def _deny() -> Instruction:
    return (_RET, 0, 0, _ERRNO | errno.EPERM)


def _argument_in(index: int, values: tuple[int, ...]) -> list[Instruction]:
    """Allow if the low half of an int-sized argument is one of `values`, else EPERM."""
    block: list[Instruction] = [(_LD_ABS, 0, 0, _OFFSET_ARGS + 8 * index)]
    for value in values:
        block += [(_JEQ, 0, 1, value), (_RET, 0, 0, _ALLOW)]
    return [*block, _deny()]


def _argument_has_bits(index: int, bits: int) -> list[Instruction]:
    return [
        (_LD_ABS, 0, 0, _OFFSET_ARGS + 8 * index),
        (_JSET, 0, 1, bits),
        (_RET, 0, 0, _ALLOW),
        _deny(),
    ]


def _nvidia_request(index: int) -> list[Instruction]:
    """Allow what NVIDIA's driver and memory manager are asked; go on otherwise."""
    load = (_LD_ABS, 0, 0, _OFFSET_ARGS + 8 * index)
    block: list[Instruction] = [load, (_AND, 0, 0, 0xFF00), (_JEQ, 0, 1, _NVIDIA_TYPE), (_RET, 0, 0, _ALLOW)]
    block += [load, (_JGE, 1, 0, _UVM_BELOW), (_RET, 0, 0, _ALLOW)]
    for request in _UVM_REQUESTS:
        block += [(_JEQ, 0, 1, request), (_RET, 0, 0, _ALLOW)]
    return block


def _pointer_is_null(index: int) -> list[Instruction]:
    low = _OFFSET_ARGS + 8 * index
    return [
        (_LD_ABS, 0, 0, low),
        (_JEQ, 0, 3, 0),
        (_LD_ABS, 0, 0, low + 4),
        (_JEQ, 0, 1, 0),
        (_RET, 0, 0, _ALLOW),
        _deny(),
    ]
