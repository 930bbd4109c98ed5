"""The statistics, against closed forms and simulations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from asi_repro.results.significance import (
    holm,
    mean_interval,
    paired_bootstrap,
    welch,
    window_at_flops,
    winners_curse,
)


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_one_seed_has_no_interval_and_several_have_students():
    assert mean_interval([0.3]).low is None
    values = [0.30, 0.34, 0.38]
    made = mean_interval(values)
    low, high = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    assert (made.low, made.high) == (pytest.approx(low), pytest.approx(high))
    with pytest.raises(ValueError, match="no values"):
        mean_interval([])


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_lies_between_the_raw_and_bonferronis(p_values):
    adjusted = holm(p_values)
    for raw, made in zip(p_values, adjusted, strict=True):
        assert raw <= made <= min(raw * len(p_values), 1.0) + 1e-12
    by_raw = sorted(zip(p_values, adjusted, strict=True))
    assert [made for _, made in by_raw] == sorted(adjusted)


def test_pairing_makes_a_small_difference_visible():
    base = rng().normal(0, 1, 400)
    better = base + 0.05 + rng().normal(0, 0.01, 400)
    paired = paired_bootstrap([[better]], [base], rng=rng(), resamples=2000)[0]
    apart = welch(better, base)
    assert paired.low > 0.04
    assert paired.p_value <= 2 * 1 / 2001 + 1e-12
    assert apart.low < 0 < apart.high


def test_welch_is_scipys_and_one_seed_has_no_interval():
    a, b = [7.1, 7.3, 7.2], [7.4, 7.6]
    made = welch(a, b)
    assert made.p_value == pytest.approx(stats.ttest_ind(a, b, equal_var=False).pvalue)
    assert made.low < made.estimate < made.high
    alone = welch([7.1], b)
    assert (alone.estimate, alone.low, alone.p_value) == (pytest.approx(-0.4), None, None)


def test_many_models_at_once_have_the_same_draws_of_items():
    draw = np.random.default_rng(2)
    base, one, two = (draw.random((1, 80)) for _ in range(3))
    both = paired_bootstrap([[one], [two]], [base], rng=rng(), resamples=300)
    swapped = paired_bootstrap([[two], [one]], [base], rng=rng(), resamples=300)
    assert both == swapped[::-1]
    assert both[0] == paired_bootstrap([[one]], [base], rng=rng(), resamples=300)[0]
    equal = paired_bootstrap([[base]], [base], rng=rng(), resamples=300)[0]
    assert (equal.low, equal.high, equal.p_value) == (0, 0, 1.0)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    draw = np.random.default_rng(3)
    covered = 0
    for _ in range(300):
        base = draw.random(120) < 0.5
        model = np.where(draw.random(120) < 0.3, draw.random(120) < 0.5, base)
        made = paired_bootstrap([[model]], [base], rng=draw, resamples=400)[0]
        covered += made.low <= 0 <= made.high
    assert 0.90 <= covered / 300 <= 0.985


def test_tasks_weigh_the_same_however_many_items_they_have():
    made = paired_bootstrap(
        [[np.ones(10), np.zeros(1000)]], [np.zeros(10), np.zeros(1000)], rng=rng(), resamples=200
    )[0]
    assert made.estimate == pytest.approx(0.5)


def test_seeds_are_resampled_too():
    items = np.zeros(50)
    one = paired_bootstrap([[items]], [items], rng=rng(), resamples=500)[0]
    assert (one.low, one.high, one.p_value) == (0, 0, 1.0)
    apart = np.stack([items - 0.2, items + 0.2])
    two = paired_bootstrap([[apart]], [items], rng=rng(), resamples=500)[0]
    assert two.low == pytest.approx(-0.2)
    assert two.high == pytest.approx(0.2)


def test_unpaired_items_are_refused():
    with pytest.raises(ValueError, match="not paired"):
        paired_bootstrap([[np.zeros(3)]], [np.zeros(4)], rng=rng(), resamples=100)


def test_the_best_of_many_equals_looks_better_than_it_is():
    draw = np.random.default_rng(5)
    scores = (draw.random((60, 400)) < 0.4).astype(float)
    differences = scores - (draw.random(400) < 0.4)
    curse = winners_curse([differences], rng=rng(), resamples=1000)
    assert curse.models == 60
    assert curse.expected > 0.03
    assert curse.p_value > 0.05
    real = differences.copy()
    real[7] += 0.3
    found = winners_curse([real], rng=rng(), resamples=1000)
    assert found.observed == pytest.approx(real[7].mean())
    assert found.p_value < 0.01
    alone = winners_curse([differences[:1]], rng=rng(), resamples=1000)
    assert abs(alone.expected) < 0.005


def test_equal_flops_reads_the_dearer_model_earlier():
    steps, losses = list(range(1, 101)), [10 - step / 20 for step in range(1, 101)]
    cheap = window_at_flops(steps, losses, 1.0, 100.0)
    dear = window_at_flops(steps, losses, 2.0, 100.0)
    assert len(cheap) == 10
    assert cheap[-1] == losses[99]
    assert dear[-1] == losses[49]
    assert window_at_flops(steps, losses, 1000.0, 100.0) == []
