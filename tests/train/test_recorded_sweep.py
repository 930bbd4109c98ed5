"""What a recorded sweep says: the statistics on made-up rows whose truth is known, both ways."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from in_process import call
from sweep_rows import made_up_row, made_up_sweep

from asi_repro.results.leaking import NOT_CHECKED
from asi_repro.results.recipe_trials import Trial, Trials, read_trials
from asi_repro.results.recorded_sweep import (
    OURS,
    PAPER_20M,
    PARAMETERS,
    grouped,
    places,
    read_sweep,
    sentence,
)
from asi_repro.results.reliability import (
    longer,
    pooled_deviation,
    pooled_test,
    reliability,
    seeds_to_separate,
)
from asi_repro.results.statistics import spearman_contrast
from asi_repro.results.sweep_rows import row_path, write_row

ROOT = Path(__file__).resolve().parents[2]
TARGET = "the paper's 340M loss"


def read(rows, paper, total: int | None = 106, leaking: set[str] | None = None):
    return read_sweep(rows, paper=paper, total=total, seed=1, resamples=400, leaking=leaking)


def test_reliability_is_the_share_of_the_spread_that_is_the_models():
    draw = np.random.default_rng(0)
    true = draw.standard_normal((400, 1))
    values = true + 0.5 * draw.standard_normal((400, 3)) + np.array([0.0, 5.0, -3.0])
    found = reliability(values, rng=draw, resamples=300)
    assert found is not None
    assert found.single == pytest.approx(1 / 1.25, abs=0.03)  # the seeds' own shifts do not count
    assert found.low < found.single < found.high
    assert found.within == pytest.approx(0.5, abs=0.03)
    assert found.between == pytest.approx(1.0, abs=0.08)
    assert found.mean == pytest.approx(longer(found.single, 3), abs=1e-9)
    noise = reliability(draw.standard_normal((400, 2)), rng=draw, resamples=300)
    assert noise is not None
    assert noise.low < 0 < noise.high
    assert abs(noise.split_half) < 0.15
    assert reliability([[1.0, 2.0], [2.0, 3.0]], rng=draw, resamples=10) is None
    assert reliability([[1.0, 1.0]] * 4, rng=draw, resamples=10) is None


def test_seeds_to_separate_are_those_that_a_simulation_needs():
    models, between, within = 106, 0.016, 0.0095
    seeds = seeds_to_separate(between, within, models=models, first=1, second=10)
    assert seeds is not None
    draw, told = np.random.default_rng(1), 0
    for _ in range(2000):
        true = np.sort(between * draw.standard_normal(models))[::-1]
        gap = true[0] - true[9] + within * np.sqrt(2 / seeds) * draw.standard_normal()
        told += gap / (within * np.sqrt(2 / seeds)) > 1.96
    assert 0.7 < told / 2000 < 0.97
    more = seeds_to_separate(between, 2 * within, models=models, first=1, second=10)
    assert more is not None
    assert more > seeds
    assert seeds_to_separate(0.0, within, models=models, first=1, second=10) is None


def test_the_pooled_test_finds_a_difference_beyond_the_noise_and_no_other():
    deviation, freedom = pooled_deviation([[1.0, 1.2], [2.0, 2.2], [5.0]])
    assert (deviation, freedom) == (pytest.approx(0.1414, abs=1e-4), 2)
    assert pooled_deviation([[1.0], [2.0]]) == (0.0, 0)
    assert pooled_test([1.0], [2.0], 0.0, 0) == (-1.0, None)
    draw, called = np.random.default_rng(2), 0
    for _ in range(500):
        groups = [list(draw.standard_normal(2)) for _ in range(20)]
        p_value = pooled_test(groups[0], groups[1], *pooled_deviation(groups))[1]
        assert p_value is not None
        called += p_value < 0.05
    assert 0.02 < called / 500 < 0.09


def test_the_contrast_says_which_agrees_better():
    draw = np.random.default_rng(3)
    y = draw.standard_normal(60)
    near, far = y + 0.2 * draw.standard_normal(60), draw.standard_normal(60)
    better = spearman_contrast(near, far, y, rng=draw, resamples=300)
    worse = spearman_contrast(far, near, y, rng=draw, resamples=300)
    equal = spearman_contrast(far, draw.standard_normal(60), y, rng=draw, resamples=300)
    assert better.low > 0 > worse.high
    assert equal.low < 0 < equal.high


def test_a_reliable_sweep_that_agrees_says_so():
    sweep = read(*made_up_sweep(0.1, 0.01, agree=True))
    assert sweep.reliabilities[OURS].low > 0.9
    ours = {(one.measure, one.target): one for one in sweep.agreements}
    best = ours[OURS, TARGET]
    assert best.found is not None
    assert best.found.low > 0.8
    assert best.ceiling is not None
    assert 0.95 < best.ceiling <= 1
    assert sweep.contrasts[PARAMETERS, TARGET].low > 0
    assert sweep.contrasts[PAPER_20M, TARGET].low > 0
    said = sentence(sweep)
    assert "40 of 106" in said
    assert "agrees with the paper's 340M loss" in said
    assert "better than parameter count" in said
    assert "one seed tells architectures apart" in said
    assert sweep.power is not None
    assert sweep.power.first_from_tenth == 2
    assert len(sweep.by_tokens) == 4
    (beats,) = sweep.beats
    assert (beats.baseline, beats.lower, beats.higher, beats.models) == ("delta_net", 40, 0, 40)


def test_noise_is_called_noise():
    sweep = read(*made_up_sweep(0.0, 0.05, agree=False))
    assert sweep.reliabilities[OURS].low < 0
    said = sentence(sweep)
    assert "does not measurably foretell the paper's 340M loss" in said
    assert "neither better nor worse than parameter count" in said
    assert "one seed does not measurably tell architectures apart" in said


@pytest.mark.parametrize(("within", "narrow"), [(0.001, 1.0), (0.05, 5.0), (1.0, 8.0)])
def test_places_hold_the_true_ones_and_are_as_wide_as_the_noise(within, narrow):
    draw = np.random.default_rng(3)
    true = 1.5 + 0.02 * np.arange(8)
    held, widths = [], []
    for _ in range(40):
        rows = [
            made_up_row(f"{place:04d}-made_up", seed, float(loss + within * draw.standard_normal()))
            for place, loss in enumerate(true)
            for seed in (0, 1)
        ]
        for number, (_, found) in enumerate(sorted(places(grouped(rows)).items()), 1):
            assert found.low <= found.place <= found.high
            held.append(found.low <= number <= found.high)
            widths.append(found.high - found.low + 1)
    assert np.mean(held) >= 0.95
    assert np.mean(widths) == pytest.approx(narrow, abs=3 if narrow == 5 else 0.3)


def test_too_few_rows_and_other_conditions_and_stopped_ones_are_said():
    rows, paper = made_up_sweep(0.1, 0.01, agree=True, models=5)
    rows[0] = made_up_row("0000-made_up", 0, 0.5, conditions="others")
    rows.append(
        made_up_row("0009-nan", 0, 1.0, status="stopped", stop="nan: x", validation_loss=None, tasks={})
    )
    sweep = read(rows, paper)
    assert [row.name for row in sweep.others] == ["0000-made_up"]
    assert all(one.found is None for one in sweep.agreements)
    assert "0009-nan" not in sweep.architectures
    assert "Nothing can be said yet" in sentence(sweep)


def test_a_program_that_sees_later_tokens_is_in_no_comparison():
    rows, paper = made_up_sweep(0.1, 0.01, agree=True)
    leaks = [made_up_row("0040-leaks", seed, 0.1, program="sees the future") for seed in (0, 1)]
    paper["0040-leaks"] = dict.fromkeys(paper["0000-made_up"], 9.9)
    plain = read(rows, paper, leaking=set())
    left_out = read([*rows, *leaks], paper, leaking={"sees the future"})
    compared = read([*rows, *leaks], paper, leaking=set())
    assert left_out.leaking_names == ["0040-leaks"]
    assert replace(left_out, leaking=[]) == plain
    assert left_out.trained == "41 of 106, 1 left out for seeing later tokens"
    assert compared.places["0040-leaks"].place == 1
    assert "0040-leaks" not in left_out.places
    assert compared.agreements != left_out.agreements
    assert read(rows, paper).leaking is None


def test_results_prints_what_is_recorded_and_names_what_is_damaged(tmp_path, monkeypatch):
    folder = tmp_path / "artifacts" / "sweeps" / "laptop"
    text = (ROOT / "params.yaml").read_text().replace("resamples: 10000", "resamples: 200")
    (tmp_path / "params.yaml").write_text(text)
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    monkeypatch.chdir(tmp_path)
    nothing = call("results", "--scale", "laptop")
    assert nothing.returncode != 0
    assert "nothing is recorded" in nothing.stderr
    for row in made_up_sweep(0.1, 0.01, agree=True)[0]:
        write_row(row, folder)
    row_path(folder, "0007-made_up", 1).write_text("{}")
    write_row(made_up_row("mamba2", 0, 1.0, status="stopped", stop="nan: [bold]x\x1b[2J"), folder)
    shown = call("results", "--scale", "laptop", COLUMNS="200")
    assert shown.returncode == 0, shown.stderr
    assert "Architectures trained: 40; baselines: 1." in shown.stdout
    assert "Programs that see later tokens are not left out" in shown.stdout
    assert "mamba2 seed 0: stopped, nan: [bold]x" in shown.stdout
    assert "\x1b" not in shown.stdout
    assert "damaged, left out" in shown.stdout
    assert "against delta_net: 40 of 40 architectures have a lower validation loss" in " ".join(
        shown.stdout.split()
    )
    value = json.loads(call("results", "--scale", "laptop", "--json").stdout)
    assert len(value["rows"]) == 83
    assert len(value["damaged"]) == 1
    assert value["reliabilities"][OURS]["single"] > 0.9


def test_the_ledger_has_what_is_recorded_and_nothing_before(tmp_path):
    from synthetic_release import write_synthetic_release

    from asi_repro.archive.reader import Archive
    from asi_repro.archive.release import read_release
    from asi_repro.archive.tables import write_archive
    from asi_repro.claims.context import Settings
    from asi_repro.claims.page import claim_section
    from asi_repro.claims.recorded_sweep import recorded_entries

    write_synthetic_release(tmp_path / "release", 20, gallery=3)
    write_archive(read_release(tmp_path / "release"), tmp_path / "archive")
    archive, settings = Archive(tmp_path / "archive"), Settings(resamples=200)
    folder = tmp_path / "sweeps" / "laptop"
    assert recorded_entries(None, archive, settings, None) == []
    write_row(made_up_row("delta_net", 0, 1.9), folder)
    assert recorded_entries(tmp_path / "sweeps", archive, settings, None) == []
    for row in made_up_sweep(0.1, 0.01, agree=True)[0]:
        write_row(row, folder)
    row_path(folder, "0007-made_up", 1).write_text("{}")
    foretells, beats = recorded_entries(tmp_path / "sweeps", archive, settings, None)
    assert foretells.id == "measured-laptop-foretells"
    assert "Nothing can be said yet" in foretells.found  # Table 2 knows none of these names
    assert foretells.found_figures["reliability"]["single"] > 0.9
    assert beats.found == "of 40: 40 below and 0 above delta_net"
    for entry in (foretells, beats):
        assert entry.verdict == "measured here"
        assert "not a reproduction" in entry.criterion
        assert entry.notes == [
            "architectures trained so far: 40 of 3",
            NOT_CHECKED,
            "left out, damaged: 0007-made_up.seed-1.json",
        ]
        assert claim_section(entry)


def test_the_recipe_is_the_best_of_what_was_recorded():
    """The committed trials are of baselines alone, and params.yaml has what they favour."""
    import yaml

    from asi_repro.models.scales import find_scale

    trials = read_trials(ROOT / "artifacts" / "sweeps" / "laptop" / "recipe.json")
    assert {trial.model for trial in trials.trials} == {"delta_net", "gated_delta_net", "transformer"}
    _, rate, initial = trials.ranked()[0]
    recipe = yaml.safe_load((ROOT / "params.yaml").read_text())["train"]["recipes"]["laptop"]
    assert (recipe["learning_rate"], find_scale("laptop").initializer_range) == (rate, initial)


def test_a_setting_with_which_a_baseline_diverged_or_was_not_tried_is_no_choice():
    def trial(model: str, rate: float, loss: float | None) -> Trial:
        return Trial(
            model=model,
            learning_rate=rate,
            initializer_range=0.1,
            seed=0,
            steps=1,
            tokens=1,
            loss=loss,
            tokens_per_second=None,
            hardware="made up",
            key="k",
        )

    trials = [trial("a", 0.1, 1.0), trial("b", 0.1, 3.0), trial("a", 0.2, 0.5), trial("b", 0.2, None)]
    found = Trials(corpus="c", trials=[*trials, trial("a", 0.3, 0.1)])
    assert found.ranked() == [(2.0, 0.1, 0.1)]
