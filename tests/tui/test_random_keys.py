"""Keys in no order, windows of any size: nothing ends the app, and nothing is a fault of it."""

from __future__ import annotations

import asyncio
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from browsing import notices, press, run_app, settle
from textual.app import App

from asi_repro.project import Project
from asi_repro.tui.registry import TABS, VIEWS
from asi_repro.tui.run_data import Source, release_paths

ROOT = Path(__file__).parents[2]
_KEYS = 130  # of each walk
_SIZES = [(80, 24), (60, 20), (120, 40), (200, 60), (20, 5), (1, 1)]
# Keys that move or type; those that act are taken from what is bound where the walk is.
_MOVES = ["up", "down", "left", "right", "home", "end", "pageup", "pagedown", "enter", "escape", "tab",
          "space", "backspace", *"gk0.>1-(["]  # fmt: skip
_LEAVES = {"q", "ctrl+q", "ctrl+c", "ctrl+z"}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(16))
def test_random_keys(made_up_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """About 2,000 keys in all; every second walk without colours."""
    shutil.copytree(made_up_root, tmp_path, dirs_exist_ok=True)
    shutil.copytree(ROOT / "artifacts" / "sweeps" / "smoke", tmp_path / "artifacts" / "sweeps" / "smoke")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(App, "open_url", lambda *_: None)
    if seed % 2:
        monkeypatch.setenv("NO_COLOR", "1")
    source = Source(release_paths(Project(tmp_path)), Project(tmp_path))
    chosen = random.Random(seed)
    places = [("2", spec.key) for spec in TABS] + [(spec.key,) for spec in VIEWS]
    walked: list[Any] = []

    async def go() -> None:
        start = chosen.choice(source.archive.gallery).index
        async with run_app(
            source, size=_SIZES[seed % 3], state=tmp_path / "state.json", start=start
        ) as pilot:
            await press(pilot, *places[seed % len(places)])
            for _ in range(_KEYS):
                if chosen.random() < 0.03:
                    walked.append(chosen.choice(_SIZES))
                    await pilot.resize_terminal(*walked[-1])
                    continue
                bound = sorted(pilot.app.screen.active_bindings)
                key = chosen.choice(_MOVES if chosen.random() < 0.4 else bound)
                if key not in _LEAVES:
                    walked.append(key)
                    await pilot.press(key)
            await settle(pilot)
            assert pilot.app.is_running
            assert "a fault of the app" not in notices(pilot.app)
            assert "could not be restored" not in notices(pilot.app)

    try:
        asyncio.run(go())
    except BaseException:
        print("walked:", *walked)  # what to press to see it again
        raise
