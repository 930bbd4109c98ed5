"""Folding and highlighting of programs."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest
from browsing import notices, run_app, settle
from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style

from asi_repro.errors import AsiReproError
from asi_repro.tui.highlight import Highlighted, folds
from asi_repro.tui.run_data import Source


def test_programs_are_parsed_in_threads() -> None:
    # CPython 3.11 raises SystemError where two threads make syntax trees at once.
    source = "\n".join(f"def f{n}(a):\n    return [a + {n}, (a, {{a: a}})]\n" for n in range(400))
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda _: len(folds(source)), range(12)))
    finally:
        sys.setswitchinterval(before)
    assert found == [400] * 12


def test_what_does_not_parse_is_shown_all_the_same() -> None:
    for source in ("def f(:\n    x", "(" * 5000, "x = '\0'", "", "\ufeffdef f():\n    pass"):
        assert isinstance(folds(source), list)
        assert_lines_are_the_plain_ones(source, range(len(Highlighted(source, _STYLES))))


_KINDS = ("name", "string", "number", "keyword", "comment")
_STYLES = {kind: Style(color=f"color({number})") for number, kind in enumerate(_KINDS, 1)}
_PARTS = ("def f(a):", "    '''b", "c''' # d", "class E: pass", "\r", "\tx = 1.5", "", '"')


def assert_lines_are_the_plain_ones(source: str, order: Iterable[int]) -> None:
    lines = Highlighted(source, _STYLES)
    assert all(lines.line(number).plain == lines.plain[number] for number in order)


@given(st.lists(st.sampled_from(_PARTS)) | st.lists(st.text()), st.randoms(use_true_random=False))
def test_a_line_is_the_same_whichever_was_asked_for_first(parts: list[str], draw: Random) -> None:
    source = "\n".join(parts)
    order = list(range(len(Highlighted(source, _STYLES))))
    one = [Highlighted(source, _STYLES).line(number) for number in order]
    draw.shuffle(order)
    assert_lines_are_the_plain_ones(source, order)
    lines = Highlighted(source, _STYLES)
    assert {number: lines.line(number) for number in order} == dict(enumerate(one))


@pytest.mark.parametrize(
    ("text", "kind"),
    [("f", "name"), ("sea", "string"), ("12", "number"), ("return", "keyword"), ("# why", "comment")],
)
def test_the_kinds_have_their_styles(text: str, kind: str) -> None:
    lines = Highlighted("def f():\n    return 'sea', 12  # why\n", _STYLES)
    assert len(lines) == 2
    spans = [(line.plain[s.start : s.end], s.style) for line in map(lines.line, (0, 1)) for s in line.spans]
    assert _STYLES[kind] in [style for shown, style in spans if text in shown]


def test_a_fault_while_reading_is_a_notice(synthetic_source: Source) -> None:
    import asyncio

    async def go() -> None:
        async with run_app(synthetic_source) as pilot:
            view = pilot.app.view("lineage")

            def fail() -> Path:
                raise RuntimeError("a fault of the app")

            view.load(fail, print)
            await settle(pilot)
            assert "RuntimeError" in notices(pilot.app)
            told: list[AsiReproError] = []
            view.load(fail, print, failed=told.append)
            await settle(pilot)
            assert "a fault of the app" in told[0].what

    asyncio.run(go())
