"""Runs over each other in the Runs view: the curves and numbers of `asi-repro compare`, by key presses."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from browsing import notices, press, run_app, screen_text
from snapshots import check_screen
from textual.pilot import Pilot
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "imports"))

from import_places import imported, write_neutral  # noqa: E402

from asi_repro.cli import app as cli  # noqa: E402
from asi_repro.project import Project  # noqa: E402
from asi_repro.tui.run_data import Source, run_paths  # noqa: E402
from asi_repro.tui.widgets.line_list import LineList  # noqa: E402
from asi_repro.tui.widgets.plot import Plot  # noqa: E402

NAMES = ("long-1", "long-2", "short")


def nodes(seed: int, count: int, *, cost: bool) -> list[dict[str, Any]]:
    """A run whose every second program is a child of the first, the others of the last; lower is better."""
    draw = random.Random(seed)
    found: list[dict[str, Any]] = [{"id": "0", "score": 5.0, "program": "x = 0\n"}]
    for number in range(1, count + 1):
        parent = "0" if number % 2 else str(number - 1)
        score = round(5 - draw.random() * (1 + number / count), 4)
        node = {"id": str(number), "parents": [parent], "score": score, "program": f"x = {number}\n"}
        found.append(node | {"tokens": 100 + number, "iteration": number} | ({"cost": 0.5} if cost else {}))
    return found


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    root = tmp_path_factory.mktemp("compared")
    (root / "dvc.yaml").write_text("stages: {}\n")
    shutil.copy(ROOT / "params.yaml", root)
    for seed, (name, count) in enumerate(zip(NAMES, (40, 40, 20), strict=True)):
        place = write_neutral(root / f"{name}.jsonl", nodes(seed, count, cost=name == "short"))
        imported(place, root / "artifacts" / "runs" / name)
    project = Project(root)
    return Source(run_paths(project, project.artifacts / "runs" / "short"), project)


def compared(source: Source, size: tuple[int, int], then: Callable[[Pilot[object]], Awaitable[None]]) -> None:
    """The Runs view with two runs drawn over each other, compared with the third."""

    async def go() -> None:
        async with run_app(source, size=size) as pilot:
            await press(pilot, "6")
            for name in NAMES[:2]:
                pilot.app.query_one("#runs-list", LineList).go(name)
                await press(pilot, "x")
            pilot.app.query_one("#runs-list", LineList).go("short")
            await press(pilot, "c")
            await then(pilot)

    asyncio.run(go())


def figure(pilot: Pilot[object]) -> Any:
    return pilot.app.screen.query_one(Plot).figure


def unit(pilot: Pilot[object]) -> str:
    return str(figure(pilot).title.split(" over ")[1].split(";")[0])


def means(pilot: Pilot[object]) -> dict[str, list[tuple[float, float]]]:
    return {one.label: list(one.points) for one in figure(pilot).series if one.label}


def test_the_curves_and_numbers_are_those_of_the_command(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert source.project is not None
    monkeypatch.setenv("ASI_REPRO_HOME", str(source.project.root))
    done = CliRunner().invoke(cli, ["compare", *NAMES, "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)

    async def look(pilot: Pilot[object]) -> None:
        assert figure(pilot).title.startswith("best so far, over experiments; dotted")
        lines = means(pilot)
        assert set(lines) == {*NAMES, *(f"{name}: best of N" for name in NAMES)}
        for run in found["runs"]:
            assert lines[run["name"]][-1] == (run["experiments"], run["best"])
            assert f"{run['best']:.6g}" in screen_text(pilot.app)
            null = lines[f"{run['name']}: best of N"][-1]
            assert null[1] == pytest.approx(run["best_of_n"]["expected"], abs=0.02)
        seen = [unit(pilot)]
        for _ in range(3):
            await press(pilot, "b")
            seen.append(unit(pilot))
        assert seen == ["experiments", "evaluations", "tokens", "usd"]  # no run has seconds
        assert set(means(pilot)) == {"short", "short: best of N"}  # the others do not say what they cost
        assert "Not recorded by any of them: seconds" in " ".join(screen_text(pilot.app).split())
        await press(pilot, "b")
        assert unit(pilot) == "experiments"
        await press(pilot, "B", "B")
        assert means(pilot)["long-1"][-1][0] == sum(100 + n for n in range(1, 41))
        await press(pilot, "d")
        for run in found["runs"]:
            assert means(pilot)[run["name"]][-1][1] == run["discoveries"]

    compared(source, (200, 60), look)


def test_where_less_is_better_the_best_is_the_lowest(source: Source) -> None:
    async def go() -> None:
        async with run_app(source, size=(120, 40)) as pilot:
            await press(pilot, "6")
            pilot.app.query_one("#runs-list", LineList).go("long-1")
            await press(pilot, "x")
            (line,) = pilot.app.query_one("#runs-plot", Plot).figure.series
            scores = [node["score"] for node in nodes(0, 40, cost=False)]
            assert line.points[0] == (1.0, 5.0)
            assert line.points[-1] == (41.0, min(scores))

    asyncio.run(go())


def test_the_null_can_be_left_out_and_the_runs_be_one_group(source: Source) -> None:
    async def look(pilot: Pilot[object]) -> None:
        await press(pilot, "n")
        assert set(means(pilot)) == set(NAMES)
        await press(pilot, "n", "o")
        assert set(means(pilot)) == {"all 3 runs"}
        middle, *edges = sorted(figure(pilot).series, key=lambda one: not one.label)
        low, high = (dict(edge.points) for edge in edges)
        inside = dict(middle.points)
        assert all(low[x] <= inside[x] <= high[x] for x in inside)
        assert max(inside) == 20  # as far as the shortest
        await press(pilot, "escape")
        assert "Runs compared" not in screen_text(pilot.app)

    compared(source, (120, 40), look)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)
def test_compared_screen(source: Source, size: tuple[int, int]) -> None:
    async def look(pilot: Pilot[object]) -> None:
        await pilot.pause()
        check_screen(pilot.app, "runs-compared")

    compared(source, size, look)


def test_a_run_that_cannot_be_compared_says_why(source: Source, tmp_path: Path) -> None:
    assert source.project is not None
    project = Project(tmp_path)
    shutil.copytree(source.project.root, tmp_path, dirs_exist_ok=True)
    place = write_neutral(tmp_path / "one.jsonl", [{"id": "0", "score": 1.0}])
    imported(place, tmp_path / "artifacts" / "runs" / "alone")

    async def go() -> None:
        alone = Source(run_paths(project, project.artifacts / "runs" / "short"), project)
        async with run_app(alone, size=(120, 40)) as pilot:
            await press(pilot, "6")
            pilot.app.query_one("#runs-list", LineList).go("alone")
            await press(pilot, "c")
            assert "no experiments apart from its baseline" in notices(pilot.app)

    asyncio.run(go())
