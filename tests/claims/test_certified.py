"""Claims on running the programs follow the certificates, and say so where there are none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cases import row

from asi_repro.archive.tables import Run
from asi_repro.claims.ledger import Entry
from asi_repro.errors import DataError

Checked = Callable[..., Entry]
DECIDING = {
    "causal": ("causality_perturbation", "causality_jacobian", "prefix_consistency"),
    "sub-quadratic": ("flops_exponent", "elements_exponent", "memory_exponent"),
    "batch-independent": ("batch_independence", "batch_independence_train"),
}


@pytest.mark.parametrize("identifier", DECIDING)
def test_without_certificates_nothing_is_said(checked: Checked, identifier: str, tmp_path: Path) -> None:
    assert checked(identifier).verdict == "not yet run"
    assert checked(identifier, certificates=tmp_path).verdict == "not yet run"


@pytest.mark.parametrize("identifier", DECIDING)
def test_all_pass(checked: Checked, certify: Callable[..., Path], identifier: str) -> None:
    entry = checked(identifier, certificates=certify(*DECIDING[identifier]))
    assert entry.verdict == "reproduced"
    assert entry.found_figures["failed_strictly"] == 0


@pytest.mark.parametrize("identifier", DECIDING)
def test_one_failure_contradicts_and_is_named(
    checked: Checked, certify: Callable[..., Path], release_run: Run, identifier: str
) -> None:
    names = DECIDING[identifier]
    folder = certify(*names, other={7: row(names[0], "fail", 3.5)})
    entry = checked(identifier, certificates=folder)
    assert entry.verdict == "contradicted"
    failed = next(e.rows for e in entry.evidence if e.what == "programs that fail")
    assert {r["index"] for r in failed} == {release_run.programs[7]["index"]}


@pytest.mark.parametrize("gap", [{"leave_out": 3}, {"stale": 3}])
def test_a_missing_or_stale_certificate_leaves_it_open(
    checked: Checked, certify: Callable[..., Path], gap: dict[str, int]
) -> None:
    entry = checked("causal", certificates=certify(*DECIDING["causal"], **gap))
    assert entry.verdict == "not yet run"
    assert entry.found_figures["not_run"] == 1


def test_a_row_that_was_not_run_leaves_it_open(checked: Checked, certify: Callable[..., Path]) -> None:
    names = DECIDING["batch-independent"]
    folder = certify(*names, other={0: row(names[0], "not run", None)})
    assert checked("batch-independent", certificates=folder).verdict == "not yet run"


def test_a_damaged_certificate_is_named(checked: Checked, certify: Callable[..., Path]) -> None:
    folder = certify(*DECIDING["causal"])
    damaged = min(folder.glob("*.json"))
    damaged.write_text("{}")
    with pytest.raises(DataError) as caught:
        checked("causal", certificates=folder)
    assert damaged.name in str(caught.value)


@pytest.mark.parametrize(("built", "verdict"), [(345_000_000, "reproduced"), (800_000_000, "undecided")])
def test_built_sizes_decide_where_stated_ones_agree(
    checked: Checked, certify: Callable[..., Path], built: int, verdict: str
) -> None:
    def as_claimed(run: Run) -> None:
        for program in run.programs:
            program["parameters"] = 345_000_000

    entry = checked("model-size", as_claimed, certificates=certify(parameters=built))
    assert entry.verdict == verdict
