"""The questions, each with the function that answers it."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from asi_repro.facts.context import Context
from asi_repro.facts.ledger import THEMES
from asi_repro.facts.outcome import Found

Find = Callable[[Context], Found]


@dataclass(frozen=True)
class Fact:
    """One question.

    Attributes:
        question: to be answered with yes or no.
        method: the test by name, and what it is applied to.
        find: the function that answers it.
    """

    id: str
    theme: str
    question: str
    method: str
    find: Find

    @property
    def where(self) -> str:
        """Where in the code it is answered."""
        return f"{self.find.__module__.replace('.', '/')}.py: {self.find.__name__}"


_FACTS: dict[str, Fact] = {}


def fact(identifier: str, theme: str, question: str, method: str) -> Callable[[Find], Find]:
    """Register the function that answers a question.

    Raises:
        ValueError: where the id is taken or the theme unknown.
    """

    def register(find: Find) -> Find:
        if identifier in _FACTS or theme not in THEMES:
            raise ValueError(f"{identifier}: the id is taken or the theme {theme} unknown")
        _FACTS[identifier] = Fact(identifier, theme, question, method, find)
        return find

    return register


def facts() -> dict[str, Fact]:
    """Every question by id, theme by theme."""
    package = import_module("asi_repro.facts.found")
    for module in pkgutil.iter_modules(package.__path__):
        import_module(f"{package.__name__}.{module.name}")
    order = list(THEMES)
    return {one.id: one for one in sorted(_FACTS.values(), key=lambda one: order.index(one.theme))}
