"""What works in every view: keys of one's own, the palette, exports, the state's lock, and every key of the help."""

from __future__ import annotations

import asyncio
import csv
import json
import shutil
import threading
from pathlib import Path

import pytest
from browsing import HeardApp, notices, press, run_app, screen_text, settle

from asi_repro.errors import DataError
from asi_repro.project import Project
from asi_repro.store.locks import locked
from asi_repro.tui.keys import keys_file, read_keys
from asi_repro.tui.registry import TABS, VIEWS
from asi_repro.tui.run_data import Source, release_paths

ROOT = Path(__file__).parents[2]


def test_keys_of_ones_own_stand_for_others_and_are_in_the_help(
    made_up_source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert read_keys(keys_file()) == {}
    keys_file().parent.mkdir()
    for wrong in ("[1]", '{"a": 1}', "{", '{"a": ""}'):
        keys_file().write_text(wrong)
        with pytest.raises(DataError, match="keys"):
            read_keys(keys_file())
    keys_file().write_text('{"ctrl+f": "F", "f5": "4"}')

    async def go() -> None:
        app = HeardApp(made_up_source, watch=False, keys=read_keys(keys_file()))
        async with app.run_test(size=(120, 50)) as pilot:
            await settle(pilot)
            await press(pilot, "ctrl+f")
            assert "type a word" in screen_text(app)
            await press(pilot, "escape", "f5")
            assert app.run_state.view == "certificates"
            await press(pilot, "F", "F")
            assert app.screen.asked == "F", "while one types, a key is itself"
            await press(pilot, "escape", "question_mark", "end")
            assert "^f" in screen_text(app)

    asyncio.run(go())


def test_the_palette_finds_experiments_claims_checks_and_tasks(made_up_source: Source) -> None:
    e = made_up_source.archive.gallery[0]

    async def go() -> None:
        async with run_app(made_up_source, size=(120, 40), start=e.index) as pilot:
            for asked, shown in (
                (str(e.index), f"Experiment: {e.index} {e.label}"), ("contr", "Claim: order"), ("late-w", "Fact: late-wins"),
                ("determinism", "Check: determinism"), ("hellaswag", "Task: hellaswag"),
            ):  # fmt: skip
                asked = "order" if shown == "Claim: order" else asked
                await press(pilot, "ctrl+p", *asked)
                await pilot.pause(0.3)
                assert shown in screen_text(pilot.app), asked
                await press(pilot, "escape")
            await press(pilot, "ctrl+p", *"determinism")
            await pilot.pause(0.3)
            await press(pilot, "down", "enter")
            await press(pilot)
            assert pilot.app.run_state.view in ("certificates", "experiment")

    asyncio.run(go())


def test_a_view_is_written_as_rows_picture_and_text(
    made_up_source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    async def go() -> None:
        async with run_app(made_up_source, size=(100, 30)) as pilot:
            await press(pilot, "plus")
            for downs in range(4):
                await press(pilot, "X", *["down"] * downs, "enter")
            await press(pilot, "X", "enter", "4", "X", "enter", "3", "X", "down", "enter")
            assert "Written" in notices(pilot.app)

    asyncio.run(go())
    rows = list(csv.DictReader((tmp_path / "asi-repro-lineage.csv").read_text().splitlines()))
    every = made_up_source.archive.experiments
    assert [int(row["index"]) for row in rows] != []
    assert {int(row["index"]) for row in rows} == set(every)
    assert all(float(r["score"]) == every[int(r["index"])].score for r in rows if r["score"])
    assert len(json.loads((tmp_path / "asi-repro-lineage.json").read_text())) == len(rows)
    assert (tmp_path / "asi-repro-lineage.svg").read_text().startswith("<svg")
    assert "1 Tree" in (tmp_path / "asi-repro-lineage.txt").read_text()
    assert (tmp_path / "asi-repro-lineage-2.csv").is_file(), "nothing is written over"
    assert "determinism" in (tmp_path / "asi-repro-certificates.csv").read_text()
    assert {c["id"] for c in json.loads((tmp_path / "asi-repro-claims.json").read_text())} >= {"order"}


def test_a_session_that_saves_waits_for_another(synthetic_source: Source, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    app = HeardApp(synthetic_source, state=state, watch=False)
    saving = threading.Thread(target=app.save)
    with locked(state.with_suffix(".lock")):
        saving.start()
        saving.join(0.3)
        assert saving.is_alive()
        assert not state.exists()
    saving.join(10)
    assert state.is_file()


@pytest.mark.slow
def test_every_key_of_the_help_is_pressed(
    made_up_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each once, where it belongs: none ends the app, and none is a fault of it."""
    shutil.copytree(made_up_root, tmp_path, dirs_exist_ok=True)
    shutil.copytree(ROOT / "artifacts" / "sweeps", tmp_path / "artifacts" / "sweeps")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    made_up_source = Source(release_paths(Project(tmp_path)), Project(tmp_path))
    monkeypatch.chdir(tmp_path)
    pressed: set[tuple[str, str]] = set()

    async def go() -> None:
        index = made_up_source.archive.gallery[1].index
        async with run_app(made_up_source, size=(120, 40), start=index) as pilot:
            for where in [*(t.key for t in TABS), *(v.key for v in VIEWS)]:
                home = ("2", where) if where in {t.key for t in TABS} else (where,)
                await press(pilot, *home)
                every = [
                    (type(one.node).__name__, key)
                    for key, one in pilot.app.screen.active_bindings.items()
                    if one.binding.description and key not in ("q", "ctrl+q", "ctrl+c")
                ]
                for owner, key in every:
                    if (owner, key) not in pressed:
                        pressed.add((owner, key))
                        await pilot.press(key)
                        while len(pilot.app.screen_stack) > 1:
                            await pilot.press("escape")
                        await pilot.press(*home)
            await settle(pilot)
            assert pilot.app.is_running
            assert "a fault of the app" not in notices(pilot.app)

    asyncio.run(go())
    views = {"FactsView", "ReplayView", "ResultsView", "RunsView"}
    assert {"BrowseApp", "LineageTree", "ProgramTab", "Matrix", *views} <= {
        owner.replace("HeardApp", "BrowseApp") for owner, _ in pressed
    }
    assert len(pressed) > 150
