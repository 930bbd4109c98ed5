"""Results and report as views: our own trainings against DeltaNet, and the page that was made of them."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from browsing import SIZES, notices, press, run_app, screen_text
from snapshots import check_screen
from sweep_rows import made_up_row, probe_row

from asi_repro.claims.recorded_sweep import read_recorded
from asi_repro.config.params import load_params
from asi_repro.data.probe_tasks import PROBES
from asi_repro.project import Project
from asi_repro.results.layout import slug_of
from asi_repro.results.probe_matrix import make_matrix
from asi_repro.results.probe_rows import read_probes, write_probe
from asi_repro.results.recorded_sweep import read_sweep, sentence
from asi_repro.results.sweep_rows import read_rows, row_path, write_row
from asi_repro.results.table import read_results
from asi_repro.tui.result_tables import SweepTable, result_tables
from asi_repro.tui.run_data import Source, release_paths
from asi_repro.tui.views.results import ResultsView
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
    (table,) = result_tables(trained_source.project, trained_source.archive)
    found = read_results(table.folder)

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
            assert "no experiment of" in notices(pilot.app) or pilot.app.run_state.view == "experiment"

    asyncio.run(go())


def test_a_model_that_sees_later_tokens_has_no_place(tmp_path: Path, trained_source: Source) -> None:
    for name, loss in (("0001-leaks", 0.1), ("0002-fair", 1.5), ("delta_net", 1.6)):
        for seed in (0, 1):
            write_row(made_up_row(name, seed, loss + seed / 1000, program=name), tmp_path / "laptop")
    table = SweepTable(tmp_path / "laptop", trained_source.archive, None)
    assert [(row.place, row.leaks) for row in table.rows] == [(None, False)] * 3, "not known yet"
    rows, _ = read_rows(tmp_path / "laptop")
    table.take(read_sweep(rows, paper={}, total=2, seed=1, resamples=50, leaking={"0001-leaks"}))
    leaks, fair, _ = table.rows
    place = next(column for column in table.columns if column.title.startswith("place"))
    assert (place.value(leaks), place.more(leaks)) == (None, "leaks")
    assert (place.value(fair), fair.leaks) == (1.0, False)


def test_a_recorded_sweep_is_sorted_placed_and_opened(trained_source: Source) -> None:
    """Against what `asi-repro results --scale laptop --json` works out of the same rows."""
    project = trained_source.project
    assert project is not None
    shutil.copy(ROOT / "params.yaml", project.root)
    folder = project.artifacts / "sweeps" / "laptop"
    shutil.copytree(ROOT / "artifacts" / "sweeps" / "laptop", folder)
    rows, _ = read_rows(folder)
    e = trained_source.archive.gallery[0]
    index, best = e.index, slug_of(e.index, e.name)
    old = min((row for row in rows if row.index), key=lambda row: row.validation_loss or 9.0).name
    for row in [row for row in rows if row.name == old]:
        row_path(folder, old, row.seed).unlink()
        write_row(row.model_copy(update={"name": best, "index": index}), folder)
    rows, _ = read_rows(folder)
    params = load_params(ROOT)
    sweep, _ = read_recorded(
        folder, trained_source.archive, None, seed=params.seed, resamples=params.claims.resamples
    )

    async def go() -> None:
        async with run_app(trained_source, size=(140, 50)) as pilot:
            await press(pilot, "8")
            view = pilot.app.query_one(ResultsView)
            while "laptop" not in screen_text(pilot.app):
                await press(pilot, "right_square_bracket")
            listed = view.query_one("#results-models", LineList)
            keys = [line.key for line in listed.lines]
            assert keys == sorted(sweep.places, key=lambda name: sweep.places[name].place)
            shown = " ".join(screen_text(pilot.app).split())
            assert sentence(sweep) in shown
            for name, place in sweep.places.items():
                line = next(line for line in listed.lines if line.key == name).text.plain
                assert f" {place.place} [{place.low}, {place.high}]" in line
            await press(pilot, *"ssss")
            keys = [line.key for line in listed.lines]
            costs = {row.name: row.flops_per_token for row in rows if row.completed}
            assert keys == sorted(costs, key=lambda name: costs[name])
            listed.go(best)
            await press(pilot)
            (points,) = view.query_one(Plot).figure.series
            assert len(points.points) == len(costs)
            await press(pilot, "full_stop")
            assert "at step" not in screen_text(pilot.app), "a picture of costs has no steps"
            await press(pilot, "x", "a", "home", "full_stop")
            drawn = view.query_one(Plot).figure.series
            assert len(drawn) == sum(row.completed for row in rows), "a curve a training"
            assert {"delta_net", trained_source.archive.experiments[index].label[:17]} <= {
                one.label.rstrip("…") for one in drawn
            }, "the reference and what is kept have names wherever the cursor is"
            first = min(int(step) for step in rows[0].curve)
            assert f"at step {first}" in screen_text(pilot.app)
            await press(pilot, "a")
            assert "logarithmic" in screen_text(pilot.app)
            assert view.query_one(Plot).figure.y.log
            other = next(row.name for row in rows if row.index and row.name != best)
            listed.go(other)
            await press(pilot, "enter")
            assert pilot.app.run_state.view == "results", "of its index this run has another experiment"
            assert "no experiment of" in notices(pilot.app)
            listed.go(best)
            await press(pilot, "enter")
            assert (pilot.app.run_state.view, pilot.app.run_state.index) == ("experiment", index)

    asyncio.run(go())


def test_the_matrix_of_probes_stands_beside_chance_and_noise(trained_source: Source) -> None:
    """Against what `asi-repro probes --show --json` works out of the same rows."""
    project = trained_source.project
    assert project is not None
    shutil.copy(ROOT / "params.yaml", project.root)
    folder = project.artifacts / "sweeps" / "laptop"
    e = trained_source.archive.gallery[0]
    for seed, score in ((0, 0.999), (1, 0.998)):
        write_probe(probe_row(slug_of(e.index, e.name), "recall", seed, score), folder)
        write_probe(probe_row("delta_net", "recall", seed, 0.4 + 0.01 * seed), folder)
        write_probe(probe_row("transformer", "parity", seed, 0.5), folder)
    matrix = make_matrix(read_probes(folder)[0], {name: task.title for name, task in PROBES.items()})

    async def go() -> None:
        async with run_app(trained_source, size=(80, 24)) as pilot:
            await press(pilot, "8")
            view = pilot.app.query_one(ResultsView)
            shown = " ".join(screen_text(pilot.app).split())
            listed = view.query_one("#results-models", LineList)
            assert [line.key for line in listed.lines] == [
                slug_of(e.index, e.name),
                "delta_net",
                "transformer",
            ]
            best, reference, other = (line.text.plain for line in listed.lines)
            assert "0.999+" in best.replace("0.998", "0.999"), "above DeltaNet by more than seeds differ"
            assert " 0.405 " in reference
            assert "–" in other
            chance = matrix.tasks["recall"].chance
            assert f"a guess {chance:.3f} {matrix.tasks['parity'].chance:.3f}" in shown
            assert f"deviation {matrix.tasks['recall'].seed_deviation:.3f}" in shown
            assert matrix.models[slug_of(e.index, e.name)]["recall"].shown in shown
            assert pilot.app.query_one("#view-results Plot", Plot).figure.rules == [chance]
            assert view.table()[0]["recall"] == matrix.models[view.table()[0]["name"]]["recall"].mean
            await press(pilot, "i")
            assert matrix.sentence in " ".join(screen_text(pilot.app).split())
            await press(pilot, "i", "home", "enter")
            assert (pilot.app.run_state.view, pilot.app.run_state.index) == ("experiment", e.index)

    asyncio.run(go())


def test_a_table_that_is_being_worked_out_does_not_say_that_it_is_empty(
    trained_source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert trained_source.project is not None
    shutil.copy(ROOT / "params.yaml", trained_source.project.root)
    write_probe(
        probe_row("delta_net", "recall", 0, 0.5), trained_source.project.artifacts / "sweeps" / "laptop"
    )
    monkeypatch.setattr("asi_repro.tui.probes_table.ProbesTable.work_out", lambda table, **_: None)

    async def go() -> None:
        async with run_app(trained_source, size=(80, 24)) as pilot:
            await press(pilot, "8")
            assert "working out" in screen_text(pilot.app)
            assert "no model was trained" not in screen_text(pilot.app)

    asyncio.run(go())


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_screen(made_up_root: Path, tmp_path: Path, size: tuple[int, int]) -> None:
    shutil.copytree(made_up_root, tmp_path, dirs_exist_ok=True)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    project = Project(tmp_path)
    folder = project.artifacts / "sweeps" / "made-up"
    for seed in (0, 1):
        for name, loss in (("delta_net", 2.0), ("0007-made-up", 1.9), ("transformer", 2.3)):
            write_row(made_up_row(name, seed, loss + seed / 100), folder)
            curve = {"1000": loss / 9, "2000": loss / 3, "3000": loss / 2.5}
            write_probe(
                probe_row(name, "recall", seed, loss / 2.5).model_copy(update={"curve": curve}), folder
            )

    async def go() -> None:
        async with run_app(Source(release_paths(project), project), size=size) as pilot:
            await press(pilot, "8", "a", "x")
            check_screen(pilot.app, "results")
            await press(pilot, "right_square_bracket")
            check_screen(pilot.app, "results-probes")

    asyncio.run(go())


@pytest.mark.parametrize("width", [80, 120, 200])
def test_columns_are_whole_and_what_is_said_leaves_room(trained_source: Source, width: int) -> None:
    async def go() -> None:
        async with run_app(trained_source, size=(width, 24)) as pilot:
            await press(pilot, "8")
            view = pilot.app.query_one(ResultsView)
            assert view.query_one("#results-about").size.height <= 3
            listed = view.query_one("#results-models", LineList)
            for column in view._table.columns:
                shown = screen_text(pilot.app)
                assert all(word in shown for word in column.title.split()), "sorted by, it is there"
                assert listed.virtual_size.width <= listed.size.width
                await press(pilot, "s")

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
