"""Folding and highlighting of programs."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from browsing import notices, run_app, settle

from asi_repro.errors import AsiReproError
from asi_repro.tui.highlight import folds, highlight
from asi_repro.tui.source import Source


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
        assert "\n".join(line.plain for line in highlight(source, dict.fromkeys(_KINDS, ""))) is not None


_KINDS = ("name", "string", "number", "keyword", "comment")


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
