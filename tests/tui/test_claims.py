"""The view of claims: what it shows, where its rows lead, and what it does with a bad ledger."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from browsing import SIZES, notices, press, run_app, screen_text, still
from snapshots import check_screen

from asi_repro.project import Project
from asi_repro.tui.run_data import Source, release_paths
from asi_repro.tui.widgets.line_list import LineList


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_screen(made_up_source: Source, size: tuple[int, int]) -> None:
    async def go() -> None:
        async with run_app(made_up_source, size=size) as pilot:
            await press(pilot, "3")
            await still(pilot)
            check_screen(pilot.app, "claims")
            await press(pilot, "down", "down")
            await still(pilot)
            check_screen(pilot.app, "claims-hostile")
            shown = screen_text(pilot.app)
            assert "\x1b" not in shown
            assert "\u202e" not in shown
            assert "[bold]markup[/bold]" in shown

    asyncio.run(go())


def test_panes_fill_the_width_that_they_get(made_up_source: Source) -> None:
    """However late it comes: on a slow machine, after the view has drawn itself."""

    async def go() -> None:
        async with run_app(made_up_source, size=(200, 60)) as pilot:
            await press(pilot, "3")
            await still(pilot)
            for width in (150, 90):
                listed = pilot.app.query_one("#claims-list", LineList)
                listed.styles.width = width
                await still(pilot)
                line = next(one for one in listed.lines if one.key == "counts")
                assert listed.size.width - 10 < len(line.text.plain) <= listed.size.width <= width

    asyncio.run(go())


def test_verdicts_are_filtered_and_rows_lead_to_experiments(made_up_source: Source) -> None:
    async def go() -> None:
        async with run_app(made_up_source, size=(120, 40)) as pilot:
            await press(pilot, "3", "f", "f")
            listed = pilot.app.query_one("#claims-list", LineList)
            assert [line.key for line in listed.lines if line.rest] == ["order"]
            await press(pilot, "f", "f", "f", "s")
            headings = [line.text.plain for line in listed.lines if not line.rest and line.text.plain]
            assert headings == ["Reproduced", "Contradicted", "Not checkable", "Not yet run"]
            await press(pilot, "s", "f", "f")
            await press(pilot, "n", "n")
            detail = pilot.app.query_one("#claims-detail", LineList)
            wanted = list(pilot.app.source.archive.experiments)[6]
            assert detail.line is not None
            assert detail.line.key == wanted
            await press(pilot, "enter")
            assert (pilot.app.run_state.view, pilot.app.run_state.index) == ("experiment", wanted)
            await press(pilot, "escape")
            assert pilot.app.run_state.view == "claims"
            # An index that is not in the run is a row, not a way.
            keys = [line.key for line in detail.lines]
            assert 10**9 not in keys

    asyncio.run(go())


@pytest.mark.parametrize(
    "ledger",
    [
        None,
        "[" * 100_000,
        json.dumps({"schema_version": 99, "claims": []}),
        json.dumps({"schema_version": 1, "claims": [{"id": "x"}]}),
        json.dumps({"schema_version": 1, "claims": 7}),
    ],
    ids=["missing", "deep", "newer", "half", "number"],
)
def test_a_bad_ledger_is_told(made_up_root: Path, tmp_path: Path, ledger: str | None) -> None:
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / "archive").symlink_to(made_up_root / "artifacts" / "archive")
    project = Project(tmp_path)
    if ledger is not None:
        project.claims.write_text(ledger)

    async def go() -> None:
        async with run_app(Source(release_paths(project), project)) as pilot:
            await press(pilot, "3")
            assert "dvc repro" in screen_text(pilot.app) + notices(pilot.app)

    asyncio.run(go())


def test_the_claim_is_kept_between_sessions(made_up_source: Source, tmp_path: Path) -> None:
    state = tmp_path / "state.json"

    async def go() -> None:
        async with run_app(made_up_source, state=state) as pilot:
            await press(pilot, "3", "down", "q")
        async with run_app(made_up_source, state=state) as pilot:
            line = pilot.app.query_one("#claims-list", LineList).line
            assert line is not None
            assert line.key == "order"

    asyncio.run(go())


def test_with_room_the_list_is_wide_enough_for_what_was_found(made_up_source: Source) -> None:
    async def go() -> None:
        async with run_app(made_up_source, size=(200, 40)) as pilot:
            await press(pilot, "3")
            width = pilot.app.query_one("#claims-list").outer_size.width
            assert abs(width - 100) <= 1
            assert "found of counts" in screen_text(pilot.app)[: 200 * 8]

    asyncio.run(go())
