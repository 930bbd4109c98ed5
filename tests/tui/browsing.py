"""Running the app in a test, and reading its screen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from asi_repro.tui.app import BrowseApp
from asi_repro.tui.source import Source

SIZES = ((80, 24), (200, 60))


@asynccontextmanager
async def run_app(
    source: Source, *, size: tuple[int, int] = (80, 24), state: Path | None = None, start: int | None = None
) -> AsyncIterator[Any]:
    """The app on a source, settled: a Pilot whose `app` it is."""
    app = BrowseApp(source, state=state, start=start, watch=False)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        yield pilot


async def press(pilot: Any, *keys: str) -> None:
    """Press keys one after the other, each after what the one before started."""
    for key in keys:
        await pilot.press(key)
        await settle(pilot)


async def settle(pilot: Any) -> None:
    """Wait until nothing is being loaded any more."""
    await pilot.pause()
    loading = [worker for worker in pilot.app.workers if worker.group.startswith("load")]
    await pilot.app.workers.wait_for_complete(loading)
    await pilot.pause()


def screen_text(app: BrowseApp) -> str:
    """What the screen shows, line by line."""
    lines = ("".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips())
    return "\n".join(line.rstrip() for line in lines)


def notices(app: BrowseApp) -> str:
    """All notices that are up."""
    return "\n".join(f"{one.title} {one.message}" for one in app._notifications)
