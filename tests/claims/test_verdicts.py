"""Verdicts on the release as it is, and what a change moves beside them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cases import (
    TABLE1,
    TABLE2,
    TABLE3,
    another_entry,
    break_delta,
    less_experience,
    move_a_program,
    no_convolution,
    opposite_loss,
    other_names,
    other_root,
    row_over_100,
    same_order_at_both,
    second_root,
    tie_at_20m,
    tie_at_340m,
)

from asi_repro.archive.reader import Archive
from asi_repro.archive.tables import Run
from asi_repro.claims.building import build_ledger
from asi_repro.claims.context import Settings
from asi_repro.claims.ledger import Entry, Ledger

Checked = Callable[..., Entry]

YES, NO, OPEN, NOT_RUN = "reproduced", "contradicted", "undecided", "not yet run"
ON_THE_RELEASE = {
    "experiments": OPEN,
    "gallery-size": YES,
    "table2-complete": OPEN,
    "gallery-in-tree": YES,
    "one-tree": YES,
    "traces-released": OPEN,
    "diagrams": OPEN,
    "curves-complete": OPEN,
    "benchmarks-complete": OPEN,
    "cold-start": YES,
    "parent-policy": NO,
    "fitness-range": YES,
    "gallery-is-top": OPEN,
    "scaling-law": OPEN,
    "gpu-hours": OPEN,
    "table2-340m": YES,
    "table2-deltas": NO,
    "stage1-filter": NO,
    "beats-baselines-340m": YES,
    "table1-averages": YES,
    "table1-best": YES,
    "table1-in-gallery": NO,
    "top-five": NO,
    "stage1-predicts": OPEN,
    "model-size": NO,
    "no-size-growth": OPEN,
    "causal": NOT_RUN,
    "sub-quadratic": NOT_RUN,
    "batch-independent": NOT_RUN,
    "einops-only": NO,
    "cognition-base": YES,
    "table3-sums": YES,
    "experience-share": YES,
    "components": OPEN,
    "evolve-uncertainty": NO,
    "evolve-averages": YES,
    "evolve-beats": OPEN,
    "evolve-margin": OPEN,
    "evolve-sota-count": OPEN,
    "evolve-candidates": OPEN,
    "evolve-cognition": NO,
    "evolve-sampling": NO,
    "evolve-stages": NO,
    "evolve-both": NO,
    "evolve-causality": NOT_RUN,
    "evolve-second-half": OPEN,
    "evolve-provenance": YES,
    "evolve-same-five": YES,
    "evolve-transfer": OPEN,
    "evolve-gated": OPEN,
}


@pytest.fixture(scope="module")
def ledger(release_archive: Path) -> Ledger:
    return build_ledger(Archive(release_archive), Settings(resamples=300), sensitivity=False)


def entry(ledger: Ledger, identifier: str) -> Entry:
    return next(item for item in ledger.claims if item.id == identifier)


def test_the_release_as_it_is(ledger: Ledger) -> None:
    assert {item.id: item.verdict for item in ledger.claims} == ON_THE_RELEASE


def test_a_verdict_never_stands_without_its_number(ledger: Ledger) -> None:
    for item in ledger.claims:
        assert 0 < len(item.effect) <= 62, item.effect
        assert any(c.isdigit() for c in item.effect) or item.verdict == NOT_RUN, item.effect
        assert item.power != "Filled in by the check."


def test_figure_1_counts_batches_of_50_at_their_beginning(ledger: Ledger) -> None:
    """The k-th of its 36 points is the number of gallery members with an index below 50 k."""
    found = entry(ledger, "scaling-law").found_figures
    assert found["points_that_the_axis_explains"] == 36
    assert found["hours_per_experiment"] == 4.0
    rows = entry(ledger, "scaling-law").evidence[1].rows
    assert all(row["cumulative_sota"] == row["gallery_up_to_index"] for row in rows)


def test_r2_cannot_decide_the_scaling_law(ledger: Ledger) -> None:
    found = entry(ledger, "scaling-law").found_figures
    assert found["null_r2_lowest"] > 0.94
    assert found["aic_of_plain_line_behind"] > 10 > found["aic_behind_best_bent_curve"]


def test_medians_of_an_even_number_take_both_middle_ones(ledger: Ledger) -> None:
    assert entry(ledger, "gallery-is-top").found_figures["median_rank"] == 772
    assert entry(ledger, "model-size").found_figures["median"] == 464_380_000


def test_the_noise_ceiling_of_the_ranking(ledger: Ledger) -> None:
    found = entry(ledger, "stage1-predicts").found_figures
    assert 0.8 < found["standard_error_20m"] < 0.82
    assert 0.4 < found["standard_error_340m"] < 0.41
    assert 0.3 < found["noise_ceiling"] < 0.32


def test_the_tail_is_longer_only_without_regard_to_time(ledger: Ledger) -> None:
    found = entry(ledger, "components").found_figures
    assert found["p_value"] < 0.05 < min(found["p_matched"], found["p_after_cold_start"])
    assert found["p_score_at_least_2"] > 0.3


@pytest.mark.parametrize(
    ("identifier", "run", "tables", "verdict"),
    [
        ("one-tree", second_root, {}, NO),
        ("one-tree", other_root, {}, NO),
        ("cognition-base", another_entry, {}, NO),
        ("components", no_convolution, {}, NO),
        ("top-five", other_names, {}, "not checkable"),
        ("stage1-filter", None, {TABLE2: tie_at_20m}, OPEN),
        ("beats-baselines-340m", None, {TABLE2: tie_at_340m}, OPEN),
        ("stage1-predicts", None, {TABLE2: same_order_at_both}, OPEN),
        ("stage1-predicts", None, {TABLE2: opposite_loss}, OPEN),
        ("table3-sums", None, {TABLE3: row_over_100}, NO),
        ("experience-share", None, {TABLE3: less_experience}, NO),
    ],
)
def test_a_smaller_change(
    checked: Checked, identifier: str, run: Callable[[Run], None] | None, tables: dict, verdict: str
) -> None:
    found = checked(identifier, run, tables)
    assert found.verdict == verdict, (found.found, found.readings)


def test_evidence_names_the_changed_record(checked: Checked) -> None:
    found = checked("gallery-in-tree", move_a_program)
    (row,) = next(e.rows for e in found.evidence if e.what == "fields that differ")
    assert (row["field"], row["gallery"]) == ("parent", 2)


def test_the_wrong_cell_is_in_the_evidence(checked: Checked) -> None:
    rows = checked("table2-deltas", None, {TABLE2: break_delta}).evidence[0].rows
    assert {(row["model"], row["column"]) for row in rows} == {
        ("SpectralContextMixer", "train_loss_20m"),
        ("TriScaleFusionNet", "test_score_340m"),
    }


def test_another_criterion_changes_the_verdict_and_is_shown(checked: Checked) -> None:
    found = checked("table2-deltas", sensitivity=True)
    shown = {(item.limit, item.value): item.verdict for item in found.sensitivity}
    assert shown["exceptions", 0] == NO
    assert shown["exceptions", 1] == YES
    assert [item.value for item in found.sensitivity if item.ours] == [0, 1e-6]


@pytest.mark.parametrize("table", [TABLE1, TABLE2])
def test_a_cell_that_is_no_number_is_named(checked: Checked, table: str) -> None:
    from asi_repro.errors import DataError

    def spoil(rows: list[dict[str, str]]) -> None:
        column = list(rows[0])[2]
        rows[3][column] = "n/a"

    with pytest.raises(DataError, match="n/a"):
        checked("table1-averages" if table == TABLE1 else "stage1-filter", None, {table: spoil})
