"""What one looks at stays where it is: filters, prompts, searches, and going to the tree."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from browsing import notices, press, run_app, screen_text
from test_lineage_view import lineage, typed

from asi_repro.tui.run_data import Source


def row_of(pilot: Any, text: str) -> int:
    """The line of the screen that has the text."""
    return next(n for n, line in enumerate(screen_text(pilot.app).splitlines()) if text in line)


def test_a_filter_moves_the_cursor_only_as_far_as_it_must_and_back(synthetic_source: Source) -> None:
    archive = synthetic_source.archive
    best = max(archive.experiments.values(), key=lambda e: e.score or 0)

    async def go() -> None:
        async with run_app(synthetic_source) as pilot:
            lines = lineage(pilot).lines
            await press(pilot, "G", *str(best.index), "enter", "t")
            opened = set(lines.outline.opened)
            assert lines.current == best.index
            await press(pilot, "slash", *typed(f"score>{(best.score or 0) - 0.01:.2f}"))
            assert lines.current == best.index, "it meets every filter on the way, and the whole one"
            await press(pilot, "escape")
            assert lines.current == best.index
            assert lines.outline.opened == opened, "what the filter unfolded is folded again"
            await press(pilot, "slash", *typed("gallery:no zzz"))
            await press(pilot, "escape")
            assert lines.current == best.index, "where nothing matched, it comes back too"
            await press(pilot, "slash", *typed("gallery:no"), "enter", "down")
            other = lines.current
            assert other != best.index
            await press(pilot, "escape")
            assert lines.outline.matching is None, "escape in the tree clears the filter"
            assert lines.current == other, "somebody who moved meanwhile stays where they went"
            assert pilot.app.run_state.view == "lineage"

    asyncio.run(go())


def test_what_a_filter_unfolds_is_not_kept(synthetic_source: Source, tmp_path: Path) -> None:
    async def go() -> tuple[list[int], list[int]]:
        async with run_app(synthetic_source, state=tmp_path / "state.json") as pilot:
            before = lineage(pilot).state()["opened"]
            await press(pilot, "slash", *typed("gallery:yes"), "enter")
            return before, lineage(pilot).state()["opened"]

    before, after = asyncio.run(go())
    assert before == after != []


def test_escape_in_a_prompt_changes_nothing(made_up_source: Source) -> None:
    first, second = made_up_source.archive.gallery[1], made_up_source.archive.gallery[2]

    async def go() -> None:
        async with run_app(made_up_source, size=(140, 30), start=second.index) as pilot:
            await press(pilot, "P", "slash", *"linear", "enter")
            await press(pilot, "slash", "escape", "n")
            assert "nothing to look for" not in notices(pilot.app)
            await press(pilot, "D", "o", *str(first.index), "enter")
            assert f"{first.index} " in screen_text(pilot.app).splitlines()[4]
            shown = screen_text(pilot.app)
            await press(pilot, "o", "escape")
            assert screen_text(pilot.app) == shown
            await press(pilot, "o", "enter")
            assert screen_text(pilot.app) != shown, "an empty answer goes back to the ancestor"

    asyncio.run(go())


def test_a_place_found_has_lines_around_it_a_number_and_a_wrap_notice(made_up_source: Source) -> None:
    index = made_up_source.archive.gallery[0].index
    lines = made_up_source.archive.program(index).source.split("\n")
    word = next(w for w in ("self", "return") if sum(w in line for line in lines) >= 2)
    hits = [n for n, line in enumerate(lines) if word in line]

    async def go() -> None:
        async with run_app(made_up_source, size=(100, 16), start=index) as pilot:
            await press(pilot, "P", "slash", *word, "enter")
            listing = pilot.app.view("experiment").query_one("#program-lines")
            for number, hit in enumerate(hits[1:], 2):
                await press(pilot, "n")
                assert listing.line.key == hit
                assert f"{number} of {len(hits)}" in screen_text(pilot.app)
                below = listing.scroll_offset.y + listing.size.height - 1 - listing.cursor
                assert below >= 2 or hit >= len(lines) - 3, "lines below it can be read"
            await press(pilot, "n")
            assert listing.line.key == hits[0]
            assert "from the top" in screen_text(pilot.app)
            await press(pilot, "N")
            assert "from the end" in screen_text(pilot.app)

    asyncio.run(go())


def test_changes_of_a_diff_are_counted(made_up_source: Source) -> None:
    index = made_up_source.archive.gallery[2].index

    async def go() -> None:
        async with run_app(made_up_source, size=(100, 20), start=index) as pilot:
            await press(pilot, "D", "n")
            assert "change 1 of " in screen_text(pilot.app)
            await press(pilot, "N")
            assert "from the end" in screen_text(pilot.app)

    asyncio.run(go())


def test_in_the_tree_an_experiment_stands_below_its_ancestors(synthetic_source: Source) -> None:
    archive = synthetic_source.archive
    deep = max(archive.experiments.values(), key=lambda e: (e.depth, e.index))

    async def go() -> None:
        async with run_app(synthetic_source, start=deep.index) as pilot:
            await press(pilot, "t")
            lines = lineage(pilot).lines
            assert lines.current == deep.index
            assert lines.cursor - lines.scroll_offset.y >= min(lines.size.height // 3, lines.cursor)
            assert lines.outline.place(archive.lineage.parent(deep.index) or 0) >= lines.scroll_offset.y

    asyncio.run(go())


def test_a_step_of_the_path_is_clicked(synthetic_source: Source) -> None:
    archive = synthetic_source.archive
    deep = max(archive.experiments.values(), key=lambda e: (e.depth, e.index))
    above = archive.lineage.ancestors(deep.index)[0]

    async def clicked(pilot: Any, selector: str) -> None:
        lines = screen_text(pilot.app).splitlines()
        row = pilot.app.screen.query_one(selector).region
        x = lines[row.y].index(f" {above} ") + 1
        await pilot.click(offset=(x, row.y))
        await press(pilot)

    async def go() -> None:
        async with run_app(synthetic_source, start=deep.index) as pilot:
            await clicked(pilot, "#path")
            assert (pilot.app.run_state.view, pilot.app.run_state.index) == ("experiment", above)
            await press(pilot, "escape", "t")
            assert lineage(pilot).lines.current == deep.index
            await clicked(pilot, "#crumbs")
            assert (pilot.app.run_state.view, lineage(pilot).lines.current) == ("lineage", above)

    asyncio.run(go())
