"""Certificates of one's own programs: files, folders of them, or text from standard input. No torch here."""

from __future__ import annotations

import sys
import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from asi_repro.errors import AsiReproError, DataError, MissingInput
from asi_repro.sandbox.launch import Tier
from asi_repro.store.files import sha256_bytes
from asi_repro.verify.adapt import Choice, OwnMixer, own_mixer
from asi_repro.verify.catalogue import CHECKS, Check
from asi_repro.verify.certificate import OF_A_FILE, Certificate, in_order
from asi_repro.verify.examiner import LIMITS, Examination, Examiner
from asi_repro.verify.keys import torch_version

STANDARD_INPUT = "-"
STANDARD_INPUT_NAME = "standard input"
# The faults that cost a search most, in a few seconds.
QUICK = ("causality", "batch", "determinism")
# The paper's rules for its programs' text, which say nothing about another's faults.
UNASKED = {"static"}
# Far above any mixer: a file that is longer is not one.
LARGEST = 1 << 20
# Of processor time that one check may take: several times what the longest takes.
SECONDS = 60.0


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
        yield STANDARD_INPUT_NAME, _text(sys.stdin.buffer.read(LARGEST + 1), STANDARD_INPUT_NAME)
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
    wanted = {known[name] for name in only} or set(QUICK if quick else known.values()) - UNASKED
    kept = tuple(c for c in CHECKS if c.name in wanted - {known[name] for name in skip})
    if not kept:
        raise AsiReproError("no check is left to run", hint="leave out --skip or name others with --only")
    return kept


@dataclass(frozen=True)
class Checked:
    """One program that was to be checked.

    Attributes:
        name: of the file, or "standard input".
        certificate: what the checks found; None where none could run.
        mixer: its class; None where the file has none.
        problem: why a check did not come to its end, or None.
    """

    name: str
    certificate: Certificate | None = None
    mixer: OwnMixer | None = None
    problem: AsiReproError | None = None

    @property
    def failed(self) -> bool:
        """Whether a row fails."""
        return self.certificate is not None and any(row.verdict == "fail" for row in self.certificate.checks)


def check_text(
    name: str,
    text: str,
    checks: Sequence[Check],
    *,
    tier: Tier,
    choice: Choice | None = None,
    seconds: float = SECONDS,
) -> Checked:
    """One program through `checks` in the sandbox; rows of checks that were not asked for are "not run".

    Args:
        name: of the file, for errors and the certificate.
        text: of the file.
        checks: to run.
        tier: of the sandbox.
        choice: the class, its arguments and sizes.
        seconds: of processor time that one check may take.

    Raises:
        SandboxUnavailable: where no tier works here.
        SandboxFailure: where no worker can be started.
    """
    choice = choice or Choice()
    try:
        mixer = own_mixer(text, name, choice)
    except DataError as error:
        return Checked(name, problem=error)
    examiner = Examiner(
        mixer.source,
        stated=choice.parameters,
        tier=tier,
        text=text,
        sizes=choice.sizes,
        limits=replace(LIMITS, cpu_seconds=seconds, wall_seconds=max(20 * seconds, 120)),
    )
    found = examiner.examine(checks, threading.Event(), times=False, patient=False)
    certificate = Certificate(
        index=OF_A_FILE,
        name=name,
        display_name=None,
        program_sha256=sha256_bytes(text.encode()),
        parameters_stated=choice.parameters,
        environment={"torch": torch_version(), "sandbox": found.tier},
        probe=found.probe,
        checks=in_order(row for check in checks for row in found.rows.get(check.name, [])),
    )
    ran = any(row.verdict != "not run" for row in certificate.checks)
    return Checked(name, certificate if ran else None, mixer, _problem(name, mixer, found))


def _problem(name: str, mixer: OwnMixer, found: Examination) -> DataError | None:
    """Why a check did not come to its end: the first that did not."""
    if error := found.probe.get("error"):
        line = found.probe.get("line")
        where = f"{name}, class {mixer.class_name}" if line is None else f"{name}, line {line}"
        return DataError(f"the program cannot be checked: {error}", where=where)
    for check, ended in found.problems.items():
        doing = f"in the check {check}" if check else "while it was loaded and tried"
        where = f"{name}, line {mixer.line}, class {mixer.class_name}, {doing}"
        return DataError(
            f"the program was stopped: {ended}", where=where, hint=_HINTS.get(ended.split(":")[0])
        )
    return None


_HINTS = {
    "cpu": "allow more with --timeout SECONDS if it is merely slow",
    "timeout": "allow more with --timeout SECONDS if it is merely slow",
}


def _text(data: bytes, where: str) -> str:
    if len(data) > LARGEST:
        raise DataError(f"a program of more than {LARGEST:,} bytes is not checked", where=where)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"the program is not UTF-8 text: {error.reason}", where=where) from error
