"""The code that the stages of dvc.yaml name is the code they depend on."""

from __future__ import annotations

import yaml

from asi_repro.provenance.code import PackageCode
from asi_repro.provenance.stages import PINS, as_dependencies, stage_modules, with_code
from scripts.make_stages import ROOT, VERBS, current

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def test_dvc_yaml_is_current():
    assert (ROOT / "dvc.yaml").read_text() == current(), "run scripts/make_stages.py"


def test_every_stage_depends_on_all_its_code_and_on_no_other_room():
    code = PackageCode()
    for name, stage in STAGES.items():
        listed = [dep for dep in stage.get("do", stage)["deps"] if dep.startswith("asi_repro/")]
        files = [f"asi_repro/{file}" for file in code.files(stage_modules(stage, VERBS, code))]
        for file in files:
            assert any(file == dep or file.startswith(f"{dep}/") for dep in listed), (name, file)
        for dep in listed:
            assert any(file == dep or file.startswith(f"{dep}/") for file in files), (name, dep)
        assert PINS in stage.get("do", stage)["deps"]


def test_trainings_do_not_go_stale_with_scoring_nor_anything_with_the_terminal_ui():
    assert "asi_repro/evaluate" not in STAGES["train"]["do"]["deps"]
    assert "asi_repro/evaluate" in STAGES["evaluate"]["do"]["deps"]
    assert not any("asi_repro/tui" in str(stage) for stage in STAGES.values())


def test_a_room_is_one_dependency_and_a_verb_is_its_own():
    files = ["train/loop.py", "train/spec.py", "cli/train.py", "errors.py"]
    assert as_dependencies(files) == ["asi_repro/cli/train.py", "asi_repro/errors.py", "asi_repro/train"]


def test_code_is_put_in_place_and_comments_stay():
    text = (
        "stages:\n  one: \n    deps:\n      - a\n"
        "  two:\n    deps: # why\n      - a\n"
        "  three:\n    deps:\n      # data\n      - asi_repro/old.py\n      - data\n"
    )
    made = with_code(text, {"three": ["asi_repro/new.py"]})
    assert "asi_repro/old.py" not in made
    assert made.endswith(
        "    deps:\n      - asi_repro/new.py\n      - constraints.txt\n      # data\n      - data\n"
    )
    assert with_code(made, {"three": ["asi_repro/new.py"]}) == made
