"""The app around the views: start, help, palette, jump, state, bad input."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from browsing import notices, press, run_app, screen_text
from rich.text import Text
from textual.app import App, ComposeResult

from asi_repro.errors import NotFound
from asi_repro.tui.help import HelpScreen
from asi_repro.tui.source import Source, archive_paths
from asi_repro.tui.widgets.empty import Empty
from asi_repro.tui.widgets.line_list import Line, LineList


def test_no_archive_says_what_to_type(tmp_path: Path) -> None:
    async def go() -> None:
        async with run_app(Source(archive_paths(tmp_path / "none"))) as pilot:
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


def test_dialogs_lie_over_what_they_are_about(synthetic_source: Source) -> None:
    async def go() -> None:
        async with run_app(synthetic_source, size=(100, 30)) as pilot:
            name = synthetic_source.archive.experiments[4].label
            assert name in screen_text(pilot.app)
            await press(pilot, "ctrl+o")
            shown = screen_text(pilot.app)
            assert name in shown, "a letter says nothing without the part it is on"
            assert sorted(pilot.app.screen.found) == ["a", "s"], "filter and tree"
            await press(pilot, "a", "x")
            assert pilot.app.view("lineage").state()["filter"] == "x"
            await press(pilot, "escape", "question_mark")
            assert screen_text(pilot.app).splitlines()[0].startswith(" 1 Lineage")

    asyncio.run(go())


def test_the_palette_begins_with_the_views(synthetic_source: Source) -> None:
    async def go() -> None:
        async with run_app(synthetic_source, size=(100, 40)) as pilot:
            await press(pilot, "colon")
            shown = screen_text(pilot.app)
            assert shown.index("View: Lineage") < shown.index("View: Compare")
            assert "tree: Up" not in shown.partition("View: Compare")[0]
            await press(pilot, *"view: runs", "enter")
            assert pilot.app.run_state.view == "runs"
            await press(pilot, "escape")
            assert pilot.app.run_state.view == "lineage", "the palette too leaves a way back"

    asyncio.run(go())


@pytest.mark.parametrize("width", [20, 34, 60, 80, 200])
def test_keys_are_shown_whole_and_help_always(synthetic_source: Source, width: int) -> None:
    async def go() -> None:
        async with run_app(synthetic_source, size=(width, 24)) as pilot:
            keys = screen_text(pilot.app).splitlines()[-1]
            assert keys.endswith("? Help")
            assert "…" not in keys
            assert ("Bookmark" in keys) == (width >= 80)

    asyncio.run(go())


@pytest.mark.parametrize("width", [24, 80, 200])
def test_what_is_missing_is_told_in_whole_words(width: int) -> None:
    told = Empty("Nothing here yet", "some words more " * 12, "type this or that " * 9 + "last")

    class Alone(App[None]):
        def compose(self) -> ComposeResult:
            yield told

    async def go() -> None:
        async with Alone().run_test(size=(width, 40)) as pilot:
            assert screen_text(pilot.app).split() == told.text().split()  # type: ignore[arg-type]

    asyncio.run(go())


def test_a_line_that_goes_on_beyond_the_edge_says_so() -> None:
    lines = [Line(Text("x" * 30)), Line(Text("y" * 39 + " " * 20)), Line(Text("z" * 41))]

    class Alone(App[None]):
        def get_css_variables(self) -> dict[str, str]:
            return {**super().get_css_variables(), "row-cursor": "#000000"}

        def compose(self) -> ComposeResult:
            yield LineList()

        def on_mount(self) -> None:
            self.query_one(LineList).show(lines, head=Text("one\n" + "two" * 14))

    async def go() -> None:
        async with Alone().run_test(size=(40, 8)) as pilot:
            shown = screen_text(pilot.app).splitlines()[:5]  # type: ignore[arg-type]
            assert shown == ["one", ("two" * 14)[:38] + "…", "x" * 30, "y" * 39, "z" * 38 + "…"]
            await pilot.press("right")
            assert screen_text(pilot.app).splitlines()[4] == "z" * 33  # type: ignore[arg-type]

    asyncio.run(go())


def test_a_run_is_browsed_by_name_and_by_folder(
    made_up_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "artifacts" / "runs" / "mine"
    run.mkdir(parents=True)
    (run / "archive").symlink_to(made_up_root / "artifacts" / "archive")
    (tmp_path / "artifacts" / "archive").symlink_to(tmp_path)
    for name in ("dvc.yaml", "params.yaml"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    for given in (Path("mine"), run / "archive", Path("artifacts/runs/mine/archive")):
        place = Source.at(given).paths
        assert (place.name, place.live) == ("mine", run)
        assert place.traces == tmp_path / "traces" / "mine.parquet"
    assert Source.at(None).paths.name == Source.at(Path("release")).paths.name == "release"
    with pytest.raises(NotFound, match="nothere"):
        Source.at(Path("nothere"))


def test_without_a_terminal_it_says_so_at_once() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "asi_repro.cli", "browse"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert "needs a terminal" in ended.stderr


def test_where_titles_have_no_room_the_open_view_keeps_its_own(synthetic_source: Source) -> None:
    async def go() -> None:
        async with run_app(synthetic_source, size=(60, 20)) as pilot:
            assert screen_text(pilot.app).split("\n")[0].split()[:8] == ["1", "Lineage", *"234567"]
            await press(pilot, "7")
            bar = screen_text(pilot.app).split("\n")[0]
            assert bar.split()[:8] == [*"1234567", "Compare"]
            await pilot.click("#view-bar", offset=(bar.index("5"), 0))
            await press(pilot)
            assert pilot.app.run_state.view == "replay"

    asyncio.run(go())
