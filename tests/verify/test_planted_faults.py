"""Each planted fault is caught by the rows that ought to catch it, and by no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from asi_repro.verify.battery import Battery
from asi_repro.verify.catalogue import CHECKS

PLANTED = Path(__file__).parent / "planted"
CAUSAL = {"causality_perturbation", "causality_jacobian"}
# A program that sees later tokens gives a cut sequence another output, sees right padding, and so differs
# from the unpadded sequence.
LEAK = CAUSAL | {"prefix_consistency", "padding_isolation", "mask_equivalence"}
EXPECTED: dict[str, set[str]] = {
    "clean_convolution": set(),
    "clean_linear_attention": set(),
    # Its chunks are counted from the first token, padding or not.
    "leak_at_chunk_boundary": CAUSAL | {"prefix_consistency", "mask_equivalence"},
    "leak_by_normalisation": LEAK - {"padding_isolation"},
    "leak_behind_closed_gate": CAUSAL | {"prefix_consistency"},
    "leak_in_training_only": LEAK - {"padding_isolation"},
    "leak_through_scan_order": CAUSAL | {"prefix_consistency"},
    "quadratic_scores": {"flops_exponent", "elements_exponent", "memory_exponent"},
    "quadratic_without_products": {"elements_exponent", "memory_exponent"},
    "mixes_batch": {"batch_independence", "batch_independence_train"},
    "dead_gate": {"dead_parameters"},
    "floor_out_of_reach": set(),
    "random_in_eval": {"determinism"},
    "state_in_eval": {"checkpoint", "eval_state", "eval_history"},
    "mask_ignored": {"padding_isolation", "mask_equivalence"},
    "mask_joins_samples": {"mask_sample_isolation"},
    "nan_at_odd_lengths": {"training_steps", "finite_fp32", "finite_bf16", "finite_fp64"},
    "fails_at_odd_lengths": {"training_steps", "runs_fp32", "runs_bf16", "runs_fp64"},
    "divides_by_length": {"prefix_consistency", "mask_equivalence"},
    "single_precision_only": {"runs_bf16", "runs_fp64"},
    "breaks_contract": {"runs_fp32", "runs_bf16", "runs_fp64"},
}


def test_every_planted_program_is_expected() -> None:
    assert {path.stem for path in PLANTED.glob("*.py")} == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_only_the_right_rows_fail(name: str) -> None:
    battery = Battery((PLANTED / f"{name}.py").read_text())
    rows = [row for check in CHECKS if check.name != "parameters" for row in battery.run(check.name)]
    failed = {row.check for row in rows if row.verdict == "fail"}
    wrong = {row.check: (row.value, row.detail) for row in rows if row.check in failed ^ EXPECTED[name]}
    assert failed == EXPECTED[name], wrong
    if name.startswith("clean"):
        assert [
            (row.check, row.detail) for row in rows if row.verdict != "pass" and row.check != "packed_samples"
        ] == []
