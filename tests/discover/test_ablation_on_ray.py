"""Ablations on a Ray cluster that is started on this machine: the cells of one process, also after a kill."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray")

from test_ablation import fake_cell, grid, project, results

from asi_repro.discover.ablation.cells import Cell, CellResult, run_cells
from asi_repro.executor.base import Resources
from asi_repro.executor.local import ThreadExecutor
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
    done = subprocess.run(code, cwd=root, capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    cells = (root / "artifacts" / "ablations" / "small").glob("*.json")
    return json.loads(done.stdout), {path.name: path.read_bytes() for path in cells}


@pytest.fixture(autouse=True)
def cluster_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster that is started on this machine, whose nodes can import this file."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (HERE, HERE.parents[1]))))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_worker_niceness", "0")  # Ray's 15 leaves a task nothing beside other tests
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


def slow_cell(cell: Cell) -> CellResult:
    """As `fake_cell`, so slow that a kill comes between two."""
    time.sleep(1)
    return fake_cell(cell)


def on_ray(root: Path, workers: int = 2) -> list[str]:
    """Run the grid of made-up cells on Ray; the names of those that are finished."""
    shown: list[str] = []
    lost = run_cells(
        grid(root), jobs=workers, run=slow_cell, executor=RayExecutor(root, workers=workers),
        progress=shown.append, resources=Resources(memory=100 << 20),
    )  # fmt: skip
    assert not lost
    return sorted(shown)


def test_made_up_cells_are_those_of_this_machine_also_after_a_kill(tmp_path: Path) -> None:
    roots = [tmp_path / name for name in ("local", "ray")]
    for root in roots:
        root.mkdir()
        project(root)
    alone, root = roots
    assert not run_cells(grid(alone), jobs=1, run=fake_cell, executor=ThreadExecutor(1))
    code = (
        "import sys; from pathlib import Path; from test_ablation_on_ray import on_ray\n"
        "on_ray(Path(sys.argv[1]), 1)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(root)])
    deadline = time.monotonic() + 300
    while len(results(root)) < 2 and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    child.kill()
    child.wait()
    before, begun = results(root), (root / "log").read_text().splitlines()
    cells = [cell.name for cell in grid(root)]
    assert 2 <= len(before) < len(cells)
    assert on_ray(root) == sorted(cells)
    assert results(root) == results(alone)
    after = (root / "log").read_text().splitlines()[len(begun) :]
    finished = {f"fake.{name.removesuffix('.json')}" for name in before}
    assert not finished & set(after), "a finished cell was run again"


@pytest.mark.machine  # nine minutes beside other work
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
