"""The section on a sweep recorded row by row, and the paragraph on winners trained again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from report_runs import make_project
from report_searches import add_search
from sweep_rows import made_up_row, made_up_sweep

from asi_repro.errors import DataError
from asi_repro.project import Project
from asi_repro.report.drawing import render
from asi_repro.report.figures.recorded_sweep import models_of, paper_drawing
from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Drawing, Paragraph, Table
from asi_repro.report.sections import discovery, recorded_sweep
from asi_repro.results.recorded_sweep import read_sweep
from asi_repro.results.sweep_rows import write_row


def project_with(tmp_path: Path, rows) -> Project:
    project = make_project(tmp_path)
    (project.root / "params.yaml").write_text("seed: 1\nclaims:\n  resamples: 200\n")
    for row in rows:
        write_row(row, project.artifacts / "sweeps" / "laptop")
    return project


def test_losses_ranks_reliability_and_the_sentence_are_shown(tmp_path: Path) -> None:
    rows, _ = made_up_sweep(0.1, 0.01, agree=True, models=12)
    found = recorded_sweep.blocks(Inputs(project_with(tmp_path, rows)))
    assert found is not None
    texts = [block.text for block in found if isinstance(block, Paragraph)]
    assert "completed training: 12 of 10; 12 of those compared have two seeds" in texts[0]
    assert "not a reproduction" in texts[0]
    ranks, cost = (block for block in found if isinstance(block, Drawing))
    assert [row[0] for row in ranks.data[0].rows] == list(range(1, 14))
    losses = [row[3] for row in ranks.data[0].rows]
    assert losses == sorted(losses)
    assert all(row[4] > 0 for row in ranks.data[0].rows)
    for drawing in (ranks, cost):
        assert b"PNG" in render(drawing).png[:8]
    against, reliability = (block for block in found if isinstance(block, Table))
    name, lower, higher, undecided, _ = against.rows[0]
    assert (name, higher) == ("delta_net", "0")
    assert int(lower) + int(undecided) == 12
    assert int(lower) > 0
    assert float(reliability.rows[0][4]) > 0.9


def test_noise_alone_is_called_noise(tmp_path: Path) -> None:
    rows, _ = made_up_sweep(0.0, 0.1, agree=False, models=12)
    found = recorded_sweep.blocks(Inputs(project_with(tmp_path, rows)))
    assert found is not None
    reliability = [block for block in found if isinstance(block, Table)][-1]
    assert float(reliability.rows[0][4]) < 0.6


def test_the_paper_s_losses_stand_beside_ours_where_table_2_has_them() -> None:
    rows, paper = made_up_sweep(0.1, 0.01, agree=True, models=12)
    sweep = read_sweep(rows, paper=paper, total=106, seed=1, resamples=200)
    drawing = paper_drawing(sweep, "laptop", paper)
    assert drawing is not None
    assert "12 architectures; Spearman" in drawing.alt
    assert len(drawing.data[0].rows) == 12
    assert b"PNG" in render(drawing).png[:8]
    assert paper_drawing(sweep, "laptop", {}) is None


def test_a_single_seed_has_no_interval_and_no_rows_no_section(tmp_path: Path) -> None:
    rows = [made_up_row("0001-a", 0, 1.5), made_up_row("0002-b", 0, 1.6)]
    assert all(m.reach == 0 for m in models_of(read_sweep(rows, paper={}, total=2, seed=1, resamples=200)))
    assert recorded_sweep.blocks(Inputs(make_project(tmp_path))) is None


def retest(**changes):
    noise = {
        "deviation": 0.01, "freedom": 20, "better": 30, "beyond": 12, "beyond_by_chance": 2.0,
        "beyond_corrected": 4,
    }  # fmt: skip
    gain = {"mean": 0.05, "low": 0.02, "high": 0.08, "p_value": 0.001, "seeds": 3}
    winner = {"index": 2, "name": "<b>", "claimed": {"loss": 0.1}, "again": {"loss": gain}}
    return {
        "schema": 1, "run": "control", "experiments": 40, "beats": 9, "beats_by_chance": 10.0, "seeds": [2, 3],
        "noise": {"loss": noise}, "winners": [winner], "trainings": [],
    } | changes  # fmt: skip


def test_retested_winners_are_counted(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    add_search(project)
    path = project.artifacts / "recorded" / "control" / "retest.json"
    path.write_text(json.dumps(retest()))
    found = discovery.blocks(Inputs(project))
    assert found is not None
    text = [block.text for block in found if isinstance(block, Paragraph)][-1]
    assert "9 of 40 experiments beat the baseline in both metrics; if all were equal, 10 would" in text
    assert "1 stay better in both, 1 in loss and 0 in accuracy" in text
    table = [block for block in found if isinstance(block, Table)][-1]
    assert table.rows == (("loss", "0.0100", "30", "12", "2", "4", "+0.1000", "+0.0500"),)
    path.write_text(json.dumps(retest(seeds="two")))
    with pytest.raises(DataError, match="not a result"):
        _ = Inputs(project).retests
