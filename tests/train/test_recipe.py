"""The recipes and their errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from asi_repro.errors import DataError, NotFound
from asi_repro.train.recipe import Recipe, TrainSettings, load_train_settings

PARAMS = "seed: 1\nclaims:\n  resamples: 1000\n"


@pytest.mark.parametrize("scale", ["20m", "340m"])
def test_the_large_recipes_are_the_papers(scale):
    recipe = TrainSettings().recipe(scale)
    assert (recipe.steps, recipe.warmup_steps, recipe.batch, recipe.length) == (2000, 1000, 256, 2048)
    assert (recipe.learning_rate, recipe.adam_epsilon) == (3e-4, 1e-8)
    assert recipe.tokens == 1_048_576_000


def test_every_step_of_the_releases_curves_is_recorded():
    recipe = TrainSettings().recipe("20m")
    recorded = [step for step in range(1, 2001) if recipe.recorded(step)]
    assert set(recorded) >= {1, *range(100, 2001, 100)}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"steps": 10}, "warmup_steps"),
        ({"micro_batch": 7}, "multiple of micro_batch"),
        ({"curve_every": 30}, "does not divide 100"),
    ],
)
def test_a_recipe_that_does_not_fit_is_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        Recipe(**changes)


def test_settings_come_from_params_and_a_wrong_one_is_named(tmp_path: Path):
    (tmp_path / "params.yaml").write_text(PARAMS + "train:\n  seeds: 3\n  scale: 20m\n")
    settings = load_train_settings(tmp_path)
    assert (settings.seeds, settings.scale) == (3, "20m")
    (tmp_path / "params.yaml").write_text(PARAMS + "train:\n  seeds: 0\n")
    with pytest.raises(DataError, match=r"train\.seeds"):
        load_train_settings(tmp_path)
    (tmp_path / "params.yaml").write_text(PARAMS + "train:\n  sedes: 1\n")
    with pytest.raises(DataError, match=r"train\.sedes"):
        load_train_settings(tmp_path)
    (tmp_path / "params.yaml").write_text(PARAMS)
    assert load_train_settings(tmp_path) == TrainSettings()


def test_an_unknown_scale_is_named():
    with pytest.raises(NotFound, match="medium"):
        TrainSettings().recipe("medium")
