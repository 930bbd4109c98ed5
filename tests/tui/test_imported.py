"""An imported run in every view: several roots, ghosts, hostile names, no curve, no gallery, no policy."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from browsing import press, run_app, screen_text, settle

from asi_repro.archive.node_model import UNKNOWN, Objective
from asi_repro.errors import NotFound
from asi_repro.imports.folder import write_import
from asi_repro.imports.formats import read_run
from asi_repro.project import Project
from asi_repro.tui.deep_link import Link
from asi_repro.tui.lineage_columns import LineageValues, better_first
from asi_repro.tui.lineage_rows import best_child
from asi_repro.tui.messages import Compare
from asi_repro.tui.registry import VIEWS
from asi_repro.tui.run_data import Source, run_paths
from asi_repro.tui.tabs.overview import score_fact
from asi_repro.tui.widgets.card import best_children
from asi_repro.tui.widgets.run_picture import records
from asi_repro.tui.widgets.score import ScoreScale


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    root = tmp_path_factory.mktemp("imported")
    header = {"format": "asi_repro.run/1", "score": "loss", "direction": "minimize"}
    nodes = [
        {"id": "a/b\x1b[2J", "score": 3.0, "program": "x = 1\n", "motivation": "first"},
        {"id": "second root", "score": None, "status": "failed", "program": "x = (\n"},
        {"id": "child", "parents": ["a/b\x1b[2J", "lost"], "score": 2.0, "program": "x = 2\n"},
    ]
    place = root / "run.jsonl"
    place.write_text("".join(json.dumps(line) + "\n" for line in [header, *nodes]))
    folder = root / "artifacts" / "runs" / "mine"
    write_import(read_run(place), folder)
    return Source(run_paths(Project(root), folder), Project(root))


@pytest.mark.slow
def test_every_view_and_tab_opens(source: Source) -> None:
    async def go() -> None:
        async with run_app(source, size=(140, 50)) as pilot:
            assert "child" in screen_text(pilot.app)
            for view in VIEWS:
                await press(pilot, view.key, "down", "down", "right")
                assert "\x1b" not in screen_text(pilot.app)
            await press(pilot, "1", "enter")
            for _ in range(8):
                await press(pilot, "]")
            assert "child" in screen_text(pilot.app)

    asyncio.run(go())


def test_the_trace_tab_shows_what_was_recorded(source: Source) -> None:
    async def go() -> None:
        async with run_app(source, size=(120, 40), start=1) as pilot:
            await press(pilot, "R", "z")
            shown = screen_text(pilot.app)
            assert "experiment" in shown
            assert "evaluation" in shown
            assert "import.status  finished" in shown
            assert "\x1b" not in shown

    asyncio.run(go())


def test_what_is_of_the_release_is_not_said_of_another_run(source: Source) -> None:
    async def go() -> None:
        async with run_app(source, size=(140, 50), start=1) as pilot:
            shown = screen_text(pilot.app)
            assert "depth 0, 1 child" in shown
            assert "1 children" not in shown
            assert "released" not in shown
            for key, wanted in (
                ("C", "only token mixers"),
                ("4", "only token mixers"),
                ("5", "states no policy that can be audited"),
                ("9", "run `asi-repro report run mine`"),
            ):
                await press(pilot, key)
                assert wanted in screen_text(pilot.app)
            await press(pilot, "6")
            assert "beat first   1" in screen_text(pilot.app)
            assert "gallery " not in screen_text(pilot.app)
            await press(pilot, "2", "M")
            assert "not stated" not in screen_text(pilot.app)
            pilot.app.post_message(Compare([1, 3]))
            await settle(pilot)
            compared = screen_text(pilot.app)
            assert "gallery" not in compared
            assert "parameters" not in compared
            assert "Training loss: none of them has a curve" in compared
            await press(pilot, "1")
            assert "◆ program recorded" in screen_text(pilot.app)
            assert "score<2 has:program text:word" in screen_text(pilot.app)
            assert "gallery" not in screen_text(pilot.app)
            report = source.paths.archive.parent / "report"
            report.mkdir()
            (report / "report.md").write_text("# The run mine\n\nas its files tell\n")
            await press(pilot, "9", "ctrl+r")
            assert "as its files tell" in screen_text(pilot.app)

    asyncio.run(go())
    with pytest.raises(NotFound, match=r"was not recorded"):
        source.archive.program(source.archive.find("lost").index)


def test_browsing_imports_no_pandas(source: Source) -> None:
    """Arrow does so for a filter or a Python value; it takes half a second and 100 MB."""
    code = (
        "import asyncio, sys; from pathlib import Path\n"
        "from browsing import press, run_app, screen_text\n"
        "from asi_repro.tui.registry import TABS; from asi_repro.tui.run_data import Source\n"
        "async def go():\n"
        "    async with run_app(Source.at(Path(sys.argv[1])), size=(120, 40), start=1) as pilot:\n"
        "        await press(pilot, *(spec.key for spec in TABS))\n"
        "        assert 'evaluation' in screen_text(pilot.app), screen_text(pilot.app)\n"
        "asyncio.run(go())\n"
        "print('pandas' in sys.modules)"
    )
    child = subprocess.run(
        [sys.executable, "-c", code, str(source.paths.archive)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True, text=True,
    )  # fmt: skip
    assert child.stdout == "False\n", child.stdout + child.stderr


def test_a_run_without_a_cognition_base_says_so(source: Source) -> None:
    async def go() -> None:
        async with run_app(source, size=(120, 40), start=1) as pilot:
            await press(pilot, "O")
            assert "this run has no cognition base" in screen_text(pilot.app)

    asyncio.run(go())


def test_the_best_is_the_lowest_where_less_is_better(source: Source) -> None:
    archive = source.archive
    every = list(archive.experiments.values())
    lowest = min((e for e in every if e.score is not None), key=lambda e: e.score)
    scale = ScoreScale([e.score for e in every], objective=archive.objective)
    assert scale.step(2.0) > scale.step(3.0)
    assert [y for _, y in records(every, archive.objective)] == [3.0, 2.0]
    assert score_fact(archive, lowest).startswith("2.0000, place 1 of 2")
    assert best_children(archive, lowest.parent)[0] == lowest
    assert best_child(archive.lineage, archive.experiments, lowest.parent, archive.objective) == lowest.index
    assert LineageValues(archive.experiments, archive.lineage, archive).of("best")[lowest.parent] == 2.0
    assert not better_first("score", archive.objective)
    unknown = Objective(direction=UNKNOWN)
    assert best_child(archive.lineage, archive.experiments, lowest.parent, unknown) is None
    assert records(every, unknown) == []


def test_metrics_are_shown_as_they_were_recorded(tmp_path: Path) -> None:
    header = {"format": "asi_repro.run/1", "score": "val_loss", "direction": "minimize"}
    nodes = [
        {
            "id": "a",
            "score": 0.0841,
            "metrics": {"val_loss": 0.0841, "speed": 3.5, "boolq": 250.0},
            "tokens": 1234,
            "program": "x = 1\n",
        },
        {
            "id": "b",
            "parents": ["a"],
            "score": 0.0712,
            "metrics": {"val_loss": 0.0712, "speed": 4.5, "boolq": 0.6},
            "program": "x = 2\n",
        },
    ]
    (tmp_path / "run.jsonl").write_text("".join(json.dumps(line) + "\n" for line in [header, *nodes]))
    folder = tmp_path / "artifacts" / "runs" / "mine"
    write_import(read_run(tmp_path / "run.jsonl"), folder)

    async def go() -> None:
        source = Source(run_paths(Project(tmp_path), folder), Project(tmp_path))
        async with run_app(source, size=(200, 60), start=1) as pilot:
            overview = screen_text(pilot.app)
            assert "1,234" in overview
            assert "speed 3.5" in overview
            assert "certificate" not in overview
            await press(pilot, "T")
            assert "an imported run has no training curves" in screen_text(pilot.app)
            await press(pilot, "H", "b")
            shown = screen_text(pilot.app)
            assert "★ 0.0712" in shown
            assert "5★ " not in shown, "a star stands apart from the column before"
            assert "0.0841" in shown
            assert "8.41" not in shown
            assert "chance" not in shown
            assert "★ 4.5" not in shown
            assert "±" not in shown, "only the release's benchmarks are shares of known items"

    asyncio.run(go())


@pytest.mark.parametrize(
    ("direction", "best"), [("minimize", "2.0000 ▲"), ("maximize", "3.0000 ▲"), ("unknown", None)]
)
def test_the_best_of_those_compared_is_so_by_the_runs_own_score(
    direction: str, best: str | None, tmp_path: Path
) -> None:
    header = {"format": "asi_repro.run/1", "score": "loss", "direction": direction}
    nodes = [{"id": "a", "score": 3.0}, {"id": "b", "parents": ["a"], "score": 2.0}]
    (tmp_path / "run.jsonl").write_text("".join(json.dumps(line) + "\n" for line in [header, *nodes]))
    folder = tmp_path / "artifacts" / "runs" / "two"
    write_import(read_run(tmp_path / "run.jsonl"), folder)
    run = Source(run_paths(Project(tmp_path), folder), Project(tmp_path))

    async def go() -> None:
        async with run_app(run, size=(120, 40), start=Link("compare", 1, others=(2,))) as pilot:
            lines = [line for line in screen_text(pilot.app).splitlines() if " score  " in line]
            assert len(lines) == 1
            assert ("▲" in lines[0]) == (best is not None)
            assert best is None or best in lines[0]

    asyncio.run(go())
