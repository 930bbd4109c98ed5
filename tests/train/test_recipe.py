"""The recipes and their errors."""

from __future__ import annotations

import ast
import re
import typing
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from asi_repro.config.evaluate import DEFAULT_TASKS, AccuracyTask, Task
from asi_repro.config.params import Params, load_params
from asi_repro.config.train import SCALE_NAMES, Recipe, TrainSettings
from asi_repro.data.benchmarks import BENCHMARKS
from asi_repro.errors import DataError, NotFound
from asi_repro.models.scales import SCALES

ROOT = Path(__file__).resolve().parents[2]
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
    settings = load_params(tmp_path).train
    assert (settings.seeds, settings.scale) == (3, "20m")
    (tmp_path / "params.yaml").write_text(PARAMS + "train:\n  seeds: 0\n")
    with pytest.raises(DataError, match=r"train\.seeds"):
        load_params(tmp_path).train
    (tmp_path / "params.yaml").write_text(PARAMS + "train:\n  sedes: 1\n")
    with pytest.raises(DataError, match=r"train\.sedes"):
        load_params(tmp_path).train
    (tmp_path / "params.yaml").write_text(PARAMS)
    assert load_params(tmp_path).train == TrainSettings()


def test_an_unknown_scale_is_named():
    with pytest.raises(NotFound, match="medium"):
        TrainSettings().recipe("medium")


def _groups(model, path=()):
    """Every group of settings below a model, with the keys that lead to it."""
    yield path, model
    for name, field in model.model_fields.items():
        entries = typing.get_origin(field.annotation) is dict
        inner = typing.get_args(field.annotation)[1] if entries else field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _groups(inner, (*path, name, "smoke") if entries else (*path, name))


def test_an_unknown_key_in_any_group_of_settings_is_an_error_that_names_it(tmp_path: Path):
    groups = [path for path, _ in _groups(Params)]
    assert {path[0] for path in groups if path} == set(Params.model_fields) - {"seed"}
    for path in groups:
        given = yaml.safe_load((ROOT / "params.yaml").read_text())
        place = given
        for key in path:
            place = place.setdefault(key, {})
        place["sedes"] = 1
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(given))
        with pytest.raises(
            DataError, match=re.escape(f"{'.'.join((*path, 'sedes'))}: there is no such setting")
        ):
            load_params(tmp_path)


def test_the_project_s_settings_are_valid_and_tasks_and_scales_are_those_that_there_are():
    assert load_params(ROOT).seed == 20250724
    assert set(typing.get_args(Task)) == set(BENCHMARKS)
    assert set(typing.get_args(AccuracyTask)) == {
        name for name, b in BENCHMARKS.items() if b.chance is not None
    }
    assert set(DEFAULT_TASKS) == {name for name, b in BENCHMARKS.items() if b.in_package and b.in_release}
    assert set(SCALE_NAMES) == set(SCALES)


def test_every_setting_is_read_somewhere_in_the_package():
    read = set()
    for path in (ROOT / "asi_repro").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                read.add(node.attr)
            elif isinstance(node, ast.Tuple):  # names for getattr
                read.update(item.value for item in node.elts if isinstance(item, ast.Constant))
    unread = [name for _, model in _groups(Params) for name in model.model_fields if name not in read]
    assert unread == ["as_of"]  # of a price: for people
