"""Picking and ordering experiments: a small filter language, shared by every view.

Terms are separated by spaces and must all hold:

    score>2.4  depth<=3  parent=1  index!=7     compare a number: < <= > >= = !=
    gallery:yes  gallery:no                     is it one of the verified architectures
    has:program  has:score  has:parent          is it there (also display_name, children)
    name:gated  name:"gated delta"  gated       the name or display name contains it
    text:gated  text:"gated delta"              a name, the motivation or the summary contains it
    leak:yes  leak:no                           was its program found to see the future, or not to
    status:failed  status:ghost                 what became of it in an imported run (also evicted, ...)
    -has:program  -name:gated                   not that

Case does not matter in names and texts. A comparison with a number that is missing does not hold, and of a
program that was not checked neither `leak:yes` nor `leak:no` does. What an experiment itself does not tell
(texts, leaks, status) comes from `ArchiveFacts`.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from asi_repro.archive.node_model import FINISHED, STATUSES
from asi_repro.archive.nodes import statuses_of
from asi_repro.archive.reader import Archive, Experiment
from asi_repro.errors import AsiReproError

NUMBERS = ("index", "parent", "depth", "children", "score")
PRESENCES = ("program", "score", "parent", "children", "display_name")
SYNTAX = (
    "terms such as: score>2.4  depth<=3  parent=1  gallery:yes  has:program  leak:no  name:gate  "
    "text:gate  -name:delta"
)
CHOICES: dict[str, tuple[str, ...] | None] = {
    "gallery": ("yes", "no"),
    "has": PRESENCES,
    "leak": ("yes", "no"),
    "status": STATUSES,
    "name": None,
    "text": None,
}

SORT_KEYS = ("index", "name", "display_name", "parent", "depth", "children", "score")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}
Test: TypeAlias = "Callable[[Experiment], bool]"
_TOKEN = re.compile(r'(?:[^\s"]|"[^"]*"|"[^"]*$)+')
_TERM = re.compile(r"(?P<field>[a-z_]+)(?P<sign><=|>=|!=|[<>=:])(?P<value>.*)", re.DOTALL)


class FilterError(AsiReproError):
    """A filter that is not in the language."""

    exit_code = 2
    why = ""
    """What is wrong with the term, without the term."""


class SortError(AsiReproError):
    """An order that experiments do not have."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Term:
    """One condition.

    Attributes:
        field: a name in `NUMBERS` or in `CHOICES`.
        sign: how to compare: a sign of comparison, or ":" for the other fields.
        value: a number for `NUMBERS`, else a text.
        negated: whether the condition must not hold.
    """

    field: str
    sign: str
    value: float | str
    negated: bool = False

    def matches(self, experiment: Experiment, facts: ArchiveFacts | None = None) -> bool:
        """Whether the experiment meets the condition."""
        return self.test(facts)(experiment)

    def test(self, facts: ArchiveFacts | None = None) -> Test:
        """`matches` with everything looked up that does not depend on the experiment."""
        holds = self._test(facts)
        return (lambda experiment: not holds(experiment)) if self.negated else holds

    def _test(self, facts: ArchiveFacts | None) -> Test:
        field, wanted = self.field, self.value
        if isinstance(wanted, float):
            return _number_test(field, _COMPARE[self.sign], wanted)
        if field == "gallery":
            return lambda e: e.in_gallery == (wanted == "yes")
        if field == "leak":
            return lambda e: facts is not None and facts.leak(e.index) is (wanted == "yes")
        if field == "status":
            return lambda e: facts is not None and facts.status(e.index) == wanted
        if field == "has":
            return lambda e: _has(e, wanted)
        folded = wanted.casefold()
        if field == "name" or facts is None:
            return lambda e: folded in e.name.casefold() or folded in (e.display_name or "").casefold()
        text = facts.text
        return lambda e: (
            folded in e.name.casefold()
            or folded in (e.display_name or "").casefold()
            or folded in text(e.index)
        )

    def __str__(self) -> str:
        value = self.value
        if isinstance(value, float):
            value = str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        elif self.field in ("name", "text"):
            value = f'"{value}"'
        return f"{'-' if self.negated else ''}{self.field}{self.sign}{value}"


def _number_test(field: str, compare: Callable[[float, float], bool], wanted: float) -> Test:
    get = operator.attrgetter(field)

    def holds(experiment: Experiment) -> bool:
        found = get(experiment)
        return found is not None and compare(found, wanted)

    return holds


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

    def matches(self, experiment: Experiment, facts: ArchiveFacts | None = None) -> bool:
        """Whether every term holds."""
        return all(term.matches(experiment, facts) for term in self.terms)

    def apply(self, experiments: Iterable[Experiment], facts: ArchiveFacts | None = None) -> list[Experiment]:
        """Those that match, in the order they came."""
        found: Iterable[Experiment] = experiments
        for term in self.terms:
            found = filter(term.test(facts), found)
        return list(found)

    def uses(self, field: str) -> bool:
        """Whether a term is about that field."""
        return any(term.field == field for term in self.terms)

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
    if field not in CHOICES:
        raise _refuse(token, f"there is no field {field}; fields: {', '.join((*NUMBERS, *CHOICES))}")
    if sign != ":":
        raise _refuse(token, f"write {field}:VALUE")
    choices = CHOICES[field]
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
    error = FilterError(f"the filter term {token!r} is not valid: {why}", hint=f"use {SYNTAX}")
    error.why = why
    return error


def select(
    experiments: Iterable[Experiment],
    wanted: Filter,
    *,
    sort: str = "index",
    reverse: bool = False,
    limit: int | None = None,
    facts: ArchiveFacts | None = None,
) -> list[Experiment]:
    """The experiments that match, in order; missing values stand last, ties in index order.

    Args:
        experiments: what to pick from, in index order.
        wanted: what must hold.
        sort: one of `SORT_KEYS`; numbers ascend, names are ordered without regard to case.
        reverse: descending.
        limit: how many at most; all where None.
        facts: what terms on texts and leaks ask.

    Raises:
        SortError: where `sort` is no key.
    """
    if sort not in SORT_KEYS:
        raise SortError(f"cannot sort by {sort!r}", hint=f"use one of: {', '.join(SORT_KEYS)}")
    found = wanted.apply(experiments, facts)
    there = [e for e in found if getattr(e, sort) is not None]
    missing = [e for e in found if getattr(e, sort) is None]
    there.sort(key=lambda e: _sort_key(getattr(e, sort)), reverse=reverse)
    return (there + missing)[:limit]


def _sort_key(value: Any) -> Any:
    return (value.casefold(), value) if isinstance(value, str) else value


class ArchiveFacts:
    """What filters ask beyond an `Experiment`.

    Args:
        archive: where motivations and summaries are; read when first asked for.
        leaks: whether each checked program sees the future, by index
            (`asi_repro.verify.certificate.leaks`); what is not in it was not checked.
    """

    def __init__(self, archive: Archive, leaks: Mapping[int, bool] | None = None) -> None:
        self._archive = archive
        self._leaks = leaks or {}

    @cached_property
    def _texts(self) -> dict[int, str]:
        table = self._archive.table("programs", ["index", "motivation", "summary"])
        columns = (table[name].to_pylist() for name in table.column_names)
        return {
            index: f"{motivation or ''}\n{summary or ''}".casefold()
            for index, motivation, summary in zip(*columns, strict=True)
        }

    def text(self, index: int) -> str:
        """Motivation and summary, case folded; "" where there are none."""
        return self._texts.get(index, "")

    def leak(self, index: int) -> bool | None:
        """Whether the program sees the future; None where it was not checked."""
        return self._leaks.get(index)

    @cached_property
    def _statuses(self) -> dict[int, str]:
        return statuses_of(self._archive)

    def status(self, index: int) -> str:
        """What became of it; "finished" in a run that was not imported."""
        return self._statuses.get(index, FINISHED)
