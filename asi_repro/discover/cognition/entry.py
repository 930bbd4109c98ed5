"""One entry of the cognition base: a mechanism from a paper, and when to think of it."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator

from asi_repro.errors import DataError
from asi_repro.store.records import Record

TEXTS = ("trigger", "insight", "mechanism", "guidance")
_Text = Annotated[str, Field(min_length=20, max_length=8000)]
_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")
# Old style (cs/0112017) and new (2312.06635), without the version.
_ARXIV = re.compile(r"\d{4}\.\d{4,5}|[a-z-]+(\.[A-Z]{2})?/\d{7}")


class Source(Record):
    """Where an entry's knowledge comes from."""

    title: str = Field(min_length=3, max_length=400, description="Of the paper.")
    authors: list[str] = Field(min_length=1, max_length=200, description="In the paper's order.")
    year: int = Field(ge=1900, le=2100, description="Of its first publication.")
    arxiv: str | None = Field(default=None, description="arXiv id without version, where it has one.")
    note: str | None = Field(default=None, max_length=400, description="Where in it, or what kind of text.")

    @field_validator("arxiv")
    @classmethod
    def _arxiv_id(cls, value: str | None) -> str | None:
        if value is not None and not _ARXIV.fullmatch(value):
            raise ValueError("not an arXiv id such as 2312.06635 (no version, no address)")
        return value

    def citation(self) -> str:
        """The source in one line."""
        who = self.authors[0] if len(self.authors) == 1 else f"{self.authors[0]} and others"
        place = f", arXiv {self.arxiv}" if self.arxiv else ""
        return f"{who}, {self.title}, {self.year}{place}"


class Entry(Record, str_strip_whitespace=True):
    """One entry; see docs/how-to/roles.md for how to write one."""

    id: str = Field(description="Lower case, digits, dots, dashes, underscores; unique in a base.")
    trigger: _Text = Field(
        description="Symptoms in results that should bring it to mind; what retrieval matches."
    )
    insight: _Text = Field(description="What was found.")
    mechanism: _Text = Field(description="How it works, with its formulas.")
    guidance: _Text = Field(description="How to use it in a program, and what to watch.")
    source: Source

    @field_validator("id")
    @classmethod
    def _plain_id(cls, value: str) -> str:
        if not _ID.fullmatch(value):
            raise ValueError("an id has lower-case letters, digits, dots, dashes and underscores, 80 at most")
        return value


def parse_entry(value: Any, *, where: str) -> Entry:
    """`value` as an entry.

    Raises:
        DataError: naming the field that is missing or not what it should be.
    """
    try:
        return Entry.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "the entry"
        raise DataError(
            f"{field}: {first['msg']}",
            where=where,
            hint="an entry has id, source (title, authors, year, arxiv) and the sections "
            + ", ".join(text.capitalize() for text in TEXTS),
        ) from error
