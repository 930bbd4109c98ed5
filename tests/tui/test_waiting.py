"""Tabs that take long, keys that come meanwhile, and what is made ready while nobody asks for it."""

from __future__ import annotations

import asyncio
import gc
import shutil
import time
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from browsing import HeardApp, press, run_app, screen_text, settle
from textual.events import Key

from asi_repro.archive.reader import Program
from asi_repro.tui.deep_link import Link
from asi_repro.tui.preload import preload, relax_garbage_collection
from asi_repro.tui.run_data import Source, archive_paths
from asi_repro.tui.tabs.motivation import MotivationTab
from asi_repro.tui.tabs.program import ProgramTab
from asi_repro.tui.tabs.tab import Tab


def programs(source: Source) -> list[Program]:
    return list(source.archive.programs())


def test_what_another_experiment_has_is_not_shown_while_a_tab_is_read(
    synthetic_source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (p.index for p in programs(synthetic_source)[:2])
    go_on, read = Event(), MotivationTab.read

    def slowly(tab: MotivationTab, index: int) -> Any:
        if index == other:
            assert go_on.wait(30)
        return read(tab, index)

    monkeypatch.setattr(MotivationTab, "read", slowly)

    async def go() -> None:
        async with run_app(synthetic_source, start=Link(experiment=one, tab="motivation")) as pilot:
            assert programs(synthetic_source)[0].sha256[:10] in screen_text(pilot.app)
            await pilot.press("G")
            await pilot.press(*str(other), "enter")
            await pilot.pause(0.3)
            waiting = screen_text(pilot.app)
            assert "reading …" in waiting
            assert "SHA-256" not in waiting
            go_on.set()
            await settle(pilot)
            shown = screen_text(pilot.app)
            assert "reading …" not in shown
            assert programs(synthetic_source)[1].sha256[:10] in shown
            assert pilot.app.focused.id == "motivation-lines"

    asyncio.run(go())


def test_another_tab_can_be_asked_for_meanwhile(
    synthetic_source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, read = Event(), MotivationTab.read

    def slowly(tab: MotivationTab, index: int) -> Any:
        assert go_on.wait(30)
        return read(tab, index)

    monkeypatch.setattr(MotivationTab, "read", slowly)

    async def go() -> None:
        # Not `run_app`, which would wait until the tab is read.
        app = HeardApp(
            synthetic_source,
            start=Link(experiment=programs(synthetic_source)[0].index, tab="motivation"),
            watch=False,
        )
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause(0.3)
            assert "reading …" in screen_text(pilot.app)
            await pilot.press("P")
            await pilot.pause(0.3)
            assert "import" in screen_text(pilot.app)
            go_on.set()  # comes too late to take the other's place
            await settle(pilot)
            assert "import" in screen_text(pilot.app)
            assert pilot.app.focused.id == "program-lines"

    asyncio.run(go())


def test_a_key_right_after_the_tabs_own_is_the_tabs(synthetic_source: Source) -> None:
    async def go() -> None:
        async with run_app(synthetic_source, start=programs(synthetic_source)[0].index) as pilot:
            pilot.app.post_message(Key("P", "P"))
            pilot.app.post_message(Key("z", "z"))  # fold all
            await settle(pilot)
            assert pilot.app.query_one(ProgramTab).folded

    asyncio.run(go())


def test_going_through_the_siblings_fast_ends_at_the_last(synthetic_source: Source) -> None:
    lineage = synthetic_source.archive.lineage
    siblings = next(under for e in lineage.walk() if len(under := lineage.children(e)) > 5)

    async def go() -> None:
        async with run_app(synthetic_source, start=siblings[0]) as pilot:
            for _ in siblings[1:]:
                pilot.app.post_message(Key("full_stop", "."))
            await pilot._wait_for_screen(60)
            await settle(pilot)
            assert pilot.app.view("experiment").experiment.index == siblings[-1]
            assert f" {siblings[-1]} " in screen_text(pilot.app).splitlines()[1]

    asyncio.run(go())


@pytest.mark.parametrize("damage", ["nothing", "no tables", "cut off"])
def test_making_ready_says_nothing_of_what_is_missing(
    synthetic_root: Path, tmp_path: Path, damage: str
) -> None:
    folder = tmp_path / "artifacts" / "archive"
    shutil.copytree(synthetic_root / "artifacts" / "archive", folder)
    for table in folder.glob("*.parquet"):
        if damage == "no tables":
            table.unlink()
        elif damage == "cut off":
            table.write_bytes(table.read_bytes()[:-50])
    source = Source(archive_paths(folder))
    preload(source)
    assert bool(source._kept) == (damage == "nothing")


def test_the_collector_stays_as_it_is_where_the_app_is_left_while_it_reads_ahead(
    synthetic_source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go_on = Event(), Event()

    def slowly(source: Source) -> None:
        began.set()
        assert go_on.wait(30)

    monkeypatch.setattr("asi_repro.tui.app.preload", slowly)
    before = gc.get_threshold()

    async def go() -> None:
        async with run_app(synthetic_source) as pilot:
            while not began.is_set():
                await pilot.pause(0.05)
        go_on.set()

    asyncio.run(go())  # waits for the thread
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)


def test_pythons_collector_is_as_before_when_the_app_is_left(
    synthetic_source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, counts = gc.get_threshold(), list[int]()

    def relax() -> None:
        relax_garbage_collection()
        counts.append(gc.get_freeze_count())

    monkeypatch.setattr("asi_repro.tui.app.relax_garbage_collection", relax)

    async def go() -> None:
        async with run_app(synthetic_source) as pilot:
            deadline = time.monotonic() + 30
            while len(counts) < 2:  # until what is read ahead has been read
                assert time.monotonic() < deadline
                await pilot.pause(0.05)
            assert counts[0] > 0
            assert gc.get_threshold()[0] > before[0]

    asyncio.run(go())
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)


def test_the_view_of_an_experiment_is_made_while_nobody_waits_and_follows_the_cursor(
    synthetic_source: Source,
) -> None:
    async def go() -> None:
        async with run_app(synthetic_source) as pilot:
            app, deadline = pilot.app, time.monotonic() + 30
            while app.view("experiment") is None or not app.view("experiment").query(Tab):
                assert time.monotonic() < deadline
                await pilot.pause(0.05)
            assert app.run_state.view == "lineage"
            before = app.view("experiment")
            await press(pilot, "down", "down", "2")
            assert app.view("experiment") is before
            assert screen_text(app).splitlines()[1].split()[0] == str(app.run_state.index)
            await press(pilot, "1", "down", "2")
            assert before.experiment.index != app.run_state.index, "once opened it keeps its experiment"

    asyncio.run(go())


def test_patience_that_ends_in_the_moment_in_which_the_tab_is_filled(
    synthetic_source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def too_late(waiting: Any, timeout: float) -> None:
        await waiting
        raise asyncio.TimeoutError

    monkeypatch.setattr("asi_repro.tui.tabs.tab.asyncio.wait_for", too_late)

    async def go() -> None:
        program = programs(synthetic_source)[0]
        async with run_app(synthetic_source, start=Link(experiment=program.index, tab="motivation")) as pilot:
            assert program.sha256[:10] in screen_text(pilot.app)

    asyncio.run(go())
