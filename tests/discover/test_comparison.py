"""Runs side by side: rates, groups, equal budgets, and what luck alone gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from asi_repro.discover.run.comparison_page import comparison_text, panels
from asi_repro.discover.run.outcomes import OWN, Outcomes
from asi_repro.discover.run.run_comparison import Comparison, Group, compare_groups, curve, side_of
from asi_repro.results.chance import best_of_n, best_so_far, improvements, noise_alone, repeat_deviation


def compared(*runs: Outcomes, resamples: int, **options) -> Comparison:
    groups = [Group(run.name, (run,)) for run in runs]
    return compare_groups(groups, seed=1, resamples=resamples, **options)


def outcomes(name: str, found: list[bool], flops: list[float] | None, discovery: str = OWN) -> Outcomes:
    size = len(found)
    return Outcomes(
        name,
        "operators",
        discovery,
        tuple(range(2, size + 2)),
        tuple(found),
        (False,) * size,
        None if flops is None else tuple(flops),
        tuple(0.1 * place for place in range(size)),
    )


def test_a_rate_is_per_compute_and_its_interval_covers_it():
    dear = outcomes("dear", [True, False] * 50, [2e15] * 100)
    cheap = outcomes("cheap", [True, False] * 50, [1e15] * 100)
    found = compared(cheap, dear, resamples=2000)
    by_what = {difference.what: difference for difference in found.differences}
    experiments, flops = (
        by_what[f"discoveries per {unit}"] for unit in ("100 experiments", "1e15 training FLOPs")
    )
    assert (experiments.estimate, flops.estimate) == (0, pytest.approx(-0.25))
    assert flops.high < 0 < experiments.high
    assert "costs more compute" in experiments.not_compared
    assert found == compared(cheap, dear, resamples=2000)
    # Half a hundred of a fair coin: the standard error is 5 per 100 experiments.
    rate = found.groups[0].rates[0].interval
    assert rate.high - rate.low == pytest.approx(2 * 1.96 * 5, rel=0.1)


def test_last_bits_that_depend_on_the_processor_reach_no_number():
    found = [True, False, False] * 30
    exact, nudged, larger = (outcomes("one", found, [(1 + by) * 1.3e15] * 90) for by in (0, 4e-16, 1e-6))
    rates = [side_of(run, seed=1, resamples=500) for run in (exact, nudged, larger)]
    assert exact.flops != nudged.flops
    assert rates[0] == rates[1] != rates[2]


def test_counts_of_different_things_are_not_said_to_compare():
    one = outcomes("one", [True, False] * 5, None)
    other = outcomes("other", [True, False] * 5, None, discovery="is in the gallery")
    difference = compared(one, other, resamples=200).differences[0]
    assert "do not count the same thing" in difference.not_compared


def test_the_cumulative_curve():
    rows = curve(outcomes("run", [False, True, True], [1.0, 0.0, 2.0]))
    assert [row["discoveries"] for row in rows] == [0, 1, 2]
    assert [row["flops"] for row in rows] == [1.0, 1.0, 3.0]
    assert [row["best_score"] for row in rows] == [0.0, 0.1, 0.2]


def scored(name: str, scores: list[float | None], **changes) -> Outcomes:
    made = outcomes(name, [False] * len(scores), None)
    return replace(made, scores=tuple(scores), first_generation=(True,) * len(scores), **changes)


def draws(seed: int, count: int, rise: float = 0.0) -> list[float]:
    return list(np.random.default_rng(seed).normal(size=count) + rise * np.arange(count))


def luck(scores, **options):
    return improvements(scores, rng=np.random.default_rng(1), resamples=2000, **options)


def test_a_search_that_climbs_is_told_from_scores_in_random_order():
    climbing, blind = luck(draws(2, 100, rise=0.1)), luck(draws(2, 100))
    assert climbing.p_value < 0.001 < 0.2 < blind.p_value
    assert climbing.tau > 0.5 > abs(blind.tau)
    harmonic = sum(1 / k for k in range(2, 101))
    assert blind.expected == pytest.approx(harmonic, abs=0.15)  # the standard error of 2000 is 0.04
    falling = [-score for score in draws(2, 100, rise=0.1)]
    assert luck(falling, higher=False).observed == climbing.observed
    assert luck(falling).observed < climbing.observed
    assert luck([1.0, 2.0, None, float("nan")]) is None


def test_nan_and_infinity_are_never_the_best_in_either_direction():
    scores = [None, 0.3, float("nan"), float("inf"), -float("inf"), 0.2, 0.5]
    assert list(best_so_far(scores)[1:]) == [0.3, 0.3, 0.3, 0.3, 0.3, 0.5]
    assert list(best_so_far(scores, higher=False)[1:]) == [0.3, 0.3, 0.3, 0.3, 0.2, 0.2]
    assert compared(scored("run", scores), resamples=50).runs[0].scored == 3


def test_best_of_n_is_exact_and_has_no_p_where_n_is_larger_than_the_pool():
    pool = [float(value) for value in range(1, 11)]
    found = best_of_n([8.0, 9.0], pool)
    assert (found.p_value, found.high) == (pytest.approx(1 - 0.8**2), 10.0)
    assert found.expected == pytest.approx(sum(max(a, b) for a in pool for b in pool) / 100)
    lower = best_of_n([-8.0, -9.0], [-value for value in pool], higher=False)
    assert (lower.observed, lower.p_value) == (-9.0, found.p_value)
    beyond = best_of_n([*pool, 50.0], pool)
    assert beyond.p_value is None
    assert beyond.normal_p < 1e-6 < 0.3 < best_of_n(pool, pool).normal_p
    assert best_of_n([1.0], [1.0, 2.0]) is None


def test_noise_alone_agrees_with_a_simulation_and_tells_a_real_gain():
    simulated = np.random.default_rng(3).normal(size=(20_000, 30))
    gains = simulated.max(axis=1) - simulated[:, 0]
    lucky = noise_alone(list(simulated[0]), 1.0, "known")
    assert lucky.expected_gain == pytest.approx(gains.mean(), abs=0.03)
    assert lucky.high_gain == pytest.approx(np.quantile(gains, 0.95), abs=0.05)
    assert lucky.above == 0
    better = noise_alone([0.0, 0.1, 9.0], 1.0, "known")
    assert (better.improvements, better.above) == (2, 1)
    assert better.gain > better.high_gain


def test_the_noise_is_that_of_programs_scored_again_and_else_the_one_assumed():
    assert repeat_deviation([(1.0, 3.0), (5.0, 5.0)]) == (1.0, 2)
    assert repeat_deviation([(1.0,), (float("nan"), 2.0)]) is None
    scores = draws(4, 20)
    again = scored("again", scores, repeats=((1.0, 3.0),))
    known, assumed = compared(again, scored("once", scores), resamples=50, noise=0.5).runs
    assert known.noise.deviation == pytest.approx(2**0.5)
    assert known.noise.source == "programs scored again, 1 degree of freedom"
    assert (assumed.noise.deviation, assumed.noise.source) == (0.5, "assumed (--noise)")
    without = compared(scored("once", scores), resamples=50)
    assert without.runs[0].noise is None
    assert "`--noise SD` assumes" in comparison_text(without)


def test_groups_are_compared_at_the_budget_that_all_can_pay_with_intervals_over_runs():
    def group(label: str, level: float, cost: float) -> Group:
        runs = [
            scored(f"{label}{n}", [level + 0.01 * n, level + 1.0], spent={"usd": (cost, cost)})
            for n in range(3)
        ]
        return Group(label, tuple(runs))

    found = compare_groups([group("cheap", 1.0, 1.0), group("dear", 3.0, 2.0)], seed=1, resamples=50)
    by_unit = {budget.unit: budget for budget in found.budgets}
    cheap, dear = by_unit["usd"].groups
    assert by_unit["usd"].amount == 2.0
    assert (cheap.best.mean, dear.best.mean) == (2.0, pytest.approx(3.01))
    assert dear.best.low < 3.01 < dear.best.high
    assert by_unit["tokens"].groups[0].best is None
    best = next(one for one in found.differences if one.what == "best")
    assert (best.group, best.estimate, best.not_compared) == ("dear", 2.0, "")
    assert any(
        panel.unit == "usd" and panel.bands[1].low for panel in panels([group("a", 1, 1), group("b", 2, 1)])
    )
    other = compare_groups(
        [
            Group("one", (scored("one", [1.0, 2.0]),)),
            Group("low", (scored("low", [1.0, 2.0], higher=False),)),
        ],
        seed=1,
        resamples=50,
    )
    assert "not measured in the same way" in other.differences[-1].not_compared
