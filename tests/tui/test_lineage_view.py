"""The lineage by key presses, on a made-up run."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from browsing import SIZES, notices, press, run_app, screen_text
from snapshots import check_screen

from asi_repro.tui.run_data import Source
from asi_repro.tui.views.lineage import FilterInput, LineageView
from asi_repro.tui.widgets.card import Card
from asi_repro.tui.widgets.run_picture import RunPicture, records

KEYS = {">": "greater_than_sign", ".": "full_stop", ":": "colon", " ": "space", '"': "quotation_mark"}


def typed(text: str) -> list[str]:
    return [KEYS.get(letter, letter) for letter in text]


def lineage(pilot: Any) -> LineageView:
    view = pilot.app.view("lineage")
    assert isinstance(view, LineageView)
    return view


def test_walking(synthetic_source: Source) -> None:
    archive = synthetic_source.archive

    async def go() -> None:
        async with run_app(synthetic_source) as pilot:
            lines = lineage(pilot).lines
            assert lines.current == 1
            await press(pilot, "b")
            best = max(archive.lineage.children(1), key=lambda i: archive.experiments[i].score or 0)
            assert lines.current == best
            await press(pilot, "p")
            assert lines.current == 1
            await press(pilot, "down", "n", "n", "N")
            assert lines.current == archive.lineage.children(1)[1]
            before = len(lines.outline.rows)
            await press(pilot, "home", "left")
            assert len(lines.outline.rows) == 1
            await press(pilot, "right")
            assert len(lines.outline.rows) == before
            await press(pilot, "right")
            assert lines.current == archive.lineage.children(1)[0]
            await press(pilot, "plus", "end")
            assert len(lines.outline.rows) == len(archive.experiments)
            await press(pilot, "minus")
            assert len(lines.outline.rows) == before
            await press(pilot, "s", "f")
            assert lines.outline.order == "score"
            scores = [archive.experiments[i].score for i in lines.outline.rows]
            assert scores == sorted(scores, reverse=True)

    asyncio.run(go())


@pytest.mark.parametrize(
    "expression", ["score>2.4 gallery:yes", "has:program", "text:memory", "gate depth<=3"]
)
def test_filter_as_one_types(synthetic_source: Source, expression: str) -> None:
    from asi_repro.archive.filters import ArchiveFacts, parse_filter

    archive = synthetic_source.archive
    wanted = parse_filter(expression).apply(archive.experiments.values(), ArchiveFacts(archive))

    async def go() -> None:
        async with run_app(synthetic_source) as pilot:
            view = lineage(pilot)
            await pilot.press("slash", *typed(expression))
            await press(pilot, "enter")
            assert view.outline.matching == {e.index for e in wanted}
            assert f"{len(wanted)} of {len(archive.experiments)}" in screen_text(pilot.app)
            await press(pilot, "slash", "escape")
            assert view.outline.matching is None
            assert view.query_one(FilterInput).value == ""

    asyncio.run(go())


def test_a_wrong_filter_says_why_and_keeps_what_was_found(synthetic_source: Source) -> None:
    async def go() -> None:
        async with run_app(synthetic_source, size=(120, 30)) as pilot:
            view = lineage(pilot)
            await pilot.press("slash", *typed("score>2 gallery:yes"))
            await press(pilot)
            before = view.outline.matching
            assert before
            await press(pilot, "x")
            assert view.outline.matching == before
            assert "yes or no" in screen_text(pilot.app)
            await press(pilot, "escape", "slash")
            await pilot.press(*typed("leak:no"))
            await press(pilot)
            assert "certificates" in notices(pilot.app)

    asyncio.run(go())


def test_the_place_is_restored(synthetic_source: Source, tmp_path: Path) -> None:
    state = tmp_path / "state" / "browse.json"

    left: list[int | None] = []

    async def leave() -> None:
        async with run_app(synthetic_source, state=state) as pilot:
            await pilot.press("slash", *typed("score>1.9"))
            await press(pilot, "enter", "s", "m", "down", "ctrl+t")
            left.append(lineage(pilot).lines.current)
            await press(pilot, "q")

    async def come_back() -> None:
        async with run_app(synthetic_source, state=state) as pilot:
            view = lineage(pilot)
            assert pilot.app.theme == "repro-light"
            assert view.query_one(FilterInput).value == "score>1.9"
            assert view.outline.order == "score"
            assert view.outline.matching
            assert len(pilot.app.bookmarks) == 1
            assert view.lines.current == left[0]
            await press(pilot, "B")
            assert f"{pilot.app.bookmarks[0]}" in screen_text(pilot.app)
            await press(pilot, "enter")
            assert pilot.app.run_state.view == "experiment"
            await press(pilot, "escape")
            assert pilot.app.run_state.view == "lineage"

    asyncio.run(leave())
    asyncio.run(come_back())


def test_what_there_is_room_for(synthetic_source: Source) -> None:
    async def go() -> None:
        async with run_app(synthetic_source, size=(200, 60)) as pilot:
            view = lineage(pilot)
            assert view.query_one(Card).display
            for width, height in ((80, 24), (20, 5), (1, 1), (60, 12), (200, 60)):
                await pilot.resize_terminal(width, height)
                await press(pilot, "down", "right", "question_mark", "escape", "2", "1")
            assert view.query_one(Card).display

    asyncio.run(go())


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_picture(synthetic_source: Source, size: tuple[int, int]) -> None:
    async def go() -> None:
        async with run_app(synthetic_source, size=size) as pilot:
            await press(pilot, "b", "right", "down", "m", "x")
            check_screen(pilot.app, "lineage")

    asyncio.run(go())


def test_columns_are_chosen_and_sorted_both_ways(made_up_source: Source, tmp_path: Path) -> None:
    archive, state = made_up_source.archive, tmp_path / "state.json"

    async def go() -> None:
        async with run_app(made_up_source, size=(120, 30), state=state) as pilot:
            view = lineage(pilot)
            await press(pilot, "v", "home", "down", "space", *["down"] * 5, "space", "enter")
            assert [c.name for c in view.lines.columns] == ["score", "verdict"]
            shown = screen_text(pilot.app)
            assert "checks" in shown
            assert "Δparent" not in shown
            await press(pilot, "f", "s", "s")
            assert view.outline.order == "verdict"
            failures = {c.index: c.counts()["fail"] for c in made_up_source.certificates()}
            most = sorted(failures, key=lambda i: (-failures[i], i))
            assert view.outline.rows[: len(most)] == most
            assert "checks↓" in screen_text(pilot.app)
            await press(pilot, "S", "home")
            assert failures[view.outline.rows[0]] == min(failures.values())
            assert set(view.outline.rows[len(most) :]) == set(archive.experiments) - set(most)
            assert f"✗{failures[view.outline.rows[0]]}" in screen_text(pilot.app)
            await press(pilot, "v", "space", "escape", "q")

    async def come_back() -> None:
        async with run_app(made_up_source, size=(120, 30), state=state) as pilot:
            view = lineage(pilot)
            assert view.lines.chosen == ("score", "verdict"), "escape in the dialog changes nothing"
            assert (view.outline.order, view.outline.descending) == ("verdict", False)

    asyncio.run(go())
    asyncio.run(come_back())


def test_a_filter_leaves_what_one_looks_at_where_it_is(synthetic_source: Source) -> None:
    async def go() -> None:
        async with run_app(synthetic_source, size=(100, 30)) as pilot:
            lines = lineage(pilot).lines
            await press(pilot, "plus", *["pagedown"] * 4, *["up"] * 3)
            index, above = lines.current, lines.cursor - lines.scroll_offset.y
            e = synthetic_source.archive.experiments[index or 0]
            for letter in typed(f"score>{(e.score or 0) + 0.5:.1f}"):
                await press(pilot, "slash", letter) if letter == "s" else await press(pilot, letter)
                assert lines.current == index
                assert lines.cursor - lines.scroll_offset.y in (above, lines.cursor), "or it is at the top"
            assert not lines.outline.row(lines.cursor).matches
            await press(pilot, "enter", "full_stop")
            assert lines.outline.row(lines.cursor).matches
            await press(pilot, "comma")
            await press(pilot, "escape")

    asyncio.run(go())


def test_the_picture_marks_what_the_cursor_is_on_and_leads_to_what_is_clicked(
    synthetic_source: Source,
) -> None:
    archive = synthetic_source.archive
    best = max(archive.experiments.values(), key=lambda e: (e.score or 0, -e.index))

    async def go() -> None:
        async with run_app(synthetic_source, size=(120, 50)) as pilot:
            view = lineage(pilot)
            await press(pilot, "G", *str(best.index), "enter", "t")
            assert f"record {best.score:.4f}" in screen_text(pilot.app)
            line = records(list(archive.experiments.values()), archive.objective)
            assert line[-1] == (best.index, best.score)
            assert [score for _, score in line] == sorted(score for _, score in line)
            await press(pilot, "home", "o")
            assert "└1" in screen_text(pilot.app)
            await pilot.click("#picture-map", offset=(9, 0))
            assert view.lines.current == archive.lineage.roots[0]
            await press(pilot, "o", "o")
            await pilot.click("#picture-scores", offset=(60, 3))
            await press(pilot)
            assert view.lines.current not in (None, archive.lineage.roots[0])
            await press(pilot, "o", "o")
            assert not view.query_one(RunPicture).display

    asyncio.run(go())
