"""docs/reference/certificates.md names every row and the numbers that the checks use."""

from __future__ import annotations

from pathlib import Path

import pytest

from asi_repro.verify.catalogue import CHECKS, ROW_NAMES
from asi_repro.verify.checks import batch, cost, dead, generation, parameters, prefix, runs
from asi_repro.verify.probes import TOLERANCE

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "certificates.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("row", ROW_NAMES)
def test_every_row_is_described(row: str) -> None:
    assert f"`{row}`" in PAGE


@pytest.mark.parametrize("title", [check.title for check in CHECKS[:11]])
def test_every_check_has_a_section(title: str) -> None:
    assert f"### {title}" in PAGE


@pytest.mark.parametrize(
    "text",
    [
        f"{TOLERANCE:.0e}".replace("e-0", "e-"),
        f"{prefix.TOLERANCE:.0e}".replace("e-0", "e-"),
        f"{generation.TOLERANCE:.0e}".replace("e-0", "e-"),
        f"{dead.ZERO:.0e}",
        f"at most {cost.THRESHOLD}",
        f"{cost.MOST_BYTES // 10**6} MB",
        f"{cost.MOST_OPERATIONS:,} operations",
        f"lengths {', '.join(map(str, cost.LENGTHS))}",
        f"lengths {', '.join(map(str, runs.LENGTHS))}",
        f"batches of {batch.BATCH}",
        f"{parameters.TOLERANCE:.1%}",
    ],
)
def test_numbers_in_the_text_are_those_of_the_code(text: str) -> None:
    assert text in PAGE
