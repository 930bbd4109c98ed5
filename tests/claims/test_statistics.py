"""The statistics against closed forms, scipy, and what they must be whatever the data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from asi_repro.claims.curves import fit_curves
from asi_repro.results import statistics as own

numbers = st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: round(x, 3))


def lists(low: int = 4, high: int = 30) -> st.SearchStrategy[list[float]]:
    return st.lists(numbers, min_size=low, max_size=high, unique=True)


@given(lists(), st.floats(-100, 100), st.floats(-100, 100))
def test_a_line_is_found_again(x: list[float], slope: float, intercept: float) -> None:
    line = own.fit_line(x, [slope * value + intercept for value in x])
    assert line.slope == pytest.approx(slope, abs=1e-5)
    if abs(slope) > 1e-3:
        assert line.r2 == pytest.approx(1, abs=1e-6)


@given(lists(), st.randoms(use_true_random=False))
def test_r2_is_the_squared_correlation(x: list[float], random: object) -> None:
    y = sorted(x, key=lambda value: (value * 7919) % 13)
    expected = np.corrcoef(x, y)[0, 1] ** 2
    assert own.fit_line(x, y).r2 == pytest.approx(expected, abs=1e-9)


@settings(max_examples=25)
@given(lists(6, 20), st.integers(0, 2**32))
def test_spearman_agrees_with_scipy_and_its_interval_is_in_range(x: list[float], seed: int) -> None:
    y = list(np.random.default_rng(seed).permutation(x))
    found = own.spearman_interval(x, y, rng=np.random.default_rng(seed), resamples=200)
    assert found.estimate == pytest.approx(stats.spearmanr(x, y).statistic)
    assert -1 - 1e-9 <= found.low <= found.high <= 1 + 1e-9


@pytest.mark.parametrize("level", [0.5, 0.95])
def test_the_bootstrap_interval_is_that_of_scipy(level: float) -> None:
    draw = np.random.default_rng(5)
    x = draw.normal(size=60)
    y = x + draw.normal(size=60)
    found = own.spearman_interval(x, y, rng=np.random.default_rng(1), resamples=4000, level=level)
    peer = stats.bootstrap(
        (x, y),
        lambda a, b: stats.spearmanr(a, b).statistic,
        paired=True,
        vectorized=False,
        method="percentile",
        n_resamples=1000,
        confidence_level=level,
        rng=np.random.default_rng(2),
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((peer.low, peer.high), abs=0.03)


def test_a_wider_level_gives_a_wider_interval() -> None:
    x, y = np.arange(30.0), np.arange(30.0) % 7
    narrow, wide = (
        own.spearman_interval(x, y, rng=np.random.default_rng(0), resamples=500, level=level)
        for level in (0.5, 0.99)
    )
    assert wide.low < narrow.low <= narrow.high < wide.high


@given(lists(5, 20), st.floats(0.1, 50))
def test_a_rising_line_is_a_trend(x: list[float], slope: float) -> None:
    ordered = sorted(x)
    found = own.trend(ordered, [slope * value for value in ordered])
    assert found.slope.estimate == pytest.approx(slope, rel=1e-6)
    assert found.tau == pytest.approx(1)


def test_mann_kendall_by_counting_pairs() -> None:
    y = [3.0, 1.0, 4.0, 1.5, 5.0, 9.0, 2.0]
    pairs = [(i, j) for i in range(len(y)) for j in range(i + 1, len(y))]
    score = sum(np.sign(y[j] - y[i]) for i, j in pairs)
    assert own.trend(range(len(y)), y).tau == pytest.approx(score / len(pairs))


def test_equal_values_have_no_trend() -> None:
    found = own.trend(range(5), [2.0] * 5)
    assert (found.slope.estimate, found.p_value) == (0, 1)


@given(st.data())
def test_overlap_by_chance_is_hypergeometric(data: st.DataObject) -> None:
    population = data.draw(st.integers(2, 40))
    marked, drawn = data.draw(st.integers(1, population)), data.draw(st.integers(1, population))
    overlap = data.draw(st.integers(0, min(marked, drawn)))
    found = own.overlap_by_chance(overlap, drawn, marked, population)
    ways = [
        math.comb(marked, k) * math.comb(population - marked, drawn - k)
        for k in range(overlap, min(marked, drawn) + 1)
        if drawn - k <= population - marked
    ]
    assert found.expected == pytest.approx(drawn * marked / population)
    assert found.p_value == pytest.approx(sum(ways) / math.comb(population, drawn), abs=1e-12)


@given(lists(1, 12), lists(1, 12))
def test_rank_probability_by_counting_pairs(first: list[float], second: list[float]) -> None:
    wins = sum((a > b) + 0.5 * (a == b) for a in first for b in second)
    found, p_value = own.rank_probability(first, second)
    assert found == pytest.approx(wins / (len(first) * len(second)))
    assert 0 <= p_value <= 1


def test_all_marked_places_give_the_line_of_all_places() -> None:
    places = [float(n) for n in range(1, 101)]
    points = [float(n) for n in range(0, 101, 5)]
    null = own.random_order_r2(places, 100, points, rng=np.random.default_rng(0), resamples=5)
    assert null == pytest.approx(np.ones(5))


def test_random_orders_are_lines_more_or_less_and_repeat() -> None:
    places = [float(n) for n in range(1, 501)]
    points = [float(n) for n in range(0, 501, 20)]
    first, again = (
        own.random_order_r2(places, 50, points, rng=np.random.default_rng(3), resamples=300) for _ in "ab"
    )
    assert (first == again).all()
    assert (np.diff(first) >= 0).all()
    assert 0.9 < np.median(first) < 1


def test_a_count_that_never_rises_has_no_r2_and_its_draw_is_left_out() -> None:
    points, seed = [1.0, 2.0, 3.0], np.random.default_rng(0)
    assert not len(own.random_order_r2([0.0, 0.0], 1, points, rng=seed, resamples=5))
    mixed = own.random_order_r2([0.0, 2.0], 1, points, rng=seed, resamples=100)
    assert 0 < len(mixed) < 100
    assert np.isfinite(mixed).all()


@given(st.floats(0, 100), st.integers(0, 5))
def test_a_rounded_number_agrees_with_its_source(value: float, decimals: int) -> None:
    assert own.agrees(round(value, decimals), value, decimals)
    assert not own.agrees(round(value, decimals) + 1.1 * 10**-decimals, value, decimals)


@given(st.lists(numbers, min_size=1, max_size=20))
def test_descending_ranks_count_what_is_higher(values: list[float]) -> None:
    assert own.descending_ranks(values) == [1 + sum(v > value for v in values) for value in values]


def test_binomial_error_of_a_difference() -> None:
    assert own.binomial_difference_error(0.5, 0.5, 100) == pytest.approx(math.sqrt(0.5 / 100))


def test_uniform_events_are_not_told_from_uniform_and_bunched_ones_are() -> None:
    even = np.linspace(1, 99, 50)
    assert own.uniform_distance(even, 0, 100)[1] > 0.9
    assert own.uniform_distance(even / 2, 0, 100)[1] < 0.001


def test_the_line_has_its_closed_form_likelihood() -> None:
    counts = [0, 2, 3, 7, 8, 11, 15]
    fits = {fit.curve.name: fit for fit in fit_curves(range(7), counts)}
    rate = counts[-1] / 6
    expected = sum(stats.poisson.logpmf(n, rate) for n in np.diff(counts))
    assert fits["line"].log_likelihood == pytest.approx(expected, abs=1e-6)
    assert fits["line"].aic == pytest.approx(2 - 2 * expected, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("line", lambda t: 300 * t),
        ("line after an onset", lambda t: 300 * np.maximum(t - 0.35, 0)),
        ("power", lambda t: 300 * t**3),
        ("logistic", lambda t: 300 / (1 + np.exp(-(t - 0.5) / 0.05))),
        ("two lines", lambda t: 500 * np.minimum(t, 0.5) + 60 * np.maximum(t - 0.5, 0)),
    ],
)
def test_the_right_curve_comes_first(name: str, shape: object) -> None:
    t = np.linspace(0, 1, 31)
    counts = np.round(shape(t))  # type: ignore[operator]
    best, *_ = fit_curves(list(t * 7000), list(counts))
    assert best.curve.name == name
    assert np.abs(best.at(list(t * 7000), 0, 7000) + counts[0] - counts).max() < 4


def test_a_richer_curve_fits_no_worse() -> None:
    counts = [0, 0, 1, 4, 9, 12, 20, 22, 30, 31, 33]
    fits = {fit.curve.name: fit.log_likelihood for fit in fit_curves(range(11), counts)}
    for name in ("line after an onset", "quadratic", "power", "two lines"):
        assert fits[name] >= fits["line"] - 1e-6


@pytest.mark.parametrize(
    ("times", "counts"), [([0, 1, 1], [0, 1, 2]), ([0, 1, 2], [0, 2, 1]), ([0, 1], [0, 1])]
)
def test_what_is_no_cumulative_count_is_refused(times: list[float], counts: list[float]) -> None:
    with pytest.raises(ValueError, match="must"):
        fit_curves(times, counts)
