"""The questions, each with the function that answers it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files

import yaml

from asi_repro.claims.registry import import_all
from asi_repro.facts.context import Context
from asi_repro.facts.ledger import THEMES
from asi_repro.facts.outcome import Found
from asi_repro.store.records import Record

Find = Callable[[Context], Found]


class Text(Record):
    """What `questions.yaml` says of one question.

    Attributes:
        question: to be answered with yes or no.
        method: the test by name, and what it is applied to.
        unit: what its number counts.
        noise: what the answer means beside noise, with places for numbers of the answer.
    """

    theme: str
    question: str
    method: str
    unit: str
    noise: str


class Fact(Text):
    """One question, with its id and the function that answers it."""

    id: str
    find: Find

    @property
    def where(self) -> str:
        """Where in the code it is answered."""
        return f"{self.find.__module__.replace('.', '/')}.py: {self.find.__name__}"


_FACTS: dict[str, Fact] = {}


@cache
def _texts() -> dict[str, Text]:
    text = (files(__package__) / "questions.yaml").read_text(encoding="utf-8")
    return {name: Text(**fields) for name, fields in yaml.safe_load(text).items()}


def fact(identifier: str) -> Callable[[Find], Find]:
    """Register the function that answers the question of that id in `questions.yaml`.

    Raises:
        ValueError: where the id is taken, or there is no such question.
    """

    def register(find: Find) -> Find:
        text = _texts().get(identifier)
        if identifier in _FACTS or text is None or text.theme not in THEMES:
            raise ValueError(
                f"{identifier}: the id is taken, or questions.yaml has it not with a known theme"
            )
        _FACTS[identifier] = Fact(id=identifier, find=find, **text.model_dump())
        return find

    return register


def facts() -> dict[str, Fact]:
    """Every question by id, theme by theme."""
    import_all("asi_repro.facts.found")
    order = list(THEMES)
    return {one.id: one for one in sorted(_FACTS.values(), key=lambda one: order.index(one.theme))}
