"""`asi-repro ablate` on a Ray cluster that it starts on this machine: real trainings, the rows of one process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray")

from test_ablation import fake_cell, grid, project, results

from asi_repro.discover.ablation.cells import run_cells
from asi_repro.executor.base import Resources
from asi_repro.executor.on_ray import RayExecutor

HERE = Path(__file__).resolve().parent
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ray")]

LAB = {"scale": "smoke", "steps": 10, "limit": 2, "tasks": ["piqa"]}
GRID = {
    "experiments": 3,
    "seeds": 1,
    "without": ["references"],
    "policies": [],
    "exploration": LAB,
}


def ablated(root: Path, executor: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The table that the command prints, and the files that it leaves."""
    params = json.loads((root / "params.yaml").read_text())
    resources = {"smoke": {"cpus": 1.0, "memory_gib": 0.5}}
    params |= {"discover": {"arm": "operators", "exploration": LAB, "verification": LAB}}
    params |= {"ablation": GRID, "executor": {"name": executor, "resources": resources}}
    (root / "params.yaml").write_text(json.dumps(params))  # JSON is YAML
    (root / "dvc.yaml").write_text("stages: {}\n")
    code = [sys.executable, "-m", "asi_repro.cli", "ablate", "--run", "small", "--jobs", "2", "--json"]
    environment = {key: value for key, value in os.environ.items() if key != "RAY_ADDRESS"}
    done = subprocess.run(
        code, cwd=root, env=environment | {"RAY_USAGE_STATS_ENABLED": "0"}, capture_output=True, text=True,
        timeout=1800, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    cells = (root / "artifacts" / "ablations" / "small").glob("*.json")
    return json.loads(done.stdout), {path.name: path.read_bytes() for path in cells}


def test_made_up_cells_on_a_cluster_are_those_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (HERE, HERE.parents[1]))))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    found = {}
    for name in ("local", "ray"):
        root = tmp_path / name
        root.mkdir()
        cells, shown = grid(project(root), seeds=1), []
        where = RayExecutor(root, workers=2) if name == "ray" else None
        lost = run_cells(
            cells, jobs=2, run=fake_cell, executor=where, progress=shown.append,
            resources=Resources(memory=100 << 20),
        )  # fmt: skip
        assert not lost
        assert sorted(shown) == sorted(cell.name for cell in cells)
        assert run_cells(cells, jobs=2, run=fake_cell, executor=where) == []  # nothing is run again
        assert len((root / "log").read_text().splitlines()) == len(cells)
        found[name] = results(root)
    assert found["ray"] == found["local"]
    assert len(found["ray"]) == 3


def test_the_rows_are_those_of_the_local_executor(workspace, tmp_path: Path) -> None:
    found = {}
    for executor in ("local", "ray"):
        root = tmp_path / executor
        shutil.copytree(workspace.project.root, root)
        found[executor] = ablated(root, executor)
        runs = sorted(path.name for path in (root / "artifacts" / "runs").iterdir() if path.name[:1] != ".")
        assert runs == ["small.whole.1", "small.without-references.1"]
    assert found["ray"] == found["local"]
    table, cells = found["ray"]
    assert set(cells) == {"whole.1.json", "without-references.1.json"}
    assert all(json.loads(data)["experiments"] == 2 for data in cells.values())
    assert [cell["variant"] for cell in table["cells"]] == ["whole", "without-references"]
