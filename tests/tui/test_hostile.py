"""Archives and texts that mean harm, or are half there."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from browsing import notices, press, run_app, screen_text

from asi_repro.archive.release import read_release
from asi_repro.archive.tables import Run, write_archive
from asi_repro.tui.run_data import Source, archive_paths
from asi_repro.tui.widgets.text import MAX_LINE, line, safe_block

EVIL = (
    "\x1b]0;owned\x07\x1b[2J\x1b[31m [bold red]markup[/] [@click=app.quit]press[/] \u202ereversed\u2066 "
    "\x9b31m [link=https://example.org]x[/link] \ud83d"
)
EVIL_MARKDOWN = (
    "# Title\n[a](javascript:alert(1)) <script>x</script> ![i](https://example.org/i.png)\n\n" + EVIL + "\n\n"
    "```\x1b[31m\ncode\n```\n" + "> " * 50 + "deep\n" + "x" * 100_000 + "\n| a | b |\n|---|---|\n| c |"
)
OBEYED = ["\x1b", "\x9b", "\x07", "\u202e", "\u2066"]


@pytest.fixture(scope="module")
def evil_run(synthetic_root: Path) -> Run:
    run = read_release(synthetic_root / "release")
    storable = EVIL.replace("\ud83d", "")
    for row in run.experiments:
        row["display_name"] = storable * (50 if row["index"] == 2 else 1)
    for row in run.programs:
        row["motivation"] = row["summary"] = EVIL_MARKDOWN.replace("\ud83d", "")
        row["source"] = f"def f():\n    '{storable}'\n\x0c{'y' * 50_000}\n" + "(" * 500
        row["diagram"] = f"<svg><script>x</script><text>{'a' * 5000}</text><text>[bold]b</text></svg>"
        row["lines"] = 4
    for row in run.cognition:
        row["design_insight"] = EVIL_MARKDOWN.replace("\ud83d", "")
    return run


def test_evil_texts_are_shown_not_obeyed(evil_run: Run, tmp_path: Path) -> None:
    write_archive(evil_run, tmp_path / "archive")
    source = Source(archive_paths(tmp_path / "archive"))
    index = source.archive.gallery[0].index

    async def go() -> None:
        for size in ((200, 60), (20, 5)):
            async with run_app(source, size=size) as pilot:
                screens = [screen_text(pilot.app)]
                await press(pilot, "down", "m")
                pilot.app.run_state.index = index
                await press(pilot, "2")
                for key in "MPDTHCOAR":
                    await press(pilot, key)
                    await press(pilot, "enter", "end", "right")
                    screens.append(screen_text(pilot.app))
                await press(pilot, "B", "escape")
                text = "\n".join(screens)
                assert not [c for c in OBEYED if c in text]
                if size[0] > 100:
                    assert "[bold red]markup[/]" in text, "markup is shown as it is written"
                    assert "\\x1b" in text
                    assert "<svg>" not in text
                assert pilot.app.is_running

    asyncio.run(go())


def test_lines_and_blocks() -> None:
    assert not [c for c in OBEYED if c in line(EVIL).plain + safe_block(EVIL)]
    assert len(line("x" * 10**6).plain) == MAX_LINE
    assert max(map(len, safe_block("x" * 10**6 + "\n\ty").split("\n"))) == MAX_LINE


def _half_written(folder: Path) -> None:
    path = folder / "experiments.parquet"
    path.write_bytes(path.read_bytes()[:200])


def _programs_missing(folder: Path) -> None:
    (folder / "programs.parquet").unlink()


def _newer_schema(folder: Path) -> None:
    import pyarrow.parquet as pq

    path = folder / "experiments.parquet"
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({b"asi_repro.schema_version": b"99"}), path)


@pytest.mark.parametrize(
    ("harm", "told"), [(_half_written, "Parquet file is damaged"), (_newer_schema, "schema version 99")]
)
def test_an_archive_that_cannot_be_read(
    synthetic_root: Path, tmp_path: Path, harm: object, told: str
) -> None:
    shutil.copytree(synthetic_root / "artifacts" / "archive", tmp_path / "archive")
    assert callable(harm)
    harm(tmp_path / "archive")

    async def go() -> None:
        async with run_app(Source(archive_paths(tmp_path / "archive"))) as pilot:
            shown = screen_text(pilot.app)
            assert told in shown
            assert "dvc repro" in shown
            await press(pilot, "2", "G")
            await pilot.press("1")
            await press(pilot, "enter")
            assert told in notices(pilot.app)

    asyncio.run(go())


def test_files_that_change_underneath(synthetic_root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    shutil.copytree(synthetic_root / "artifacts" / "archive", folder)
    source = Source(archive_paths(folder))
    run = read_release(synthetic_root / "release")

    async def go() -> None:
        async with run_app(source) as pilot:
            await press(pilot, "down", "down")
            keep = pilot.app.view("lineage").lines.current
            run.experiments = [
                row for row in run.experiments if row["index"] < 50 and (row["parent"] or 0) < 50
            ]
            kept = {row["index"] for row in run.experiments}
            for name in ("programs", "curves", "benchmarks"):
                setattr(run, name, [row for row in getattr(run, name) if row["index"] in kept])
            write_archive(run, folder)
            assert source.changed()
            await pilot.app._look_for_changes()
            await press(pilot)
            assert "read again" in screen_text(pilot.app)
            assert pilot.app.view("lineage").lines.current == keep
            assert len(source.archive.experiments) == len(kept)
            shutil.rmtree(folder)
            await pilot.app._look_for_changes()
            await press(pilot, "down", "enter")
            assert "there is no archive" in notices(pilot.app) + screen_text(pilot.app)
            assert pilot.app.is_running

    asyncio.run(go())


def test_an_archive_that_goes_between_two_looks_at_a_view(synthetic_root: Path, tmp_path: Path) -> None:
    folder, aside = tmp_path / "archive", tmp_path / "aside"
    shutil.copytree(synthetic_root / "artifacts" / "archive", folder)
    source = Source(archive_paths(folder))

    async def go() -> None:
        async with run_app(source) as pilot:
            await press(pilot, "down", "enter", "1")
            folder.rename(aside)
            await pilot.app._look_for_changes()
            await pilot.resize_terminal(90, 30)
            await press(pilot, "down", "enter")
            assert pilot.app.is_running
            assert "there is no archive" in screen_text(pilot.app)
            aside.rename(folder)
            await pilot.app._look_for_changes()
            await press(pilot)
            assert pilot.app.view("experiment") is not None, "what is there again is shown again"

    asyncio.run(go())


def test_a_table_that_goes_while_browsing(synthetic_root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    shutil.copytree(synthetic_root / "artifacts" / "archive", folder)
    source = Source(archive_paths(folder))
    index = source.archive.gallery[0].index
    _programs_missing(folder)

    async def go() -> None:
        async with run_app(source, start=index) as pilot:
            await press(pilot)
            assert "the table programs is missing" in screen_text(pilot.app)
            await press(pilot, "T")
            assert pilot.app.is_running

    asyncio.run(go())
