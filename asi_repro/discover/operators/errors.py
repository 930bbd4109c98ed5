"""What operators say where they cannot edit a program."""

from __future__ import annotations

from asi_repro.errors import AsiReproError, DataError


class NotLibraryForm(DataError):
    """A program whose main class is not in the library's form: its slots cannot be found."""


class NoNewProgram(AsiReproError):
    """All tries gave programs that are known already."""
