"""Tasks for trying the sandbox itself: run any source, and the probes that `tiers` judges a tier by.

Nothing here is a check of a program. `run` executes the source it is given without reading it first, which
is the point: the tests' attacks go past the static check and must meet the wall.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from asi_repro.sandbox.worker import Task


def echo(payload: dict[str, Any]) -> dict[str, Any]:
    """The payload as it came."""
    return payload


def run(payload: dict[str, Any]) -> dict[str, Any]:
    """Execute `payload["source"]`, call its `main(payload)` if there is one, return what that returns."""
    namespace: dict[str, Any] = {"__name__": "program", "__builtins__": __builtins__}
    exec(compile(payload["source"], "<program>", "exec"), namespace)  # noqa: S102 (the point of it)
    main = namespace.get("main")
    return {} if main is None else {"returned": main(payload)}


def run_checked(payload: dict[str, Any]) -> dict[str, Any]:
    """As `run`, for a source that passes the static check; refused otherwise."""
    from asi_repro.sandbox.static_check import require_safe

    require_safe(payload["source"])
    return run(payload)


def probe(payload: dict[str, Any]) -> dict[str, Any]:
    """Try what a tier must contain. Each entry is whether it was contained.

    Args:
        payload: `secret`: a file outside that this machine's caller could read; `outside`: a path to write.
    """
    return {
        "secret file unreadable": _fails(lambda: Path(payload["secret"]).read_bytes()),
        "write outside refused": _fails(lambda: Path(payload["outside"]).write_bytes(b"x")),
        "environment cleared": payload["variable"] not in os.environ,
        "network refused": _fails(_connect),
        "processes refused": _fails(lambda: subprocess.run([sys.executable, "--version"], check=True)),
        "fork refused": _fails(_fork),
        "signals refused": _fails(lambda: os.kill(payload["parent"], 0)),
    }


def _fails(action: Any) -> bool:
    try:
        action()
    except OSError:
        return True
    return False


def _connect() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
        connection.settimeout(1)
        connection.bind(("127.0.0.1", 0))


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)
    os.wait()


TASKS: dict[str, Task] = {"echo": echo, "run": run, "run_checked": run_checked, "probe": probe}
