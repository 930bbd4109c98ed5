"""The app around the views: start, help, palette, jump, state, bad input."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from browsing import notices, press, run_app, screen_text
from rich._emoji_codes import EMOJI
from rich.text import Text
from textual.app import App, ComposeResult

from asi_repro.errors import NotFound
from asi_repro.project import Project
from asi_repro.tui.help import HelpScreen
from asi_repro.tui.registry import VIEWS
from asi_repro.tui.run_data import Source, archive_paths, run_paths
from asi_repro.tui.state import load_state
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
            await press(pilot, "end")
            shown += screen_text(pilot.app)
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
            assert screen_text(pilot.app).splitlines()[0].startswith(" 1 Tree")

    asyncio.run(go())


@pytest.mark.parametrize("keys", ["X", "G", "F", "v", "B", "question_mark", "ctrl+p", "ctrl+o"])
def test_a_dialog_lives_in_a_window_without_room(synthetic_source: Source, keys: str) -> None:
    async def go() -> None:
        async with run_app(synthetic_source, size=(20, 5)) as pilot:
            await press(pilot, "m", keys)
            for size in ((1, 1), (20, 5), (3, 2), (80, 24)):
                await pilot.resize_terminal(*size)
                await pilot.pause(0.05)
            await press(pilot, "escape")
            assert "DeltaNet" in screen_text(pilot.app)

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
            assert ("Picture" in keys) == (width >= 80)

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


def test_where_titles_have_no_room_they_are_short_and_stay_in_place(synthetic_source: Source) -> None:
    async def go() -> None:
        async with run_app(synthetic_source, size=(80, 24)) as pilot:
            for spec in VIEWS:
                await press(pilot, spec.key)
                drawn = pilot.app.view_bar.render()
                spans = [span for span in drawn.spans if getattr(span.style, "bgcolor", None)]
                marked = drawn.plain[min(span.start for span in spans) : max(span.end for span in spans)]
                assert marked == f"{spec.key} {spec.short}", "what is marked touches no other title"
                bar = screen_text(pilot.app).split("\n")[0].split()
                assert bar[1:20:2] == [one.short for one in VIEWS]
                assert bar[-1] == "archive", "and the run is named"
        async with run_app(synthetic_source, size=(60, 20)) as pilot:
            assert screen_text(pilot.app).split("\n")[0].split()[:11] == ["1", "Lineage", *"234567890"]
            await press(pilot, "7")
            bar = screen_text(pilot.app).split("\n")[0]
            assert bar.split()[:8] == [*"1234567", "Compare"]
            await pilot.click("#view-bar", offset=(bar.index("5"), 0))
            await press(pilot)
            assert pilot.app.run_state.view == "replay"

    asyncio.run(go())


@pytest.mark.parametrize("width", [60, 40])
def test_no_tab_is_out_of_sight(synthetic_source: Source, width: int) -> None:
    index = synthetic_source.archive.gallery[0].index

    async def go() -> None:
        async with run_app(synthetic_source, size=(width, 20), start=index) as pilot:
            await press(pilot, "D")
            tabs = next(line for line in screen_text(pilot.app).splitlines() if "Diff" in line)
            assert tabs.split() == ["V", "M", "P", "Diff", "T", "H", "C", "O", "A", "R"]

    asyncio.run(go())


def test_hints_name_the_run(made_up_root: Path, tmp_path: Path) -> None:
    """A command without --run would check the release's experiment of that number."""
    run = tmp_path / "artifacts" / "runs" / "mine"
    run.mkdir(parents=True)
    (run / "archive").symlink_to(made_up_root / "artifacts" / "archive")
    project = Project(tmp_path)
    source = Source(run_paths(project, run), project)
    with_program = source.archive.gallery[0].index

    async def go() -> None:
        async with run_app(source, size=(120, 30), start=with_program) as pilot:
            await press(pilot, "C")
            assert f"asi-repro verify {with_program} --run mine`" in screen_text(pilot.app)
            await press(pilot, "4")
            shown = screen_text(pilot.app)
            assert "asi-repro verify --all --run mine`" in shown
            assert "dvc repro" not in shown
            await press(pilot, "3")
            shown = screen_text(pilot.app)
            assert "claims are about the release" in shown
            assert "dvc repro" not in shown

    asyncio.run(go())


def test_bookmarks_of_two_sessions_are_both_kept(synthetic_source: Source, tmp_path: Path) -> None:
    state = tmp_path / "browse.json"
    other = Source(archive_paths(synthetic_source.paths.archive))

    async def go() -> None:
        async with (
            run_app(synthetic_source, state=state) as first,
            run_app(other, state=state) as second,
        ):
            await press(first, "down", "m", "down", "m")
            await press(second, "down", "down", "down", "m")
            await press(first, "up", "m")  # no bookmark any more
            await press(second, "ctrl+t", "q")
            await press(first, "q")
            marked = first.app.bookmarks
            assert len(marked) == 2

    asyncio.run(go())
    kept = load_state(state).run(synthetic_source.paths.archive).bookmarks
    rows = [1, *synthetic_source.archive.lineage.children(1)]
    assert sorted(kept) == sorted([rows[2], rows[3]])


@pytest.mark.parametrize("size", [(80, 24), (120, 30)], ids=str)
def test_the_run_is_named(made_up_root: Path, tmp_path: Path, size: tuple[int, int]) -> None:
    run = tmp_path / "artifacts" / "runs" / "my-long-control"
    run.mkdir(parents=True)
    (run / "archive").symlink_to(made_up_root / "artifacts" / "archive")
    project = Project(tmp_path)

    async def go() -> None:
        async with run_app(Source(run_paths(project, run), project), size=size) as pilot:
            bar = screen_text(pilot.app).splitlines()[0]
            titles = [one.title if size[0] > 100 else one.short for one in VIEWS]
            assert bar.split()[1:20:2] == titles, "no name takes their room"
            assert bar.split()[-1].startswith("my-long")
            await press(pilot, "2")
            assert "no experiment is chosen" not in screen_text(pilot.app), "the cursor is on one"
            assert pilot.app.view("experiment").experiment.index == 1

    asyncio.run(go())


def test_one_of_several_of_a_name_is_chosen(synthetic_source: Source) -> None:
    counted: dict[str, list[int]] = {}
    for e in synthetic_source.archive.experiments.values():
        counted.setdefault(e.name.casefold(), []).append(e.index)
    name, indices = next((name, found) for name, found in counted.items() if len(found) > 1)

    async def go() -> None:
        async with run_app(synthetic_source, size=(100, 40)) as pilot:
            await press(pilot, "G")
            pilot.app.screen.query_one("Input").value = name.swapcase()
            await press(pilot, "enter")
            shown = screen_text(pilot.app)
            assert all(str(index) in shown for index in indices[:10])
            await press(pilot, "down", "enter")
            assert pilot.app.view("experiment").experiment.index == indices[1]

    asyncio.run(go())


def test_help_is_wrapped_anew_when_the_window_changes(synthetic_source: Source) -> None:
    async def go() -> None:
        async with run_app(synthetic_source, size=(120, 120)) as pilot:
            await press(pilot, "question_mark")
            await pilot.resize_terminal(50, 120)
            await press(pilot)
            box = pilot.app.screen.query_one("Static").region
            lines = screen_text(pilot.app).splitlines()[box.y : box.bottom]
            shown = " ".join(" ".join(line[box.x : box.right] for line in lines).split())
            assert "Go to an experiment by index or name" in shown

    asyncio.run(go())


def test_files_that_changed_and_ctrl_c_say_so_without_covering_anything(
    synthetic_source: Source, tmp_path: Path
) -> None:
    async def go() -> None:
        async with run_app(synthetic_source, size=(120, 30)) as pilot:
            synthetic_source._seen = ()
            await pilot.app._look_for_changes()
            await press(pilot)
            assert "files changed" in screen_text(pilot.app).splitlines()[0]
            assert not notices(pilot.app)
            await press(pilot, "ctrl+c")
            assert "q" in notices(pilot.app)
            assert "ctrl+q" not in notices(pilot.app).casefold()

    asyncio.run(go())


def test_a_wrong_filter_says_what_is_wrong_first(synthetic_source: Source) -> None:
    async def go() -> None:
        async with run_app(synthetic_source) as pilot:
            await press(pilot, "slash", *"scor", "greater_than_sign", "2")
            assert "no field scor" in screen_text(pilot.app)

    asyncio.run(go())


def test_no_glyph_is_one_that_browsers_draw_as_a_wide_picture() -> None:
    emoji = {text for text in EMOJI.values() if len(text) == 1}
    used = {
        letter: path.name
        for path in (Path(__file__).parents[2] / "asi_repro" / "tui").rglob("*.py")
        for letter in path.read_text(encoding="utf-8")
        if letter in emoji
    }
    assert used == {}
    assert "\u2197" in emoji


def test_without_colours_a_failure_stands_out_more_than_a_pass(
    made_up_source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def go() -> None:
        async with run_app(made_up_source, size=(160, 40)) as pilot:
            await press(pilot, "4")
            seen: dict[str, list[tuple[bool, float]]] = {"✓": [], "✗": []}
            for strip in pilot.app.screen._compositor.render_strips()[4:]:
                for segment in strip:
                    glyph = segment.text.strip()
                    if glyph in seen and segment.style and segment.style.color and not segment.style.reverse:
                        colour = segment.style.color.get_truecolor()
                        seen[glyph].append((bool(segment.style.bold), sum(colour)))
            assert min(seen["✗"]) > max(seen["✓"])

    asyncio.run(go())
