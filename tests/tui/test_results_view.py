"""Results and report as views: our own trainings against DeltaNet, and the page that was made of them."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from browsing import notices, press, run_app, screen_text

from asi_repro.project import Project
from asi_repro.results.table import read_results
from asi_repro.tui.source import Source, release_paths
from asi_repro.tui.views.results import ResultsView, result_folders
from asi_repro.tui.widgets.line_list import LineList
from asi_repro.tui.widgets.plot import Plot

ROOT = Path(__file__).parents[2]


@pytest.fixture
def trained_source(made_up_root: Path, tmp_path: Path) -> Source:
    """The made-up run in a project with the recorded sweep, which Git tracks."""
    shutil.copytree(made_up_root / "artifacts", tmp_path / "artifacts")
    shutil.copytree(ROOT / "artifacts" / "sweeps" / "smoke", tmp_path / "artifacts" / "sweeps" / "smoke")
    for name in ("dvc.yaml", "params.yaml"):
        (tmp_path / name).touch()
    return Source(release_paths(Project(tmp_path)), Project(tmp_path))


def test_models_are_sorted_and_their_curves_read_off(trained_source: Source) -> None:
    assert trained_source.project is not None
    (folder,) = result_folders(trained_source.project.artifacts)
    found = read_results(folder)

    async def go() -> None:
        async with run_app(trained_source, size=(140, 40)) as pilot:
            await press(pilot, "8")
            view = pilot.app.query_one(ResultsView)
            listed = [line.key for line in view.query_one("#results-models", LineList).lines]
            losses = {row.name: row.validation_loss.mean for row in found.models if row.validation_loss}
            assert listed[: len(losses)] == sorted(losses, key=lambda name: losses[name])
            assert "table 1 of 1" in screen_text(pilot.app)
            assert found.summary.about[:40] in screen_text(pilot.app)
            await press(pilot, "S")
            assert view.query_one("#results-models", LineList).lines[0].key == listed[len(losses) - 1]
            await press(pilot, "s", "s")
            scores = {row.name: row.score.mean for row in found.models if row.score}
            best = max(scores.values())
            assert scores[str(view.query_one("#results-models", LineList).lines[0].key)] == best
            await press(pilot, "home", "full_stop", "full_stop", "comma")
            here = view.query_one("#results-models", LineList).line.key  # type: ignore[union-attr]
            first = next(p for p in found.curves if p.name == here)
            assert f"loss at step {first.step}" in screen_text(pilot.app)
            assert f"{first.loss:.4f}" in screen_text(pilot.app)
            assert pilot.app.query_one("#view-results Plot", Plot).figure.series[-1].label
            await press(pilot, "right_square_bracket", "left_square_bracket", "enter")
            assert (
                "no experiment of the run" in notices(pilot.app) or pilot.app.run_state.view == "experiment"
            )

    asyncio.run(go())


def test_without_results_or_report_they_say_what_makes_them(made_up_source: Source) -> None:
    async def go() -> None:
        async with run_app(made_up_source) as pilot:
            await press(pilot, "8")
            assert "asi-repro sweep" in screen_text(pilot.app)
            await press(pilot, "9")
            assert "asi-repro report" in screen_text(pilot.app)

    asyncio.run(go())


def test_the_report_is_read_searched_and_opened(
    trained_source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert trained_source.project is not None
    folder = trained_source.project.report
    folder.mkdir(parents=True)
    text = "# The page\n\n" + "words and words\n\n" * 40 + "## Second part\n\nneedle \x1b[31m here\n"
    (folder / "report.md").write_text(text)
    opened: list[str] = []

    async def go() -> None:
        async with run_app(trained_source, size=(100, 30)) as pilot:
            monkeypatch.setattr(pilot.app, "open_url", lambda url, **_: opened.append(url))
            await press(pilot, "9")
            assert "The page" in screen_text(pilot.app)
            await press(pilot, "i", "down", "enter")
            assert "Second part" in screen_text(pilot.app)
            await press(pilot, "home", "slash", *"needle", "enter")
            assert "1 of 1" in screen_text(pilot.app)
            assert "needle" in pilot.app.focused.line.text.plain
            await press(pilot, "n", "N")
            assert "\x1b" not in screen_text(pilot.app)
            await press(pilot, "o")
            assert opened == [folder.joinpath("index.html").as_uri()]

    asyncio.run(go())
