"""The file that the stage `facts` makes: its shape, and how it is written and read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

from pydantic import Field, model_validator

from asi_repro.store.records import Record, read_record, unknown_name
from asi_repro.text import short_value

SCHEMA_VERSION = 1
ANSWERS = ("yes", "no", "cannot tell", "not run")
# The themes by which questions are grouped, in order.
THEMES = {
    "score": "What the score measures",
    "loss": "Loss, and how it was trained",
    "size": "Size, cost and age",
    "search": "How the search went",
    "programs": "What the programs are",
    "promises": "What motivations promise",
    "tables": "The printed tables against their sampling error",
}
_MAKE = "run `dvc repro facts`"


class Entry(Record):
    """One question and its answer. The fields' descriptions are in docs/reference/facts.md."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", description="name of the question")
    theme: str = Field(description="what it is about; questions are grouped by it")
    question: str = Field(description="the question, to be answered with yes or no")
    answer: str = Field(description="one of the four above")
    sentence: str = Field(description="the answer in one sentence, with its number, interval and n")
    method: str = Field(description="the named test, and what it is applied to")
    where: str = Field(description="module and function that answer it")
    n: Optional[int] = Field(default=None, description="how many units it rests on; null: not run")
    estimate: Optional[float] = Field(default=None, description="the number")
    low: Optional[float] = Field(default=None, description="lower end of its 95% interval")
    high: Optional[float] = Field(default=None, description="upper end")
    unit: str = Field(default="", description="what the number counts")
    interval: str = Field(default="", description="how the interval was made")
    p_value: Optional[float] = Field(default=None, description="of the test; null for a count")
    holm_p_value: Optional[float] = Field(
        default=None, description="the same, adjusted by Holm over all questions that have a test"
    )
    noise: str = Field(default="", description="whether it can be told from noise, and what was not measured")
    rows: list[dict[str, Any]] = Field(
        default_factory=list, description="rows that show it; those of experiments have `index`"
    )

    @property
    def number(self) -> str:
        """The estimate in words, with interval, unit and n."""
        if self.estimate is None:
            return "not run"
        interval = f"{short_value(self.estimate)} [{short_value(self.low)}, {short_value(self.high)}]"
        return f"{interval}, {self.unit}, n = {self.n}; 95% interval: {self.interval}"

    @property
    def test(self) -> str:
        """The p-value in words."""
        if self.p_value is None:
            return "none"
        return f"{self.p_value:.2g}, after Holm {self.holm_p_value:.2g}"


class Facts(Record):
    """Everything that the stage `facts` found."""

    schema_version: int = Field(description="version of this shape")
    settings: dict[str, int] = Field(description="seed and resamples of random draws")
    summary: dict[str, int] = Field(description="questions by answer, and those with a test")
    facts: list[Entry] = Field(description="the questions")

    @model_validator(mode="after")
    def _consistent(self) -> Facts:
        if self.schema_version != SCHEMA_VERSION:
            raise ValueError(f"not facts of version {SCHEMA_VERSION}")
        if len({entry.id for entry in self.facts}) < len(self.facts):
            raise ValueError("an id is there twice")
        strange = {one.theme for one in self.facts} - THEMES.keys()
        strange |= {one.answer for one in self.facts} - {*ANSWERS}
        if strange:
            raise ValueError(f"no theme or answer is called {min(strange)!r}")
        return self

    def named(self, names: list[str]) -> list[Entry]:
        """The questions of those ids, in the order asked; all where none is.

        Raises:
            NotFound: where there is none of an id; similar ids are named.
        """
        known = {entry.id: entry for entry in self.facts}
        for name in names:
            if name not in known:
                raise unknown_name("fact", name, known, lister="asi-repro facts")
        return [known[name] for name in names] or self.facts


def read_facts(path: Path) -> Facts:
    """The file that the stage `facts` made.

    Raises:
        MissingInput: where it is not there.
        DataError: where it is not a file of this version.
    """
    return read_record(
        path, Facts, missing="there are no facts yet", make=_MAKE, remake="run `dvc repro --force facts`"
    )
