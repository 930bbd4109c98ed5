"""Faults planted by rule are found, and the planter's own experiments can tell a fault from none."""

from __future__ import annotations

import pytest

from tests.verify.confusion import judge
from tests.verify.corpus import CASES
from tests.verify.held_out import HELD_OUT
from tests.verify.mutations import (
    IN_THE_TEXT,
    WRAPPED,
    Mutant,
    has_fault,
    mutants,
    try_mutant,
    with_parameter,
)

CLEAN = {case.name: case.source for case in CASES if case.kind == "clean"}
# What the first run missed and nothing mends yet; see docs/evidence/checks.md.
KNOWN = {"cache_after_right_padding", "table_shared_by_length"}


@pytest.mark.parametrize("name", ["convolution", "cached"])
def test_the_experiments_tell_a_planted_fault_from_none(name: str) -> None:
    """A program without a cache has none to break."""
    one_of_each = {kind.shows: planter for planter, kind in WRAPPED.items()}
    shown = {kind: has_fault(Mutant(kind, with_parameter(CLEAN[name]))) for kind in one_of_each.values()}
    assert not any(shown.values())
    planted = {mutant.kind: has_fault(mutant) for mutant in mutants(CLEAN[name])}
    assert {kind for kind, fault in planted.items() if not fault} == (
        {"cache broken"} - {name[:5] + " broken"}
    )
    assert set(planted) - {*IN_THE_TEXT} == set(WRAPPED)


def test_a_fault_in_the_text_is_planted_in_the_text() -> None:
    (mutant,) = [one for one in mutants(CLEAN["convolution"]) if one.kind == "pad widened"]
    assert "(3 - 1, 1)" in mutant.source
    assert has_fault(mutant)


@pytest.mark.parametrize("kind", ["shifted by one", "mask moved by one", "batch mixed in training"])
def test_a_planted_fault_is_found(kind: str) -> None:
    (mutant,) = [one for one in mutants(CLEAN["convolution"]) if one.kind == kind]
    tried = try_mutant("convolution", mutant, frozenset(), CLEAN["convolution"])
    assert tried is not None
    assert (tried.faulty, tried.found) == (True, True)


def test_what_the_program_fails_by_itself_is_not_judged() -> None:
    (mutant,) = [one for one in mutants(CLEAN["convolution"]) if one.kind == "shifted by one"]
    assert try_mutant("convolution", mutant, mutant.rows, CLEAN["convolution"]) is None


@pytest.mark.slow
def test_held_out_programs_are_judged_as_the_page_says() -> None:
    judged = [judge(case) for case in HELD_OUT[::2]]
    assert {one.name for one in judged if one.missed or one.false} <= KNOWN


@pytest.mark.slow
def test_nearly_all_planted_faults_are_found() -> None:
    tried = [
        try_mutant(name, mutant, frozenset(), CLEAN[name])
        for name in ("cached", "fft_of_twice_the_length")
        for mutant in mutants(CLEAN[name])
    ]
    known = [one for one in tried if one is not None]
    faulty = [one for one in known if one.faulty]
    assert len(faulty) >= 25
    assert sum(one.found for one in faulty) / len(faulty) >= 0.95
    assert not [one for one in known if one.found and not one.faulty]
