"""Running git apart from the user's settings: no configuration, hook or GIT_* variable of theirs counts."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from asi_repro.errors import AsiReproError
from asi_repro.text import terminal_safe

if TYPE_CHECKING:
    from git import Git

# GIT_CONFIG_GLOBAL, which keeps the user's configuration out, came with 2.32 (June 2021).
MINIMUM_GIT = (2, 32)
_ASKED_AT_ONCE = 64

_PASSED_ON = ("PATH", "TMPDIR", "LD_LIBRARY_PATH")

_ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
    "TZ": "UTC",
    # glibc hands zlib's working memory back to the kernel after every object and faults it in again.
    # Keeping it made fast-import of 20,000 commits take 0.7 s where it took 6.5 s. No effect elsewhere.
    "MALLOC_TRIM_THRESHOLD_": str(1 << 28),
    "MALLOC_MMAP_THRESHOLD_": str(1 << 28),
}

_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsync": "none",
    "core.compression": "0",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "fastimport.unpackLimit": "0",
    "pack.packSizeLimit": "0",
    "pack.threads": "1",
    "protocol.file.allow": "always",
}


def require_git() -> tuple[int, ...]:
    """The version of git.

    Raises:
        AsiReproError: where git is missing, or older than 2.32.
    """
    text = run_git(["version"]).decode("utf-8", "replace")
    match = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    version = tuple(int(part) for part in match.groups() if part) if match else ()
    if version < MINIMUM_GIT:
        found = terminal_safe(text.strip()[:80], keep="")
        raise AsiReproError(
            f"git {'.'.join(map(str, MINIMUM_GIT))} or newer is needed; found {found}",
            where=_executable(),
            hint="install a newer git, or put one first on PATH",
        )
    return version


def init_bare(folder: Path) -> None:
    """Make an empty bare SHA-1 repository at `folder`, without templates and so without hooks."""
    run_git(["init", "--quiet", "--bare", "--template=", "--object-format=sha1", str(folder)])


def run_git(arguments: Sequence[str], *, stdin: BinaryIO | None = None) -> bytes:
    """What `git arguments...` prints.

    Args:
        stdin: an open file; read from where its descriptor stands.

    Raises:
        AsiReproError: where git is missing or fails, with what it said.
    """
    process = _launch(arguments, stdin)
    try:
        out, said = process.communicate()
    finally:
        _end(process)
    if process.returncode:
        raise _failed(arguments, process.returncode, said)
    return cast(bytes, out)


@contextmanager
def start_git(arguments: Sequence[str]) -> Iterator[Any]:
    """A running git with pipes to talk to; it has ended, well or ill, when the body is left.

    Raises:
        AsiReproError: where git is missing or fails, with what it said.
    """
    process = _launch(arguments, PIPE)
    try:
        with suppress(BrokenPipeError):  # git is gone: its status and its message say why
            yield process
        with suppress(BrokenPipeError):
            process.stdin.close()
        said = process.stderr.read()
        if status := process.proc.wait():
            raise _failed(arguments, status, said)
    finally:
        _end(process)


def read_objects(
    repository: Path, names: Iterable[str], *, content: bool = True
) -> Iterator[tuple[bytes, bytes] | None]:
    """Type and content of objects, None for one that is not there, in the order asked.

    Args:
        names: object ids, or `COMMIT:FILE`.
        content: whether to read it; b"" without.
    """
    waiting = iter(names)
    option = "--batch" if content else "--batch-check"
    with start_git([f"--git-dir={repository}", "cat-file", option]) as process:
        # A few at a time: both ends of a full pipe would wait for each other.
        while asked := list(islice(waiting, _ASKED_AT_ONCE)):
            process.stdin.write("".join(f"{name}\n" for name in asked).encode())
            process.stdin.flush()
            for _ in asked:
                yield _object(process.stdout, content)


def _object(stream: BinaryIO, content: bool) -> tuple[bytes, bytes] | None:
    words = stream.readline().split()
    if len(words) != 3:
        return None
    data = stream.read(int(words[2]) + 1)[:-1] if content else b""
    return words[1], data


def _launch(arguments: Sequence[str], stdin: BinaryIO | int | None) -> Any:
    """GitPython's process handle; the process is killed when the handle is let go."""
    return _gitpython()().execute(
        _command(arguments),
        as_process=True,
        istream=DEVNULL if stdin is None else stdin,
        universal_newlines=False,
    )


def _end(process: Any) -> None:
    if process.poll() is None:
        process.kill()
        process.proc.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with suppress(BrokenPipeError):
                stream.close()


def _failed(arguments: Sequence[str], status: int, said: bytes) -> AsiReproError:
    if status == 127:
        return _missing()
    lines = terminal_safe(said.decode("utf-8", "replace")).splitlines()
    first = next((line for line in lines if line.startswith(("fatal", "error"))), lines[0] if lines else "")
    verb, place = _verb_and_place(arguments)
    return AsiReproError(
        f"git {verb} failed with status {status}: {first[:300] or 'no message'}",
        where=place,
        hint="check that there is free space (df -h) and that the folder is writable, then run the "
        "command again",
    )


def _verb_and_place(arguments: Sequence[str]) -> tuple[str, str]:
    """What git was to do, and the repository (or else the working folder) that it was to do it in."""
    rest, place = list(arguments), str(Path.cwd())
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option == "-c":
            rest.pop(0)
        place = option.removeprefix("--git-dir=") if option.startswith("--git-dir=") else place
    if rest[:1] == ["init"]:
        place = rest[-1]
    return (rest[0] if rest else ""), place


def _command(arguments: Sequence[str]) -> list[str]:
    # GitPython can add to the environment but not take away, and GIT_DIR, GIT_OBJECT_DIRECTORY,
    # GIT_CONFIG_COUNT and others must go (a hook or `git rebase --exec` sets them): hence env -i.
    variables: Mapping[str, str] = {
        **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        **_ENVIRONMENT,
    }
    settings = [part for key, value in _SETTINGS.items() for part in ("-c", f"{key}={value}")]
    return ["env", "-i", *(f"{k}={v}" for k, v in variables.items()), _executable(), *settings, *arguments]


def _executable() -> str:
    return str(_gitpython().GIT_PYTHON_GIT_EXECUTABLE or "git")


def _gitpython() -> type[Git]:
    try:
        from git import Git
    except ImportError as error:
        # GitPython looks for git when it is imported, and says so in its own way.
        if shutil.which("git") is None:
            raise _missing() from error
        raise
    return Git


def _missing() -> AsiReproError:
    return AsiReproError(
        "git is not installed, or not on PATH",
        hint="install git 2.32 or newer (Debian and Ubuntu: apt install git; macOS: xcode-select --install)",
    )
