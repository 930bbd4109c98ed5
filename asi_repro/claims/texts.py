"""The claims as the papers state them: reading `papers/*.yaml`, one file a paper."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

import yaml
from pydantic import Field, ValidationError

from asi_repro.claims.finding import PLAIN
from asi_repro.claims.ledger import Line, Paper, Slug
from asi_repro.errors import DataError
from asi_repro.store.records import Record

Figure = int | float | str | list[int] | list[float] | list[str] | dict[str, int]
# The themes by which claims are grouped, in order.
THEMES = {
    "release": "What was released",
    "search": "The search",
    "tables": "The printed tables",
    "scales": "Small scale and large",
    "programs": "What the programs do",
    "origins": "Where designs come from",
    "papers": "One paper against the other",
}
# Where a criterion allows no exceptions, its text needs no word of them.
_NO_EXCEPTIONS = re.compile(r"(?<=\ball )but 0 |, give or take 0\b")


class Reading(Record):
    """One way to read a claim's sentence, and what would have made it hold."""

    name: Line = PLAIN
    reads: Line
    reproduced: Line
    contradicted: Line = "otherwise"


class ClaimText(Record):
    """One claim of a paper.

    The texts are templates over `figures` (the paper's numbers) and `limits` (ours), so that a number
    stands in one place. `sensitivity` holds other values of a limit, at which the verdict is shown too.
    `method` and `notes` are no templates: where they need numbers that were found, the check writes them.
    """

    id: Slug
    paper: str = ""
    theme: Literal["release", "search", "tables", "scales", "programs", "origins", "papers"]
    statement: Line
    where: Line
    claimed: Line
    unit: Line
    figures: dict[str, Figure] = Field(default={})
    check: Line
    readings: Annotated[list[Reading], Field(min_length=1)]
    limits: dict[str, Figure] = Field(default={})
    sensitivity: dict[str, list[float]] = Field(default={})
    method: str = ""
    power: Line
    notes: list[Line] = Field(default=[])
    would_change: Line

    def filled(self, template: str) -> str:
        """A text of this claim with its numbers in place, on one line."""
        values = {name: _shown(value) for name, value in {**self.figures, **self.limits}.items()}
        text = " ".join(template.format(**values).split())
        return _NO_EXCEPTIONS.sub("", text)

    @property
    def criterion(self) -> str:
        """Every reading with what reproduces and what contradicts it."""
        shown = []
        for reading in self.readings:
            name = "" if reading.name == PLAIN else f"{reading.name}: "
            against = self.filled(reading.contradicted)
            shown.append(
                f"{name}{self.filled(reading.reads)}; reproduced where {self.filled(reading.reproduced)}, "
                f"contradicted {against if against == 'otherwise' else f'where {against}, else undecided'}"
            )
        return ". ".join(text[0].upper() + text[1:] for text in shown) + "."


def _shown(value: Figure) -> object:
    """Names as a list, numbers as alternatives, anything else as it is, for a format specification."""
    if not isinstance(value, list):
        return value
    return (", " if isinstance(value[0], str) else " or ").join(map(str, value))


class _File(Record):
    paper: Paper
    claims: list[ClaimText]


@cache
def _files() -> list[_File]:
    found = []
    for source in sorted((files("asi_repro.claims") / "papers").iterdir(), key=lambda path: path.name):
        if source.name.endswith(".yaml"):
            where = f"asi_repro/claims/papers/{source.name}"
            try:
                file = _File.model_validate(yaml.safe_load(source.read_text(encoding="utf-8")))
                for claim in file.claims:
                    _ = claim.criterion, claim.filled(claim.claimed + claim.power + claim.would_change)
            except (ValidationError, yaml.YAMLError, KeyError, ValueError) as error:
                raise DataError(f"{source.name}: {error}", where=where) from error
            found.append(file)
    return found


def papers() -> dict[str, Paper]:
    """Every paper by id, in the order of their files' names."""
    return {file.paper.id: file.paper for file in _files()}


@cache
def claim_texts() -> dict[str, ClaimText]:
    """Every claim by id, paper by paper, in the order of the files.

    Raises:
        DataError: where a file is not what it should be, or two claims have one id.
    """
    claims = [claim.model_copy(update={"paper": file.paper.id}) for file in _files() for claim in file.claims]
    found = {claim.id: claim for claim in claims}
    if len(found) < len(claims):
        raise DataError("two claims have the same id", where="asi_repro/claims/papers")
    return found
