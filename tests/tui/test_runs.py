"""Runs at hand, and a live run followed without disturbing it."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from browsing import SIZES, notices, press, run_app, screen_text, settle
from snapshots import check_screen

from asi_repro.discover.loop.exploration import Exploration
from asi_repro.discover.loop.journal import Journal
from asi_repro.discover.loop.steps import StepRules
from asi_repro.discover.run import monitor
from asi_repro.discover.run.folder import LOSSES, PLAN, TIMINGS, TRAINING, DiscoveryRun
from asi_repro.discover.run.listing import list_runs
from asi_repro.discover.run.monitor import RunMonitor, next_step
from asi_repro.project import Project
from asi_repro.store.files import sha256_file
from asi_repro.store.json_lines import append_line, read_lines
from asi_repro.tui.app import BrowseApp
from asi_repro.tui.run_data import Source, release_paths
from asi_repro.tui.run_lines import headline
from asi_repro.tui.theme import theme_styles
from asi_repro.tui.views.runs import RunsView
from asi_repro.tui.widgets.plot import Plot


def fake_team() -> ModuleType:
    path = Path(__file__).parents[1] / "discover" / "fake_team.py"
    spec = importlib.util.spec_from_file_location("fake_team", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fake_team"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def live_root(made_up_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a live run of 16 experiments, whose every step was looked at on the way."""
    root = tmp_path_factory.mktemp("live")
    for name in ("dvc.yaml", "params.yaml"):
        (root / name).touch()
    (root / "artifacts" / "runs").mkdir(parents=True)
    (root / "artifacts" / "archive").symlink_to(made_up_root / "artifacts" / "archive")
    fake = fake_team()
    folder = root / "artifacts" / "runs" / "lively"
    fake.begin(folder)
    job = fake.fake_job(folder)
    run = job.open()
    seen: list[tuple[str, str]] = []

    def hook(moment: str) -> None:
        word, _, step = moment.partition(" ")
        journals = list((folder / "journal").glob("*.jsonl"))
        if word == "before" and step not in ("rejected", "commit"):
            lines = read_lines(journals[0]) if journals else []
            is_root = not run.finished()
            rules = StepRules(is_root, proposals=1 if is_root else 3, repairs=2, judged=False)
            seen.append((step, next_step(lines, rules)))

    Exploration(run, job.team(run), job.first, hook=hook).work(16)
    # A repeated program is not looked at by the novelty check.
    wrong = [pair for pair in seen if pair[0] != pair[1] and not _repeat(*pair)]
    assert len(seen) > 60
    assert not wrong
    return root


def _repeat(step: str, expected: str) -> bool:
    return step.startswith("propose.") and expected.startswith("novelty.")


def source_of(root: Path) -> Source:
    project = Project(root)
    return Source(release_paths(project), project)


def folder_of(root: Path) -> Path:
    return root / "artifacts" / "runs" / "lively"


def test_results_are_those_of_the_run(live_root: Path) -> None:
    run = DiscoveryRun(folder_of(live_root))
    standing = RunMonitor(run.folder).status()
    assert {r.index for r in standing.committed} == set(run.store.commits())
    assert {r.index for r in standing.results if r.failed} == run.failed()
    assert all(r.why for r in standing.results if r.failed)
    best = max(r.fitness for r in standing.committed if r.fitness is not None)
    assert standing.best is not None
    assert standing.best.fitness == best
    assert standing.rejected >= len(run.failed())


def test_looking_takes_no_lock_and_changes_no_file(live_root: Path) -> None:
    folder = folder_of(live_root)

    def state() -> dict[str, Any]:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {str(p): (p.stat().st_mtime_ns, sha256_file(p)) for p in files}

    follower = RunMonitor(folder)
    before = state()
    for _ in range(2):
        follower.status()
    assert state() == before
    run = DiscoveryRun(folder)
    with run.claim("0000001") as mine:
        assert mine
        if monitor.lock_holders(folder / "locks"):
            assert monitor.lock_holders(folder / "locks") == {"0000001": os.getpid()}
        follower.status()
        with run.claim("0000001") as again:
            assert not again
    assert monitor.lock_holders(folder / "locks") == {}


def test_a_run_that_goes_on_is_read_on(live_root: Path) -> None:
    folder = folder_of(live_root)
    follower = RunMonitor(folder)
    count = len(follower.status().results)
    run = DiscoveryRun(folder)
    path = run.journal("0000099")
    journal = Journal(path, "99")
    journal.step("sample", lambda: {"parent": 1, "references": [], "ranks": [1], "pool": 1})
    try:
        with run.claim("0000099"):
            (doing,) = follower.status().unfinished
            assert (doing.name, doing.step, doing.done) == ("0000099", "propose.0", ("sample",))
            assert doing.worker in (os.getpid(), None)
        (folder / "llm-spent.jsonl").write_text('{"id": "a", "tokens": 1234, "usd": 0.5}\n')
        standing = follower.status()
        assert (standing.tokens, standing.usd) == (1234, 0.5)
        assert standing.unfinished[0].worker is None
        assert len(standing.results) == count
    finally:
        path.unlink()
        (folder / "llm-spent.jsonl").unlink()


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_screen(live_root: Path, size: tuple[int, int]) -> None:
    async def go() -> None:
        async with run_app(source_of(live_root), size=size) as pilot:
            await press(pilot, "6", "f", "down")
            check_screen(pilot.app, "runs")

    asyncio.run(go())


def test_the_live_run_is_followed(live_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of(live_root)
    run = DiscoveryRun(folder)
    path = run.journal("0000050")

    async def go() -> None:
        async with run_app(source_of(live_root), size=(160, 50)) as pilot:
            await press(pilot, "6", "down")
            assert "nothing is unfinished" in screen_text(pilot.app)
            with run.claim("0000050"):
                Journal(path, "50").step("sample", lambda: {})
                pilot.app.query_one(RunsView)._tick()
                await settle(pilot)
                shown = screen_text(pilot.app)
                assert "0000050" in shown
                assert "propose.0" in shown
            await press(pilot, "enter")
            assert "cannot be browsed yet" in notices(pilot.app)
            path.write_text("not json\n")
            pilot.app.query_one(RunsView)._tick()
            await settle(pilot)
            assert "not JSON" in notices(pilot.app)
            assert "held" in screen_text(pilot.app)

    try:
        asyncio.run(go())
    finally:
        path.unlink(missing_ok=True)


def test_the_loss_of_what_trains_now_is_drawn_as_it_falls(live_root: Path) -> None:
    run = DiscoveryRun(folder_of(live_root))
    losses = run.folder / TRAINING / "a-program" / LOSSES
    losses.parent.mkdir(parents=True)
    process = os.getpid()

    async def go() -> None:
        async with run_app(source_of(live_root), size=(160, 50)) as pilot:
            await press(pilot, "6", "down")
            view = pilot.app.query_one(RunsView)
            with run.claim("0000051"):
                for step, loss in ((1, 10.75), (2, 9.5), (3, 8.25)):
                    append_line(losses, {"step": step, "steps": 24, "loss": loss, "process": process})
                    append_line(losses, {"step": 20, "steps": 24, "loss": 1.0, "process": process + 1})
                    view._tick()
                    await settle(pilot)
                    shown = screen_text(pilot.app)
                    assert f"loss {loss:.4f} at step {step} of 24" in shown
                    assert f"step {step} of 24, loss {loss:.4f}" in shown
                assert "loss of what trains now" in shown
                (drawn,) = view.query_one("#runs-loss", Plot).figure.series
                assert list(drawn.points) == [(1, 10.75), (2, 9.5), (3, 8.25)]
            view._tick()
            await settle(pilot)
            assert "loss of what trains now" not in screen_text(pilot.app), "nobody is at work"

    try:
        asyncio.run(go())
    finally:
        shutil.rmtree(losses.parents[1])


@pytest.mark.parametrize(("keys", "looks"), [((), 1), (("home",), 4)], ids=["looked at", "another"])
def test_the_list_counts_with_the_run(
    live_root: Path, tmp_path: Path, keys: tuple[str, ...], looks: int
) -> None:
    root = tmp_path / "copy"
    shutil.copytree(live_root, root, symlinks=True)
    run = root / "artifacts" / "runs" / "lively"

    async def go() -> None:
        async with run_app(source_of(root), size=(150, 50)) as pilot:
            await press(pilot, "6", "end")
            view = pilot.app.query_one(RunsView)
            before = view._row()
            assert before is not None
            assert before.experiments
            await press(pilot, *keys)
            job = fake_team().fake_job(run)  # as another process would go on
            opened = job.open()
            Exploration(opened, job.team(opened), job.first).work(
                before.experiments + (before.failed or 0) + 3
            )
            for _ in range(looks):
                view._tick()
            await settle(pilot)
            after = next(row for row in view._rows if row.name == "lively")
            done = after.experiments + (after.failed or 0)
            assert done == before.experiments + (before.failed or 0) + 3
            assert f"{after.experiments:>6}{after.failed:>4}" in screen_text(pilot.app)

    asyncio.run(go())


def test_a_run_that_is_over_is_drawn_too(made_up_source: Source) -> None:
    scores = [e.score for e in made_up_source.archive.experiments.values() if e.score is not None]

    async def go() -> None:
        async with run_app(made_up_source, size=(120, 40)) as pilot:
            await press(pilot, "6")
            (drawn,) = pilot.app.query_one("#runs-plot", Plot).figure.series
            assert (drawn.label, drawn.points[-1]) == ("release", (300.0, max(scores)))

    asyncio.run(go())


def test_without_runs_it_says_so(tmp_path: Path) -> None:
    for name in ("dvc.yaml", "params.yaml"):
        (tmp_path / name).touch()

    async def go() -> None:
        async with run_app(source_of(tmp_path)) as pilot:
            await press(pilot, "6")
            shown = screen_text(pilot.app)
            assert "looking for runs" not in shown
            assert "there are no runs" in shown

    asyncio.run(go())


def test_how_many_were_asked_for_is_what_the_timings_say_last(live_root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "lively"
    shutil.copytree(live_root / "artifacts" / "runs" / "lively", folder)
    before = RunMonitor(folder).status()
    for count in (20, 40):
        append_line(folder / TIMINGS, {"kind": PLAN, "experiments": count})
    after = RunMonitor(folder).status()
    assert (before.planned, after.planned) == (None, 40)
    assert after.seconds_left is None, "nobody is at work"
    styles = theme_styles(BrowseApp(Source(release_paths(Project(live_root)))))
    row = next(one for one in list_runs(Project(live_root)) if one.name == "lively")
    assert f"{len(after.results)} of 40 █" in headline(row, after, False, styles).plain
    assert " of " not in headline(row, before, False, styles).plain
