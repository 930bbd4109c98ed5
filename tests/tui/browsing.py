"""Running the app in a test, and reading its screen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from textual.worker import WorkerCancelled

from asi_repro.tui.app import BrowseApp
from asi_repro.tui.deep_link import Link
from asi_repro.tui.run_data import Source

SIZES = ((80, 24), (120, 40), (200, 60))


class HeardApp(BrowseApp):
    """The app, which remembers every notice: on a slow machine they are gone before a test looks."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.heard: list[str] = []

    def notify(self, message: str, **kwargs: Any) -> None:
        self.heard.append(f"{kwargs.get('title', '')} {message}")
        super().notify(message, **kwargs)


@asynccontextmanager
async def run_app(
    source: Source,
    *,
    size: tuple[int, int] = (80, 24),
    state: Path | None = None,
    start: int | Link | None = None,
    theme: str | None = None,
) -> AsyncIterator[Any]:
    """The app on a source, settled: a Pilot whose `app` it is."""
    link = Link(experiment=start) if isinstance(start, int) else start
    app = HeardApp(source, state=state, start=link, watch=False)
    app.theme = theme or app.theme
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
    if loading:  # an empty list would wait for all of them, a dialog's too
        with suppress(WorkerCancelled):  # a newer one took its place
            await pilot.app.workers.wait_for_complete(loading)
    await pilot.pause()


async def still(pilot: Any) -> None:
    """Wait until the screen no longer changes: the keys at its foot are drawn when the app is idle.

    On a busy machine that is later than the next frame, so four in a row have to be equal.
    """
    shown, equal = "", 0
    for _ in range(60):
        before, shown = shown, screen_text(pilot.app)
        equal = equal + 1 if shown == before else 0
        if equal == 3:
            return
        await pilot.pause(0.05)


def screen_text(app: BrowseApp) -> str:
    """What the screen shows, line by line."""
    lines = ("".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips())
    return "\n".join(line.rstrip() for line in lines)


def notices(app: BrowseApp) -> str:
    """All notices since the start."""
    assert isinstance(app, HeardApp)
    return "\n".join(app.heard)
