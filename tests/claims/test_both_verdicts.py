"""Every claim is fed data in which it is true and data in which it is false, and says so both times."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cases import CASES, CERTIFIED, Case

from asi_repro.claims.ledger import Entry
from asi_repro.claims.texts import claim_texts

Checked = Callable[..., Entry]
Certify = Callable[..., Path]


def test_every_claim_has_a_case_of_both_kinds() -> None:
    assert set(CASES) == set(claim_texts())


@pytest.mark.parametrize("true", [True, False], ids=["true", "false"])
@pytest.mark.parametrize("identifier", claim_texts())
def test_the_verdict_is_that_of_the_data(
    checked: Checked, certify: Certify, identifier: str, true: bool
) -> None:
    assert identifier in CASES, "write a case in which the claim is true, and one in which it is false"
    case: Case = CASES[identifier][not true]
    certificates = None
    if case.failing is not None:
        certificates = certify(*CERTIFIED, failing=case.failing, parameters=case.parameters)
    entry = checked(identifier, case.run, case.tables, certificates)
    assert entry.verdict == ("reproduced" if true else "contradicted"), (entry.found, entry.readings)
    assert {reading.verdict for reading in entry.readings} == {entry.verdict}
