"""The replay: what a step shows is what `asi_repro.replay` says, step by step and played."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from browsing import SIZES, notices, press, run_app, screen_text
from snapshots import check_screen

from asi_repro.replay.policy import published_policy
from asi_repro.replay.steps import Ruling, replay
from asi_repro.tui.run_data import Source
from asi_repro.tui.views.replay import SPEEDS, ReplayView
from asi_repro.tui.widgets.line_list import LineList


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_screen(made_up_source: Source, size: tuple[int, int]) -> None:
    async def go() -> None:
        async with run_app(made_up_source, size=size) as pilot:
            await press(pilot, "5", "end")
            check_screen(pilot.app, "replay")

    asyncio.run(go())


def test_steps_are_those_of_the_replay(made_up_source: Source) -> None:
    run = list(made_up_source.archive.experiments.values())
    steps = replay(run, published_policy())
    outliers = [s.position for s in steps if s.ruling not in (Ruling.TOP, Ruling.ROOT)]
    refreshes = [s.position for s in steps if s.refreshed]
    stars = [s.position for s in steps if s.experiment.in_gallery]

    async def go() -> None:
        async with run_app(made_up_source, size=(160, 50)) as pilot:
            await press(pilot, "5")
            view = pilot.app.query_one(ReplayView)
            assert view._place == len(steps) - 1, "it opens at the end"
            await press(pilot, "R")
            records = [s.position for s in steps if s.best_index == s.experiment.index]
            assert view._place == records[-1] or (
                records[-1] == len(steps) - 1 and view._place == records[-2]
            )
            await press(pilot, "home", "r")
            assert view._place == records[1]
            await press(pilot, "home", "right", "right", "left")
            assert view._place == 1
            await press(pilot, "n", "n", "p")
            assert view._place == outliers[0]
            assert f"step {outliers[0]:,} of {len(steps) - 1:,}" in screen_text(pilot.app)
            await press(pilot, "end", "pageup")
            assert view._place == refreshes[-1]
            await press(pilot, "home", "s", "s")
            assert view._place == stars[1]
            step = steps[stars[1]]
            listed = [line.key for line in pilot.app.query_one("#replay-pool", LineList).lines]
            assert listed == [index for index, _ in step.pool.members]
            shown = screen_text(pilot.app)
            assert step.ruling.meaning in shown
            assert f"★ {step.gallery}" in shown
            await press(pilot, "t")
            late = replay(run, published_policy(1))[stars[1]]
            assert view._steps[view._place].rank == late.rank
            assert "1 refresh late" in screen_text(pilot.app)
            await press(pilot, "o")
            assert (pilot.app.run_state.view, pilot.app.run_state.index) == (
                "experiment",
                step.experiment.parent,
            )
            await press(pilot, "escape", "home", "o")
            assert "no parent" in notices(pilot.app)

    asyncio.run(go())


def test_playing_goes_on_and_stops_at_the_end_and_when_hidden(made_up_source: Source) -> None:
    async def go() -> None:
        async with run_app(made_up_source, size=(100, 30)) as pilot:
            await press(pilot, "5")
            view = pilot.app.query_one(ReplayView)
            # Slow enough that no tick of the clock comes between: the ticks are the test's own.
            await press(pilot, *["left_square_bracket"] * 3, "space")
            assert view._timer is not None
            before = view._place
            view._tick()
            assert view._place == before + 1
            await press(pilot, *["right_square_bracket"] * 7)
            assert SPEEDS[view._speed] == SPEEDS[-1]
            for _ in range(len(view._steps)):
                if view._timer is None:
                    break
                view._tick()
            assert view._timer is None
            assert view._place == len(view._steps) - 1
            await press(pilot, *["left_square_bracket"] * 7, "space")
            assert view._timer is not None
            assert view._place < len(view._steps) - 1
            await press(pilot, "3")
            view._tick()
            assert view._timer is None

    asyncio.run(go())


def test_the_step_is_kept_between_sessions(made_up_source: Source, tmp_path: Path) -> None:
    state = tmp_path / "state.json"

    async def go() -> None:
        async with run_app(made_up_source, state=state) as pilot:
            await press(pilot, "5", "end", "left", "q")
        async with run_app(made_up_source, state=state) as pilot:
            view = pilot.app.query_one(ReplayView)
            assert view._place == len(view._steps) - 2

    asyncio.run(go())


def test_every_depth_is_named_by_a_label(synthetic_source: Source) -> None:
    deepest = max(e.depth for e in synthetic_source.archive.experiments.values())

    async def go() -> None:
        async with run_app(synthetic_source, size=(80, 18)) as pilot:
            await press(pilot, "5", "end")
            lines = screen_text(pilot.app).splitlines()
            map_ = lines[4 : next(n for n, line in enumerate(lines) if line.startswith(" depth"))]
            named: set[int] = set()
            for line in map_:
                first, _, last = line.split()[0].partition("–")
                named |= set(range(int(first), int(last or first) + 1))
            assert named == set(range(deepest + 1))

    asyncio.run(go())
