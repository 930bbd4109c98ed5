"""The ledger of claims that the stage `claims` makes: its shape, stated once, and how it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from asi_repro.errors import NotFound
from asi_repro.store.records import Record, read_record, unknown_name

SCHEMA_VERSION = 2
Object = dict[str, Any]
Line = Annotated[str, Field(min_length=1)]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]


class PartOf(Record):
    """One testable piece of a claim, under one reading."""

    what: str
    claimed: str
    found: str
    verdict: str
    reading: str


class ReadingOf(Record):
    """The verdict under one reading of the claim's sentence."""

    reading: str
    verdict: str
    reads: str
    reproduced: str
    contradicted: str


class EvidenceOf(Record):
    """Rows that show a number."""

    what: str
    source: str
    rows: list[Object]
    total: int


class SensitivityOf(Record):
    """The verdict were one limit of the criterion another."""

    limit: str
    value: float
    verdict: str
    ours: bool


class Entry(Record):
    """One claim and what was found. The fields' descriptions are the page docs/reference/claims.md."""

    id: Slug = Field(description="name of the claim")
    paper: str = Field(description="id of the paper that makes it, as in `papers`")
    theme: str = Field(description="what it is about; claims are grouped by it")
    verdict: str = Field(description="one of the five above")
    effect: str = Field(description="the number that the verdict rests on, with its interval")
    claimed: str = Field(description="what the paper claims, in a few words")
    found: str = Field(description="what was found, in the same order")
    method: str = Field(description="how, in one sentence")
    statement: str = Field(description="the claim, paraphrased")
    where: str = Field(description="section, figure or table of the paper")
    unit: str = Field(description="what the figures count")
    check: str = Field(description="what the claim is held against")
    criterion: str = Field(description="every reading, and what reproduces or contradicts it")
    power: str = Field(description="what the data could have shown")
    would_change: str = Field(description="what would change the verdict")
    claimed_figures: Object = Field(description="object: the paper's numbers by name")
    found_figures: Object = Field(description="object: the numbers found by name; null where there is none")
    readings: list[ReadingOf] = Field(
        description="list of objects `reading`, `verdict`, `reads`, `reproduced`, `contradicted`; the "
        "claim's verdict is the one they share, else undecided"
    )
    parts: list[PartOf] = Field(
        description="list of objects `what`, `claimed`, `found`, `verdict`, `reading`; the worst part of "
        "a reading is its verdict"
    )
    sensitivity: list[SensitivityOf] = Field(
        description="list of objects `limit`, `value`, `verdict`, `ours`: the verdict at other values of "
        "each limit of the criterion; `ours` marks the value that was used"
    )
    evidence: list[EvidenceOf] = Field(
        description="list of objects `what`, `source`, `rows` (objects; those of experiments have "
        "`index`), `total` (how many rows there are, listed or not)"
    )
    notes: list[str] = Field(description="list of sentences that bear on the verdict")


class Paper(Record):
    """A paper: its id in the ledger, what it is called, and its number on arXiv."""

    id: Slug
    name: Line
    title: Line
    arxiv: Line


class Ledger(Record):
    """Everything that the stage `claims` found."""

    schema_version: int
    settings: Object
    papers: list[Paper]
    summary: dict[str, int]
    claims: list[Entry]
    measured: list[Entry]

    @model_validator(mode="after")
    def _consistent(self) -> Ledger:
        if self.schema_version != SCHEMA_VERSION:
            raise ValueError(f"not a claims ledger of version {SCHEMA_VERSION}")
        if len({entry.id for entry in self.entries}) < len(self.entries):
            raise ValueError("an id is there twice")
        return self

    @property
    def entries(self) -> list[Entry]:
        """The claims, then what this project measured itself."""
        return [*self.claims, *self.measured]

    def of_paper(self, paper: str | None) -> list[Entry]:
        """The claims of one paper; all of them for None.

        Raises:
            NotFound: where the ledger has no such paper.
        """
        known = [item.id for item in self.papers]
        if paper is not None and paper not in known:
            raise NotFound(f"no paper has the id {paper!r}", hint=f"the papers are {', '.join(known)}")
        return [claim for claim in self.claims if paper in (None, claim.paper)]


def read_ledger(path: Path) -> Ledger:
    """The ledger that the stage `claims` made.

    Raises:
        MissingInput: where it is not there.
        DataError: where it is not a ledger of this version.
    """
    return read_record(
        path,
        Ledger,
        missing="the claims have not been checked yet",
        make="run `dvc repro claims`",
        remake="run `dvc repro --force claims`",
        damaged="damaged ledger",
    )


def find_claim(ledger: Ledger, identifier: str) -> Entry:
    """The claim of that id.

    Raises:
        NotFound: where there is none; similar ids are named.
    """
    entries = {item.id: item for item in ledger.entries}
    if identifier in entries:
        return entries[identifier]
    raise unknown_name("claim", identifier, entries, lister="asi-repro claims")
