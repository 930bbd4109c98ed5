"""The committed page is what its command writes, and needs nothing that Git does not hold."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from in_process import call

from asi_repro.planning.plan import Plan, PlanRequest, make_plan, plan_markdown
from asi_repro.planning.simulation import plan_recorded
from asi_repro.planning.times import PLANNED, Assumptions, plain_flops
from asi_repro.project import Project

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "evidence" / "planning.md"
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
    return make_plan(bare, PlanRequest(GPUS, WORKERS))


def test_the_committed_page_says_what_the_command_says(plan: Plan) -> None:
    """The recorded run's table needs its replay; the slow test has it."""
    made, _, recorded = plan_markdown(plan).partition("The recorded run control")
    assert "`dvc repro discover` makes its tables" in recorded
    assert made in PAGE.read_text(encoding="utf-8")


def test_what_was_asked_is_on_it(plan: Plan) -> None:
    text = PAGE.read_text(encoding="utf-8")
    for line in ("| 8 | 1 |", "| 64 | 4 |", "| 512 | 8 |", "1,773 experiments", "Our recorded run control"):
        assert line in text
    for name in Assumptions.model_fields:
        assert f"| {name} | " in text


def test_the_command_in_a_project_without_a_release(bare: Project) -> None:
    words = ["--gpus", "8", "--workers", "1,50", "--assume", "price=1.9"]
    ran = call("plan", *words, ASI_REPRO_HOME=str(bare.root))
    assert ran.returncode == 0, ran.stderr
    assert "| price | 1.9 | Price of a GPU hour" in ran.stdout
    told = json.loads(call("plan", *words, "--json", ASI_REPRO_HOME=str(bare.root)).stdout)
    assert told["assumed"]["price"] == 1.9
    assert told["sweeps"][0]["dollars"] == pytest.approx(1.9 * told["sweeps"][0]["gpu_hours"])
    assert [one["workers"] for one in told["runs"]] == [1, 50]
    assert told["recorded"] is None


def test_times_that_this_machine_did_not_measure(bare: Project) -> None:
    ran = call("plan", "--times", "verify", ASI_REPRO_HOME=str(bare.root))
    assert ran.returncode == 4
    assert "no forward times have been measured on this machine" in ran.stderr
    assert "--times sweep" in ran.stderr


@pytest.mark.slow
def test_the_plain_model_has_the_frame_that_the_certificates_count() -> None:
    from asi_repro.models.scales import SCALES
    from asi_repro.verify.checks.compute import frame_flops

    scale = SCALES[PLANNED]
    assert plain_flops(scale) == frame_flops(scale) + scale.num_layers * 8 * scale.hidden_size**2


@pytest.mark.slow
def test_the_page_has_the_recorded_run_too(tmp_path: Path) -> None:
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
    made = plan_markdown(make_plan(Project(root), PlanRequest(GPUS, WORKERS)))
    assert made in PAGE.read_text(encoding="utf-8")
