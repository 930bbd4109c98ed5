"""A small language to pick experiments, shared by every view.

Terms are separated by spaces and must all hold:

    score>2.4  depth<=3  parent=1  index!=7     compare a number: < <= > >= = !=
    gallery:yes  gallery:no                     is it one of the verified architectures
    has:program  has:score  has:parent          is it there (also display_name, children)
    name:gated  name:"gated delta"  gated       the name or display name contains it
    -has:program  -name:gated                   not that

Case does not matter in names. A comparison with a number that is missing does not hold.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asi_repro.errors import AsiReproError

if TYPE_CHECKING:
    from asi_repro.archive.store import Experiment

NUMBERS = ("index", "parent", "depth", "children", "score")
PRESENCES = ("program", "score", "parent", "children", "display_name")
SYNTAX = "terms such as: score>2.4  depth<=3  parent=1  gallery:yes  has:program  name:gate  -name:delta"

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}
_TOKEN = re.compile(r'(?:[^\s"]|"[^"]*"|"[^"]*$)+')
_TERM = re.compile(r"(?P<field>[a-z_]+)(?P<sign><=|>=|!=|[<>=:])(?P<value>.*)", re.DOTALL)


class FilterError(AsiReproError):
    """A filter that is not in the language."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Term:
    """One condition.

    Attributes:
        field: a name in `NUMBERS`, or gallery, has, name.
        sign: how to compare: a sign of comparison, or ":" for the other fields.
        value: a number for `NUMBERS`, else a text.
        negated: whether the condition must not hold.
    """

    field: str
    sign: str
    value: float | str
    negated: bool = False

    def matches(self, experiment: Experiment) -> bool:
        """Whether the experiment meets the condition."""
        return self._holds(experiment) != self.negated

    def _holds(self, experiment: Experiment) -> bool:
        if isinstance(self.value, float):
            found = getattr(experiment, self.field)
            return found is not None and _COMPARE[self.sign](found, self.value)
        if self.field == "gallery":
            return experiment.in_gallery == (self.value == "yes")
        if self.field == "has":
            return _has(experiment, self.value)
        wanted = self.value.casefold()
        return wanted in experiment.name.casefold() or wanted in (experiment.display_name or "").casefold()

    def __str__(self) -> str:
        value = self.value
        if isinstance(value, float):
            value = str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        elif self.field == "name":
            value = f'"{value}"'
        return f"{'-' if self.negated else ''}{self.field}{self.sign}{value}"


def _has(experiment: Experiment, what: str) -> bool:
    if what == "program":
        return experiment.has_program
    if what == "children":
        return experiment.children > 0
    return getattr(experiment, what) is not None


@dataclass(frozen=True, slots=True)
class Filter:
    """Terms that must all hold; with none, everything matches. `str` gives the expression."""

    terms: tuple[Term, ...] = ()

    def matches(self, experiment: Experiment) -> bool:
        """Whether every term holds."""
        return all(term.matches(experiment) for term in self.terms)

    def apply(self, experiments: Iterable[Experiment]) -> list[Experiment]:
        """Those that match, in the order they came."""
        return [experiment for experiment in experiments if self.matches(experiment)]

    def __and__(self, other: Filter) -> Filter:
        return Filter(self.terms + other.terms)

    def __str__(self) -> str:
        return " ".join(map(str, self.terms))


def parse_filter(text: str) -> Filter:
    """The filter that an expression writes; an empty one matches everything.

    Raises:
        FilterError: naming the term that is not in the language.
    """
    return Filter(tuple(_parse_term(token) for token in _TOKEN.findall(text)))


def _parse_term(token: str) -> Term:
    negated = token.startswith("-") and len(token) > 1
    body = token[1:] if negated else token
    match = _TERM.fullmatch(body)
    if match is None:
        return Term("name", ":", _unquote(body, token), negated)
    field, sign, value = match["field"], match["sign"], match["value"]
    if field in NUMBERS:
        if sign == ":":
            raise _refuse(token, f"compare {field} with one of {' '.join(_COMPARE)}, as in {field}>2")
        return Term(field, sign, _number(value, token), negated)
    known = {"gallery": ("yes", "no"), "has": PRESENCES, "name": None}
    if field not in known:
        raise _refuse(token, f"there is no field {field}; fields: {', '.join((*NUMBERS, *known))}")
    if sign != ":":
        raise _refuse(token, f"write {field}:VALUE")
    choices = known[field]
    if choices is None:
        return Term(field, ":", _unquote(value, token), negated)
    if value not in choices:
        raise _refuse(token, f"{field}: takes {' or '.join(choices)}")
    return Term(field, ":", value, negated)


def _number(value: str, token: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise _refuse(token, f"{value!r} is not a number")
    return number


def _unquote(value: str, token: str) -> str:
    quoted = len(value) >= 2 and value[0] == value[-1] == '"'
    text = value[1:-1] if quoted else value
    if '"' in text:
        raise _refuse(token, 'quotes stand around the whole text, as in name:"two words"')
    if not text:
        raise _refuse(token, "nothing to look for after the colon")
    return text


def _refuse(token: str, why: str) -> FilterError:
    return FilterError(f"the filter term {token!r} is not understood: {why}", hint=f"use {SYNTAX}")
