"""The matrix: its cells against the certificates, its keys, and certificates that are not there or damaged."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from browsing import SIZES, notices, press, run_app, screen_text
from snapshots import check_screen

from asi_repro.project import Project
from asi_repro.tui.run_data import Source, release_paths
from asi_repro.tui.views.certificates import CertificatesView
from asi_repro.tui.widgets.matrix import Matrix
from asi_repro.verify.catalogue import ROW_NAMES
from asi_repro.verify.certificate import read_certificates


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_screen(made_up_source: Source, size: tuple[int, int]) -> None:
    async def go() -> None:
        async with run_app(made_up_source, size=size) as pilot:
            await press(pilot, "4", "down", "right")
            check_screen(pilot.app, "certificates")
            await press(pilot, *["right"] * 19)
            shown = screen_text(pilot.app)
            assert "not run" in shown
            assert "\x1b" not in shown
            assert "\u202e" not in shown
            # The names stay when the columns scroll.
            names = [str(c.index) for c in made_up_source.certificates()]
            assert all(name in shown for name in names)

    asyncio.run(go())


def test_cells_counts_sorting_and_ways(made_up_source: Source) -> None:
    found = made_up_source.certificates()

    async def go() -> None:
        async with run_app(made_up_source, size=(200, 40)) as pilot:
            await press(pilot, "4")
            view, matrix = pilot.app.query_one(CertificatesView), pilot.app.query_one(Matrix)
            glyphs = {"pass": "✓", "fail": "✗", "not run": "·"}
            for certificate, marks in zip(found, matrix._marks, strict=True):
                for row, mark in zip(certificate.checks, marks, strict=True):
                    measured = row.comparison == "none" and row.verdict == "pass"
                    assert mark.glyph == ("•" if measured else glyphs[row.verdict])
            for name, column in zip(ROW_NAMES, matrix._columns, strict=True):
                fails = sum(c.row(name).verdict == "fail" for c in found)
                assert column.count == (str(fails) if fails else "·")
            counts = [c.counts()["fail"] for c in view._rows]
            assert counts == sorted(counts, reverse=True)
            await press(pilot, "right", "n")
            here, row = view._here(), view._check()
            assert here is not None
            assert row is not None
            assert row.verdict == "fail"
            await press(pilot, "f")
            assert {c.index for c in view._rows} == {c.index for c in found if c.counts()["fail"]}
            assert view._here() is not None
            await press(pilot, "enter")
            assert (pilot.app.run_state.view, pilot.app.run_state.index) == ("experiment", here.index)

    asyncio.run(go())


def test_no_certificates_and_a_damaged_one_are_told(made_up_root: Path, tmp_path: Path) -> None:
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / "archive").symlink_to(made_up_root / "artifacts" / "archive")
    project = Project(tmp_path)

    async def go() -> None:
        async with run_app(Source(release_paths(project), project)) as pilot:
            await press(pilot, "4")
            assert "dvc repro verify" in screen_text(pilot.app) + notices(pilot.app)
            project.certificates.mkdir()
            (project.certificates / "3.json").write_text('{"format": 1}')
            await press(pilot, "ctrl+r")
            assert "not a certificate" in screen_text(pilot.app) + notices(pilot.app)
            whole = read_certificates(made_up_root / "artifacts" / "certificates")[0]
            (project.certificates / "3.json").unlink()
            source = made_up_root / "artifacts" / "certificates" / f"{whole.index}.json"
            (project.certificates / source.name).write_bytes(source.read_bytes())
            await press(pilot, "ctrl+r")
            assert "1 of 1, " in screen_text(pilot.app)

    asyncio.run(go())


def test_a_cell_opens_its_own_row_and_long_names_say_that_they_are_cut(made_up_source: Source) -> None:
    async def go() -> None:
        async with run_app(made_up_source, size=(80, 30)) as pilot:
            await press(pilot, "4", *["right"] * 9)
            check = pilot.app.query_one(CertificatesView)._check().check
            names = [c.display_name or c.name for c in made_up_source.certificates()]
            shown = screen_text(pilot.app)
            assert all(name in shown or (f"{name[:8]}" in shown and "…" in shown) for name in names)
            await press(pilot, "enter")
            assert pilot.app.focused.line.key == check

    asyncio.run(go())
