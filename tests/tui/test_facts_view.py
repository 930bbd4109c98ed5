"""The view of facts: what it shows, where its rows lead, and what it does with a bad file."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from browsing import SIZES, notices, press, run_app, screen_text, still
from snapshots import check_screen

from asi_repro.errors import DataError, NotFound
from asi_repro.facts.ledger import read_facts
from asi_repro.project import Project
from asi_repro.tui.app import browse
from asi_repro.tui.deep_link import Link
from asi_repro.tui.run_data import Source, release_paths, run_paths
from asi_repro.tui.widgets.line_layout import table
from asi_repro.tui.widgets.line_list import LineList


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_facts_are_grouped_and_hostile_text_is_text(made_up_source: Source, size: tuple[int, int]) -> None:
    async def go() -> None:
        async with run_app(made_up_source, size=size) as pilot:
            await press(pilot, "0")
            await still(pilot)
            check_screen(pilot.app, "facts")
            shown = screen_text(pilot.app)
            assert "\x1b" not in shown
            assert "\u202e" not in shown
            assert shown.index("What the score measures") < shown.index("How the search went")
            await press(pilot, "down")
            assert "0.5 [0.25, 0.75], share, n = 12" in screen_text(pilot.app)

    asyncio.run(go())


def test_a_fact_leads_to_the_experiments_that_it_names(made_up_source: Source) -> None:
    async def go() -> None:
        async with run_app(made_up_source, size=(120, 40), start=Link(fact="late-wins")) as pilot:
            await press(pilot, "Y", "n")
            assert pilot.app.clipboard == "asi-repro browse --view facts --fact late-wins"
            wanted = list(pilot.app.source.archive.experiments)[6]
            assert pilot.app.query_one("#facts-detail", LineList).line.key == wanted
            await press(pilot, "enter")
            assert (pilot.app.run_state.view, pilot.app.run_state.index) == ("experiment", wanted)
            await press(pilot, "escape", "f", "f")
            listed = [line.key for line in pilot.app.query_one("#facts-list", LineList).lines if line.rest]
            assert listed == ["late-wins"]

    asyncio.run(go())


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([57.86, 60.4, None], ["57.86", "60.40", "–"]),
        ([0.7212, 0.09116, -0.0354], ["0.7212", "0.0912", "-0.0354"]),
        ([1.0, 0.2678, 0.001405], ["1.0000", "0.2678", "0.0014"]),
        ([2.5, 3, True, float("nan")], ["2.5", "3.0", "yes", "nan"]),
        ([12, 7], ["12", "7"]),
        ([0.5, 1e-9], ["0.5", "1e-09"]),
        ([0.0, 0.0], ["0", "0"]),
    ],
)
def test_the_numbers_of_a_column_have_as_many_decimals(values: list[object], shown: list[str]) -> None:
    _, *lines = table([{"value": value} for value in values])
    assert [line.text.plain.strip() for line in lines] == shown


def test_a_fact_that_is_not_there_is_an_error(made_up_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made_up_root)
    monkeypatch.setenv("TEXTUAL_DRIVER", "textual.drivers.headless_driver:HeadlessDriver")
    with pytest.raises(NotFound, match="no fact has the id 'late-win'"):
        browse(fact="late-win")


@pytest.mark.parametrize("change", [{"theme": "weather"}, {"answer": "perhaps"}], ids=str)
def test_a_bad_file_is_told(
    made_up_root: Path, made_up_source: Source, tmp_path: Path, change: dict[str, str]
) -> None:
    found = json.loads(made_up_source.paths.facts.read_text())
    found["facts"][0].update(change)
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / "archive").symlink_to(made_up_root / "artifacts" / "archive")
    project = Project(tmp_path)
    project.facts.write_text(json.dumps(found))
    with pytest.raises(DataError, match="no theme or answer"):
        read_facts(project.facts)

    async def go() -> None:
        async with run_app(Source(release_paths(project), project)) as pilot:
            await press(pilot, "0")
            assert "dvc repro" in screen_text(pilot.app) + notices(pilot.app)

    asyncio.run(go())


def test_facts_are_not_about_a_run_of_our_own(made_up_root: Path, tmp_path: Path) -> None:
    run = tmp_path / "artifacts" / "runs" / "mine"
    run.mkdir(parents=True)
    (run / "archive").symlink_to(made_up_root / "artifacts" / "archive")
    project = Project(tmp_path)

    async def go() -> None:
        async with run_app(Source(run_paths(project, run), project)) as pilot:
            await press(pilot, "0")
            assert "facts are about the release, not about the run mine" in screen_text(pilot.app)

    asyncio.run(go())
