"""The section on searches of our own: its numbers, what it says without them, and damaged files."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from report_runs import make_project
from report_searches import add_search, make_search

from asi_repro.errors import DataError
from asi_repro.project import Project
from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Drawing, Paragraph, Table
from asi_repro.report.searches import read_search
from asi_repro.report.sections import discovery


def test_both_searches_stand_beside_each_other(hostile_project: Project) -> None:
    found = discovery.blocks(Inputs(hostile_project))
    assert found is not None
    [table] = [block for block in found if isinstance(block, Table)]
    ours, release = table.rows
    assert ours[1:] == ("ours, no language model", "3", "100 experiments", "60", "20 to 100", "0.900")
    # Every fourth of 40 experiments is in the gallery, and the root is no experiment of the search.
    assert release[:5] == ("release", "the paper's", "10", "100 experiments", "25.6")
    [drawing] = [block for block in found if isinstance(block, Drawing)]
    with (hostile_project.report / "plots" / "searches.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["discoveries"] for row in rows[:5]] == ["0", "1", "1", "2", "3"]
    assert len(rows) == 5 + 39
    assert rows[4]["share"] == rows[-1]["share"] == "1.0"
    assert "10 in 39" in drawing.alt
    about = [block.text for block in found if isinstance(block, Paragraph)]
    assert "not the paper's" in about[0]


def test_without_a_search_the_section_says_so(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    assert discovery.blocks(Inputs(project)) is None


def test_a_search_that_found_nothing_has_a_table_and_no_curve(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    nothing = [{"experiments": place, "discoveries": 0, "best_score": None} for place in (1, 2)]
    rate = {
        "unit": "100 experiments",
        "interval": {"estimate": 0.0, "low": 0.0, "high": 0.0},
        "line_r2": None,
    }
    add_search(project, curve=nothing, rates=[rate], discoveries=0, experiments=2)
    found = discovery.blocks(Inputs(project))
    assert found is not None
    assert not any(isinstance(block, Drawing) for block in found)
    [table] = [block for block in found if isinstance(block, Table)]
    assert table.rows[0][-1] == "-"


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{",
        "[" * 100_000,
        json.dumps({**make_search(), "schema": 2}),
        json.dumps({**make_search(), "curve": []}),
        json.dumps({**make_search(), "discoveries": "3"}),
        json.dumps(make_search()).replace("60.0", "NaN"),
    ],
)
def test_a_damaged_search_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "control" / "discoveries.json"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(DataError, match="does not contain the results of a discovery run") as error:
        read_search(path)
    assert "--recorded control" in str(error.value.hint)
