"""What operators say where they cannot edit a program."""

from __future__ import annotations

from asi_repro.discover.types import RoleFailure
from asi_repro.errors import DataError


class NotLibraryForm(DataError):
    """A program whose main class is not in the library's form: its slots cannot be found."""


class NoNewProgram(RoleFailure):
    """All tries gave programs that are known already."""


class NothingToDo(Exception):
    """An operator finds nothing to change, or what it drew breaks a bound."""
