"""The search by key presses: names, motivations, programs and the cognition base."""

from __future__ import annotations

import asyncio

from browsing import press, run_app, screen_text

from asi_repro.archive.search import KINDS, search
from asi_repro.tui.run_data import Source


def test_what_was_found_is_ranked_has_a_snippet_and_opens(made_up_source: Source) -> None:
    archive = made_up_source.archive
    hits = search(archive, "linear", kinds=KINDS)
    assert hits["program"], "a word of the made-up programs"

    async def go() -> None:
        async with run_app(made_up_source, size=(120, 40)) as pilot:
            await press(pilot, "F")
            assert "type a word" in screen_text(pilot.app)
            await press(pilot, *"linear")
            shown = screen_text(pilot.app)
            assert f"Programs: {len(hits['program'])}" in shown
            assert "source:" in shown
            listed = [f"{hit.key:>6} " for hit in hits["program"]]
            places = [shown.index(one) for one in listed]
            assert places == sorted(places), "in the order of the command line's"
            await press(pilot, "down")
            while pilot.app.focused.line.key[0] != "program":
                await press(pilot, "down")
            await press(pilot, "enter")
            assert pilot.app.view("experiment").experiment.index == hits["program"][0].key
            assert pilot.app.view("experiment").tab == "program"
            await press(pilot, "F", *["backspace"] * 6, *"zzzz")
            assert "nothing matches" in screen_text(pilot.app)
            await press(pilot, "escape", "F")
            assert "zzzz" in screen_text(pilot.app), "the question is kept"

    asyncio.run(go())


def test_an_entry_of_the_cognition_base_unfolds(made_up_source: Source) -> None:
    entry = next(iter(made_up_source.cognition().values()))
    word = next(w for w in entry["title"].split() if w.isalpha() and len(w) > 3)

    async def go() -> None:
        async with run_app(made_up_source, size=(120, 40)) as pilot:
            await press(pilot, "F", *word.lower(), "down")
            while pilot.app.focused.line.key[0] != "cognition":
                await press(pilot, "down")
            await press(pilot, "enter")
            assert "▾" in screen_text(pilot.app)
            await press(pilot, "enter")
            assert "▾" not in screen_text(pilot.app)

    asyncio.run(go())
