"""The app around the views: start, help, palette, jump, state, bad input."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from browsing import notices, press, run_app, screen_text

from asi_repro.tui.help import HelpScreen
from asi_repro.tui.source import Source, archive_place


def test_no_archive_says_what_to_type(tmp_path: Path) -> None:
    async def go() -> None:
        async with run_app(Source(archive_place(tmp_path / "none"))) as pilot:
            shown = screen_text(pilot.app)
            assert "there is no archive" in shown
            assert "asi-repro pull" in shown

    asyncio.run(go())


def test_help_lists_the_bindings_themselves(synthetic_source: Source) -> None:
    async def go() -> None:
        async with run_app(synthetic_source, size=(120, 60)) as pilot:
            await press(pilot, "question_mark")
            assert isinstance(pilot.app.screen, HelpScreen)
            shown = screen_text(pilot.app)
            for binding in pilot.app.BINDINGS:
                assert binding.tooltip[:40] in shown or binding.description in shown
            await press(pilot, "escape")
            assert not isinstance(pilot.app.screen, HelpScreen)

    asyncio.run(go())


def test_broken_state_file_is_told_and_replaced(synthetic_source: Source, tmp_path: Path) -> None:
    state = tmp_path / "browse.json"
    state.write_text('{"format": 1, "theme": [')

    async def go() -> None:
        async with run_app(synthetic_source, state=state) as pilot:
            assert "could not be read" in notices(pilot.app)
            await press(pilot, "ctrl+t", "q")

    asyncio.run(go())
    assert json.loads(state.read_text())["theme"] == "repro-light"
