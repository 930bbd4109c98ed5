"""Certificates of one's own programs: files, folders of them, or text from standard input. No torch here."""

from __future__ import annotations

import sys
import threading
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from asi_repro.errors import AsiReproError, DataError, MissingInput
from asi_repro.sandbox.launch import Tier
from asi_repro.store.files import sha256_bytes
from asi_repro.verify.catalogue import CHECKS, Check
from asi_repro.verify.certificate import OF_A_FILE, Certificate, in_order
from asi_repro.verify.examiner import Examiner
from asi_repro.verify.keys import torch_version

STANDARD_INPUT = "-"
# The faults that cost a search most, in a few seconds.
QUICK = ("causality", "batch", "determinism")
# Far above any mixer: a file that is longer is not one.
LARGEST = 1 << 20


def is_program(name: str) -> bool:
    """Whether an argument means a file, a folder or standard input, and not an architecture's name."""
    return name == STANDARD_INPUT or name.endswith(".py") or "/" in name or Path(name).is_dir()


def programs_in(name: str) -> Iterator[tuple[str, str]]:
    """(name, text) of the program in a file, of those in a folder, or of standard input.

    Raises:
        MissingInput: where there is no such file, or no program in the folder.
        DataError: where a file is too long or is no UTF-8 text.
    """
    if name == STANDARD_INPUT:
        yield "standard input", _text(sys.stdin.buffer.read(LARGEST + 1), "standard input")
        return
    path = Path(name)
    paths = sorted(path.glob("*.py")) if path.is_dir() else [path]
    if not paths:
        raise MissingInput("the folder has no Python file", where=name, hint="name a file or its folder")
    for one in paths:
        try:
            with one.open("rb") as file:
                data = file.read(LARGEST + 1)
        except OSError as error:
            raise MissingInput(f"the program cannot be read: {error.strerror}", where=str(one)) from error
        yield str(one), _text(data, str(one))


def chosen_checks(only: Collection[str], skip: Collection[str], *, quick: bool) -> tuple[Check, ...]:
    """The checks to run, by the names of checks or of their rows.

    Raises:
        AsiReproError: for a name that is neither, or where nothing is left.
    """
    known = {name: check.name for check in CHECKS for name in (check.name, *check.rows)}
    for name in (*only, *skip):
        if name not in known:
            raise AsiReproError(f"there is no check {name!r}", hint=", ".join(check.name for check in CHECKS))
    wanted = {known[name] for name in only} or set(QUICK if quick else known.values())
    kept = tuple(c for c in CHECKS if c.name in wanted - {known[name] for name in skip})
    if not kept:
        raise AsiReproError("no check is left to run", hint="leave out --skip or name others with --only")
    return kept


def certify(name: str, source: str, checks: Sequence[Check], *, tier: Tier) -> Certificate:
    """The certificate of one program; rows of checks that were not asked for are "not run".

    Raises:
        DataError: where the program does not load or is refused, with the reason.
        SandboxUnavailable: where no tier works here.
        SandboxFailure: where no worker can be started.
    """
    found = Examiner(source, stated=None, tier=tier).examine(checks, threading.Event(), times=False)
    rows = [row for check in checks for row in found.rows.get(check.name, [])]
    if all(row.verdict == "not run" for row in rows):
        reason = str(rows[0].detail.get("reason", "no check ran")) if rows else "no check ran"
        raise DataError(f"the program cannot be checked: {reason}", where=name)
    return Certificate(
        index=OF_A_FILE,
        name=name,
        display_name=None,
        program_sha256=sha256_bytes(source.encode()),
        parameters_stated=None,
        environment={"torch": torch_version(), "sandbox": found.tier},
        probe=found.probe,
        checks=in_order(rows),
    )


def _text(data: bytes, where: str) -> str:
    if len(data) > LARGEST:
        raise DataError(f"a program of more than {LARGEST:,} bytes is not checked", where=where)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"the program is not UTF-8 text: {error.reason}", where=where) from error
