"""Side by side: kinship and best values against plain counting, and the view's keys."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from browsing import SIZES, press, run_app, screen_text, settle
from hypothesis import given, settings
from hypothesis import strategies as st
from snapshots import check_screen

from asi_repro.archive.experiment_comparison import best_places, kinship, side_by_side
from asi_repro.archive.lineage import Lineage
from asi_repro.errors import AsiReproError
from asi_repro.tui.messages import Compare
from asi_repro.tui.run_data import Source
from asi_repro.tui.views.compare import CompareView

trees = st.integers(1, 30).flatmap(
    lambda n: st.tuples(*(st.none() if i == 0 else st.none() | st.integers(0, i - 1) for i in range(n)))
)


@settings(max_examples=60, deadline=None)
@given(trees, st.data())
def test_the_common_ancestor_is_the_deepest_shared(tree: tuple[Any, ...], data: st.DataObject) -> None:
    lineage = Lineage(dict(enumerate(tree)))
    chosen = data.draw(st.lists(st.integers(0, len(tree) - 1), min_size=1, max_size=4, unique=True))
    found = kinship(lineage, chosen)
    lines = [{i, *lineage.ancestors(i)} for i in chosen]
    shared = set.intersection(*lines)
    assert found.ancestor == max(shared, key=lineage.depth, default=None)
    for index, path in zip(chosen, found.paths, strict=True):
        assert set(path) == {index, *lineage.ancestors(index)} - shared
        assert list(path) == sorted(path, key=lineage.depth)


@given(st.lists(st.none() | st.integers(0, 3).map(float), max_size=4), st.booleans())
def test_the_best_are_marked_where_there_is_a_difference(values: list[float | None], lower: bool) -> None:
    known = [v for v in values if v is not None]
    if len(known) < 2 or len(set(known)) == 1:
        assert best_places(values, lower=lower) == ()
    else:
        wanted = min(known) if lower else max(known)
        assert [values[p] for p in best_places(values, lower=lower)] == [wanted] * known.count(wanted)


def test_too_many_are_refused(made_up_source: Source) -> None:
    with pytest.raises(AsiReproError, match="too many"):
        side_by_side(made_up_source.archive, [1, 2, 3, 4, 5])


def four(source: Source) -> list[int]:
    gallery = [e.index for e in source.archive.gallery]
    return [*gallery[:3], 2]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_screen(made_up_source: Source, size: tuple[int, int]) -> None:
    async def go() -> None:
        async with run_app(made_up_source, size=size) as pilot:
            pilot.app.post_message(Compare(four(made_up_source)))
            await settle(pilot)
            await press(pilot, "right", "down")
            check_screen(pilot.app, "compare")

    asyncio.run(go())


def test_adding_removing_and_ways(made_up_source: Source) -> None:
    wanted = four(made_up_source)

    async def go() -> None:
        async with run_app(made_up_source, size=(140, 50)) as pilot:
            await press(pilot, "7")
            assert "a adds one by index" in screen_text(pilot.app)
            for index in wanted[:2]:
                await press(pilot, "a", *str(index), "enter")
            view = pilot.app.query_one(CompareView)
            assert view._indices == wanted[:2]
            shown = screen_text(pilot.app)
            path = made_up_source.archive.lineage.ancestors(wanted[0])
            other = made_up_source.archive.lineage.ancestors(wanted[1])
            shared = next(i for i in path if i in other)
            assert f"common ancestor {shared} " in " ".join(shown.split())
            lines = len(view._table.lines)
            await press(pilot, "d")
            assert len(view._table.lines) < lines
            await press(pilot, "right", "enter")
            assert (pilot.app.run_state.view, pilot.app.run_state.index) == ("experiment", wanted[1])
            await press(pilot, "escape", "x")
            assert view._indices == wanted[:1]
            await press(pilot, "a", *"99999", "enter")
            assert view._indices == wanted[:1]

    asyncio.run(go())


def test_benchmarks_are_called_and_counted_as_in_their_own_tab(made_up_source: Source) -> None:
    index = made_up_source.archive.gallery[0].index

    async def go() -> tuple[str, str]:
        async with run_app(made_up_source, size=(120, 60), start=index) as pilot:
            await press(pilot, "H")
            tab = screen_text(pilot.app)
            await press(pilot, "7", "a", *str(index), "enter", "a", "2", "enter")
            return tab, screen_text(pilot.app)

    tab, compared = asyncio.run(go())
    for row in made_up_source.archive.rows("benchmarks", index):
        if row["value"] is None:
            continue
        scale = 1 if row["metric"] == "perplexity" else 100
        wanted = (row["task"], f"{row['value'] * scale:.2f}")
        for shown in (tab, compared):
            assert any(all(part in line for part in wanted) for line in shown.splitlines()), wanted


@pytest.mark.parametrize(("width", "bars"), [(200, 1), (160, 0)])
def test_differences_fill_a_wide_terminal(made_up_source: Source, width: int, bars: int) -> None:
    first, second = (e for e in made_up_source.archive.gallery[:2])

    async def go() -> None:
        async with run_app(made_up_source, size=(width, 60)) as pilot:
            pilot.app.post_message(Compare([first.index, second.index]))
            await settle(pilot)
            rows = {line[:20].strip(): line for line in screen_text(pilot.app).splitlines()}
            assert rows["score"].endswith(f"{second.score - first.score:+.4f}")
            assert "±" in rows["boolq"]
            assert rows["boolq"].count("●") == bars
            assert "±" not in rows["depth"]

    asyncio.run(go())
