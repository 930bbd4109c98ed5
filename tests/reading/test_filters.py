from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asi_repro.archive.filters import (
    NUMBERS,
    PRESENCES,
    SORT_KEYS,
    Filter,
    FilterError,
    SortError,
    Term,
    parse_filter,
    select,
)
from asi_repro.archive.reader import Experiment

words = st.text(st.characters(exclude_characters='"', exclude_categories=["Cs"]), min_size=1, max_size=12)
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**9), 10**9).map(float)
terms = st.one_of(
    st.builds(
        Term,
        st.sampled_from(NUMBERS),
        st.sampled_from(["<", "<=", ">", ">=", "=", "!="]),
        numbers,
        st.booleans(),
    ),
    st.builds(Term, st.just("has"), st.just(":"), st.sampled_from(PRESENCES), st.booleans()),
    st.builds(Term, st.just("gallery"), st.just(":"), st.sampled_from(["yes", "no"]), st.booleans()),
    st.builds(Term, st.just("leak"), st.just(":"), st.sampled_from(["yes", "no"]), st.booleans()),
    st.builds(Term, st.sampled_from(["name", "text"]), st.just(":"), words, st.booleans()),
)
experiments = st.builds(
    Experiment,
    index=st.integers(1, 40),
    name=st.text(max_size=8),
    display_name=st.none() | st.text(max_size=8),
    parent=st.none() | st.integers(1, 40),
    depth=st.integers(0, 9),
    children=st.integers(0, 5),
    score=st.none() | st.floats(0, 4),
    in_gallery=st.booleans(),
    has_program=st.booleans(),
)


@given(st.lists(terms, max_size=5).map(lambda found: Filter(tuple(found))))
def test_a_filter_reads_back_as_it_was_written(written: Filter) -> None:
    assert parse_filter(str(written)) == written


@given(st.text(max_size=60))
def test_any_text_is_a_filter_or_a_named_error(text: str) -> None:
    try:
        found = parse_filter(text)
    except FilterError as error:
        assert "is not valid" in error.what
        assert error.hint
    else:
        assert parse_filter(str(found)) == found


@given(terms, experiments)
def test_a_term_and_its_negation_divide_the_experiments(term: Term, experiment: Experiment) -> None:
    other = Term(term.field, term.sign, term.value, not term.negated)
    assert term.matches(experiment) != other.matches(experiment)


@given(st.lists(terms, max_size=4), st.lists(experiments, max_size=12))
def test_terms_are_all_asked_for(chosen: list[Term], many: list[Experiment]) -> None:
    wanted = Filter(tuple(chosen))
    expected = [e for e in many if all(term.matches(e) for term in chosen)]
    assert wanted.apply(many) == expected


def _experiment(**fields: object) -> Experiment:
    base = {"index": 7, "name": "mixer_gate", "display_name": None, "parent": 2, "depth": 3, "children": 0}
    return Experiment(**{**base, "score": 2.5, "in_gallery": True, "has_program": False, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("", True),
        ("score>2.4", True),
        ("score>2.5", False),
        ("score>=2.5 score<=2.5", True),
        ("score!=2.5", False),
        ("score>-1e3", True),
        ("parent=2 depth<4 index!=8", True),
        ("children>0", False),
        ("gallery:yes", True),
        ("-gallery:yes", False),
        ("gallery:no", False),
        ("has:program", False),
        ("-has:program", True),
        ("has:display_name", False),
        ("has:children", False),
        ("GATE", True),
        ("name:Mixer", True),
        ('name:"r_g"', True),
        ("-name:gate", False),
        ("gate fold", False),
        ("-", False),
    ],
)
def test_what_terms_mean(text: str, holds: bool) -> None:
    assert parse_filter(text).matches(_experiment()) is holds


class _Facts:
    def __init__(self, text: str = "", leak: bool | None = None) -> None:
        self._text, self._leak = text, leak

    def text(self, index: int) -> str:
        assert index == 7
        return self._text

    def leak(self, index: int) -> bool | None:
        assert index == 7
        return self._leak


@pytest.mark.parametrize(
    ("text", "facts", "holds"),
    [
        ("text:FLOOR", _Facts("an entropy floor"), True),
        ('text:"entropy floor"', _Facts("an entropy floor"), True),
        ("text:mixer", _Facts("an entropy floor"), True),
        ("text:spectral", _Facts("an entropy floor"), False),
        ("name:floor", _Facts("an entropy floor"), False),
        ("text:floor", None, False),
        ("leak:yes", _Facts(leak=True), True),
        ("leak:no", _Facts(leak=True), False),
        ("leak:no", _Facts(leak=False), True),
        ("leak:yes", _Facts(), False),
        ("leak:no", _Facts(), False),
        ("-leak:yes", _Facts(), True),
        ("leak:no", None, False),
    ],
)
def test_terms_that_ask_for_facts(text: str, facts: _Facts | None, holds: bool) -> None:
    assert parse_filter(text).matches(_experiment(), facts) is holds
    assert parse_filter(text).apply([_experiment()], facts) == ([_experiment()] if holds else [])


def test_a_missing_number_meets_no_comparison() -> None:
    without = _experiment(score=None, parent=None)
    for text in ("score>0", "score<9", "score!=1", "parent=1", "parent!=1"):
        assert not parse_filter(text).matches(without), text


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("score:2", "compare score"),
        ("score>", "not a number"),
        ("score>nan", "not a number"),
        ("score>1e999", "not a number"),
        ("gallery:maybe", "yes or no"),
        ("gallery>1", "gallery:VALUE"),
        ("has:wings", "program or score"),
        ("colour:red", "no field colour"),
        ('name:"open', "around the whole"),
        ('name:"a"b', "around the whole"),
        ("name:", "nothing to look for"),
    ],
)
def test_errors_name_the_term_and_the_reason(text: str, part: str) -> None:
    with pytest.raises(FilterError) as raised:
        parse_filter(f"depth>1 {text}")
    assert part in raised.value.what
    assert text in raised.value.what
    assert raised.value.exit_code == 2


@given(st.lists(experiments, max_size=20), st.sampled_from(SORT_KEYS), st.booleans())
def test_missing_values_stand_last_in_either_order(many: list[Experiment], key: str, reverse: bool) -> None:
    many = sorted(many, key=lambda e: e.index)
    found = select(many, Filter(), sort=key, reverse=reverse)
    values = [getattr(e, key) for e in found]
    there = [v for v in values if v is not None]
    assert values == there + [None] * (len(values) - len(there))
    keys = [v.casefold() if isinstance(v, str) else v for v in there]
    assert keys == sorted(keys, reverse=reverse)
    assert sorted(map(id, found)) == sorted(map(id, many))


def test_limit_takes_the_first() -> None:
    many = [_experiment(index=i, score=float(i)) for i in range(1, 6)]
    assert [e.index for e in select(many, Filter(), sort="score", reverse=True, limit=2)] == [5, 4]
    assert select(many, Filter(), limit=0) == []
    assert math.isfinite(many[0].score or 0)


def test_an_unknown_order_is_refused() -> None:
    with pytest.raises(SortError, match="colour"):
        select([], Filter(), sort="colour")
