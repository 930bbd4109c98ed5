"""The committed page is what its command writes, and needs nothing that Git does not hold."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from in_process import call

from asi_repro.planning.inputs import PLANNED, Assumptions, plain_flops
from asi_repro.planning.page import page_text, picture_of, write_page
from asi_repro.planning.recorded import plan_recorded
from asi_repro.planning.tables import Plan, Wanted, make_plan
from asi_repro.project import Project

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "evidence" / "planning.md"
COMMAND = "asi-repro plan --page docs/evidence/planning.md"
NEEDED = ("params.yaml", "dvc.yaml", "artifacts/sweeps/smoke")
GPUS, WORKERS = (8, 64, 512), (1, 2, 4, 8, 16, 32, 50, 64, 100, 200, 512)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with what Git holds of it, and the recorded run without its tables."""
    root = tmp_path_factory.mktemp("planned")
    for name in NEEDED:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, root / name)
    return Project(root)


@pytest.fixture(scope="module")
def plan(bare: Project) -> Plan:
    return make_plan(bare, Wanted(GPUS, WORKERS))


def image(text: str) -> str:
    return next(line for line in text.splitlines() if line.startswith("!["))


def without_the_record(text: str) -> str:
    """The table of the recorded run needs its replay; the slow test has it."""
    return re.sub(r"(?s)(?:Our|The) recorded run control.*?(?=\n## )", "", text)


def test_the_committed_page_says_what_the_command_says(plan: Plan) -> None:
    committed = PAGE.read_text(encoding="utf-8")
    made = page_text(plan, image(committed), COMMAND)
    assert "`dvc repro discover` makes its tables" in made
    assert without_the_record(made) == without_the_record(committed)
    assert picture_of(PAGE).is_file()


def test_what_was_asked_is_on_it(plan: Plan) -> None:
    text = PAGE.read_text(encoding="utf-8")
    for line in ("| 8 | 1 |", "| 64 | 4 |", "| 512 | 8 |", "1,773 experiments", "Our recorded run control"):
        assert line in text
    for name in Assumptions.model_fields:
        assert f"| {name} | " in text


def test_the_command_in_a_project_without_a_release(bare: Project, tmp_path: Path) -> None:
    page = tmp_path / "out" / "mine.md"
    words = ["--gpus", "8", "--workers", "1,50", "--assume", "price=1.9"]
    ran = call("plan", *words, "--page", str(page), ASI_REPRO_HOME=str(bare.root))
    assert ran.returncode == 0, ran.stderr
    assert (page.parent / "images" / "mine.png").read_bytes().startswith(b"\x89PNG")
    assert f"asi-repro plan --page {page} --gpus 8 --workers 1,50 --assume price=1.9" in page.read_text()
    told = json.loads(call("plan", *words, "--json", ASI_REPRO_HOME=str(bare.root)).stdout)
    assert told["assumed"]["price"] == 1.9
    assert told["sweeps"][0]["dollars"] == pytest.approx(1.9 * told["sweeps"][0]["gpu_hours"])
    assert told["recorded"] is None


def test_times_that_this_machine_did_not_measure(bare: Project) -> None:
    ran = call("plan", "--times", "verify", ASI_REPRO_HOME=str(bare.root))
    assert ran.returncode == 4
    assert "no forward times were measured here" in ran.stderr
    assert "--times sweep" in ran.stderr


@pytest.mark.slow
def test_the_plain_model_has_the_frame_that_the_certificates_count() -> None:
    from asi_repro.models.scales import SCALES
    from asi_repro.verify.checks.compute import frame_flops

    scale = SCALES[PLANNED]
    assert plain_flops(scale) == frame_flops(scale) + scale.num_layers * 8 * scale.hidden_size**2


@pytest.mark.slow
def test_the_page_and_its_picture_come_out_byte_for_byte(tmp_path: Path) -> None:
    """With the recorded run replayed, as `dvc repro discover` does."""
    root = tmp_path / "project"
    for name in (*NEEDED, "artifacts/recorded/control"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, root / name)
    control = root / "artifacts/recorded/control"
    for left in ("archive", "run.git", "rejected", "journal", "locks"):
        shutil.rmtree(control / left, ignore_errors=True)
    assert plan_recorded(Project(root), "control", (1,)) is None
    assert call("discover", "--recorded", "control", ASI_REPRO_HOME=str(root)).returncode == 0
    page = root / "docs" / "evidence" / "planning.md"
    write_page(make_plan(Project(root), Wanted(GPUS, WORKERS)), page, COMMAND)
    assert page.read_text() == PAGE.read_text()
    assert picture_of(page).read_bytes() == picture_of(PAGE).read_bytes()
