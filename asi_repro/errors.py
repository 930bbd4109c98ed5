"""Errors that a person can act on."""

from __future__ import annotations

import copy
import re
import shlex
import traceback
from pathlib import Path
from typing import Any, TypeVar

_PACKAGE = Path(__file__).resolve().parent
# Verbs that take --run.
_COMMAND = re.compile(r"`(asi-repro (?:list|show|lineage|diff|search|verify|certificate)\b[^`]*)`")
_Error = TypeVar("_Error", bound="AsiReproError")


class AsiReproError(Exception):
    """Something the caller can correct; printed without a traceback.

    Attributes:
        what: what is wrong, one sentence.
        where: the file, record and field concerned, or None.
        hint: what to do about it, or None.
        exit_code: the exit status of the command line.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        """So that any of them comes back from another process as it was: pickle would call `__init__`."""
        return _as_it_was, (type(self), self.args), vars(self)

    def __str__(self) -> str:
        parts = [self.what]
        if self.where:
            parts.append(f"  where: {self.where}")
        if self.hint:
            parts.append(f"  what to do: {self.hint}")
        return "\n".join(parts)


def of_run(error: _Error, name: str) -> _Error:
    """The same error, with commands in its hint that speak of the run of that name and not of the release."""
    if error.hint is None:
        return error
    again = copy.copy(error)
    hint = re.sub(r" or `dvc repro[^`]*`", "", error.hint)
    again.hint = _COMMAND.sub(lambda found: f"`{found[1]} --run {shlex.quote(name)}`", hint)
    return again


def _as_it_was(kind: type[AsiReproError], arguments: tuple[Any, ...]) -> AsiReproError:
    return kind.__new__(kind, *arguments)


class DataError(AsiReproError):
    """Input that is not what its format says: names the file, record and field."""

    exit_code = 3


class MissingInput(AsiReproError):
    """A file that an earlier command makes is not there."""

    exit_code = 4


class NotFound(AsiReproError):
    """No experiment, claim or check of that name."""

    exit_code = 5


def fault_place(error: BaseException) -> str:
    """Where in this package an error that nobody foresaw came from: file, line and function."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE)]
    if not ours:
        return "outside asi_repro"
    last = ours[-1]
    return (
        f"{Path(last.filename).relative_to(_PACKAGE.parent).as_posix()}, line {last.lineno}, in {last.name}"
    )
