"""The report's matrix of capability probes."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.figure import Figure
from sweep_rows import probe_row

from asi_repro.errors import DataError
from asi_repro.project import Project
from asi_repro.report.drawing import render
from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Drawing, Paragraph
from asi_repro.report.sections.probes import blocks
from asi_repro.results.probe_matrix import MATRIX, ProbeMatrix, make_matrix, write_matrix

TITLES = {"recall": "associative recall", "parity": "parity"}


def made_up_matrix() -> ProbeMatrix:
    rows = [probe_row("delta_net", "recall", seed, 0.4 + 0.014 * seed) for seed in (0, 1)]
    rows += [probe_row("0007-better", "recall", 0, 0.9), probe_row("0007-better", "parity", 0, None)]
    rows += [probe_row("0008-same", "recall", 0, 0.41)]
    return make_matrix(rows, TITLES)


def test_without_a_summary_there_is_no_section(tmp_path: Path) -> None:
    assert blocks(Inputs(Project(tmp_path))) is None


def test_the_matrix_shows_scores_marks_and_what_was_not_run(tmp_path: Path) -> None:
    project = Project(tmp_path)
    write_matrix(made_up_matrix(), project.artifacts / MATRIX)
    found = blocks(Inputs(project))
    assert found is not None
    said, noise, drawing = found
    assert isinstance(said, Paragraph)
    assert isinstance(noise, Paragraph)
    assert isinstance(drawing, Drawing)
    assert "1 above and 0 below of 2" in said.text
    assert "one seed deviates by 0.010" in noise.text
    figure = Figure()
    drawing.draw(figure)
    shown = [text.get_text() for text in figure.axes[0].texts]
    assert sorted(shown) == ["0.41", "0.41", "0.90 +", "failed", "not run", "not run"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == list(made_up_matrix().models)
    assert render(drawing).png == render(drawing).png
    assert drawing.data[0].records()[0]["chance"] == 0.0625


def test_a_damaged_summary_is_one_error(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.artifacts.mkdir()
    (project.artifacts / MATRIX).write_text('{"tasks": 1}')
    with pytest.raises(DataError, match="not a result"):
        blocks(Inputs(project))
