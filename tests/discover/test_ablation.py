"""The grid of an ablation: which runs there are, finishing each once, and the table of what a part contributes."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from fake_team import SETTINGS, STAGE, FakeJob, FakeLab
from pydantic import ValidationError
from typer.testing import CliRunner

from asi_repro.cli import app
from asi_repro.config.ablation import AblationSettings
from asi_repro.config.discover import DiscoverSettings, LabSettings
from asi_repro.discover.ablation import cells as module
from asi_repro.discover.ablation.cells import Cell, CellResult, SharedLabs, read_cells, run_cells
from asi_repro.discover.ablation.table import ablation_of
from asi_repro.discover.run.folder import DiscoveryRun, RunSettings
from asi_repro.errors import DataError
from asi_repro.executor.local import ThreadExecutor
from asi_repro.results.statistics import sign_flip_test
from asi_repro.traces.spans import Trace

GRID = AblationSettings(
    without=["references"],
    policies=["greedy"],
    pool=SETTINGS.pool.model_copy(update={"cold_start": 3, "refresh": 2}),
)


def project(folder: Path) -> Path:
    (folder / "dvc.yaml").write_text("stages: {}\n")
    (folder / "params.yaml").write_text("seed: 1\nclaims:\n  resamples: 500\n")
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return project(tmp_path)


def grid(root: Path, seeds: int = 2, experiments: int = 7) -> list[Cell]:
    variants = GRID.variants(SETTINGS)
    return [
        Cell(root, "fake", name, RunSettings(seed, one, STAGE, {**STAGE, "stage": 2}, {}, {}), experiments)
        for seed in range(seeds)
        for name, one in variants.items()
    ]


def fake_cell(cell: Cell) -> CellResult:
    folder = cell.root / "artifacts" / "runs" / cell.name
    log = cell.root / "log"
    with log.open("a") as stream:
        stream.write(f"{cell.name}\n")
    return module.finish_cell(cell, FakeJob(folder, cell.root, cell.experiments, log=cell.root / "trained"))


def killed_at(cell: Cell) -> CellResult:
    """As `fake_cell`; the whole process is killed when the third cell begins."""
    if (cell.root / "log").is_file() and len((cell.root / "log").read_text().splitlines()) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return fake_cell(cell)


def results(root: Path) -> dict[str, bytes]:
    folder = module.ablation_folder(root, "fake")
    return {path.name: path.read_bytes() for path in folder.glob("*.json")}


def test_each_variant_differs_from_the_whole_loop_in_one_thing():
    variants = AblationSettings().variants(DiscoverSettings())
    assert next(iter(variants)) == "whole"
    whole = variants.pop("whole").model_dump()
    for name, one in variants.items():
        changed = {key for key, value in one.model_dump().items() if value != whole[key]}
        assert changed == ({"pool"} if name.startswith("policy-") else {"without"})
        inside = {key for key, value in one.pool.model_dump().items() if value != whole["pool"][key]}
        assert inside == ({"policy"} if name.startswith("policy-") else set())
    assert len(variants) == 7
    with pytest.raises(ValidationError, match="does not have"):
        AblationSettings(without=["judge"]).variants(DiscoverSettings())


def test_a_killed_ablation_loses_nothing_finished_and_comes_to_the_same(root, tmp_path_factory):
    whole = project(tmp_path_factory.mktemp("undisturbed"))
    assert run_cells(grid(whole), jobs=3, run=fake_cell, executor=ThreadExecutor(3)) == []
    child = multiprocessing.get_context("fork").Process(
        target=run_cells,
        args=(grid(root),),
        kwargs={"jobs": 1, "run": killed_at, "executor": ThreadExecutor(1)},
    )
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    before = results(root)
    assert len(before) == 2
    told: list[str] = []
    assert (
        run_cells(grid(root), jobs=1, run=fake_cell, progress=told.append, executor=ThreadExecutor(1)) == []
    )
    assert sorted(told) == sorted(cell.name for cell in grid(root))
    assert len((root / "log").read_text().splitlines()) == len(grid(root)), "a finished cell was run again"
    after = results(root)
    assert after == results(whole)
    assert {name: after[name] for name in before} == before


def test_other_settings_and_damage_are_refused_before_anything_runs(root):
    cells = grid(root, seeds=1)
    run_cells(cells[:1], jobs=1, run=fake_cell, executor=ThreadExecutor(1))
    with pytest.raises(DataError, match="different settings"):
        run_cells(grid(root, seeds=1, experiments=9), jobs=1, run=fake_cell, executor=ThreadExecutor(1))
    cells[0].path.write_text(cells[0].path.read_text().replace('"scored": ', '"scored": -'))
    with pytest.raises(DataError, match="scored"):
        run_cells(cells, jobs=1, run=fake_cell, executor=ThreadExecutor(1))
    assert (root / "log").read_text().splitlines() == [cells[0].name]


def test_a_cell_that_fails_is_named_and_the_others_go_on(root):
    def run(cell: Cell) -> CellResult:
        if cell.variant == "policy-greedy":
            raise DataError("no such luck")
        return fake_cell(cell)

    failed = run_cells(grid(root, seeds=1), jobs=1, run=run, executor=ThreadExecutor(1))
    assert [(one.name, one.reason) for one in failed] == [("fake.policy-greedy.0", "no such luck")]
    assert len(results(root)) == 2


def test_what_one_cell_had_trained_another_takes_and_its_trace_does_not_show_it(tmp_path):
    class Labs:
        made_with: dict = {}  # noqa: RUF012

        def __init__(self, log):
            self.log = log

        def lab(self, settings, stage):
            return FakeLab(lambda what, text: self.log.append(text))

    log: list[str] = []
    traces = []
    for _ in range(2):
        lab = SharedLabs(Labs(log), tmp_path / "shared.jsonl").lab(LabSettings(), STAGE)
        trace = Trace("1")
        lab.run("# the first program\n", 1, trace)
        traces.append(trace.to_rows())
    assert len(log) == 1
    assert traces[0] == traces[1] == []


def cell(variant: str, seed: int, best: float, discoveries: int = 2) -> CellResult:
    return CellResult(
        variant=variant, seed=seed, settings="0" * 64, experiments=5, scored=5, discoveries=discoveries,
        best=best, mean=best / 2, scale="as small as it gets",
    )  # fmt: skip


def test_an_effect_is_found_where_there_is_one_and_not_where_there_is_none():
    luck = [0.50, 0.61, 0.47, 0.58, 0.55, 0.66, 0.49, 0.53]
    cells = [
        *(cell("whole", n, value) for n, value in enumerate(luck)),
        *(cell("without-novelty", n, value - 0.1 - 0.01 * (n % 3)) for n, value in enumerate(luck)),
        *(cell("policy-random", n, value + 0.02 * (-1) ** n) for n, value in enumerate(luck)),
    ]
    found = ablation_of("made up", cells, seed=1, resamples=2000)
    rows = {(row.variant, row.measure): row for row in found.effects}
    worse, same = rows["without-novelty", "best"], rows["policy-random", "best"]
    assert worse.difference_high < -0.09
    assert worse.p_value == 2 / 2**8
    assert worse.holm_p_value == 2 * worse.p_value
    assert same.difference_low < 0 < same.difference_high
    assert same.p_value > 0.5
    assert rows["whole", "best"].difference is None
    assert rows["policy-random", "discoveries"].difference == 0
    text = found.text()
    assert "not the paper's" in text
    assert "as small as it gets" in text
    assert "With 8 pairs no p-value is below 0.00781" in text


def test_one_seed_has_no_interval_and_no_p():
    found = ablation_of("one", [cell("whole", 0, 0.5), cell("policy-random", 0, 0.7)], seed=1, resamples=200)
    row = found.effects[1]
    assert (row.difference, row.difference_low, row.p_value) == (pytest.approx(0.2), None, None)


def test_the_interval_of_a_rate_ends_where_a_rate_does():
    cells = [cell("whole", n, 0.5, discoveries=found) for n, found in enumerate((0, 1, 5))]
    rows = {row.measure: row for row in ablation_of("rates", cells, seed=1, resamples=200).effects}
    assert (rows["discoveries"].low, rows["discoveries"].high) == (0.0, 100.0)
    assert rows["discoveries"].mean == pytest.approx(40)


def test_the_sign_flip_test_is_exact_for_few_and_close_to_it_for_many():
    rng = np.random.default_rng(1)
    assert sign_flip_test([1.0, 2.0, 3.0], rng=rng, resamples=10) == 0.25
    assert sign_flip_test([1.0, -1.0], rng=rng, resamples=10) == 1.0
    assert sign_flip_test([0.0, 0.0, 0.0], rng=rng, resamples=10) == 1.0
    many = rng.normal(0.4, 1, 20)
    assert sign_flip_test(many, rng=rng, resamples=4000) == pytest.approx(
        sign_flip_test(many[:16], rng=rng, resamples=1), abs=0.2
    )


def test_the_command_shows_what_is_finished_and_says_where_there_is_nothing(root, monkeypatch):
    monkeypatch.setenv("ASI_REPRO_HOME", str(root))
    nothing = CliRunner().invoke(app, ["ablate", "--show", "--run", "fake"])
    assert nothing.exit_code != 0
    run_cells(grid(root, seeds=1), jobs=1, run=fake_cell, executor=ThreadExecutor(1))
    shown = CliRunner().invoke(app, ["ablate", "--show", "--run", "fake", "--json"])
    document = json.loads(shown.stdout)
    assert [one["variant"] for one in document["cells"]] == ["whole", "policy-greedy", "without-references"]
    assert document["origin"] == module.ORIGIN
    assert len(read_cells(root, "fake")) == 3
    kept = DiscoveryRun(root / "artifacts" / "runs" / "fake.whole.0")
    assert len(kept.finished()) == 7
