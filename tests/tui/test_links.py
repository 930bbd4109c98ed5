"""The link of a place: each place that one can be at is opened again by the command that Y copies."""

from __future__ import annotations

import asyncio
import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from browsing import notices, press, run_app, settle, still
from sweep_rows import probe_row

from asi_repro.data.probe_tasks import PROBES
from asi_repro.errors import AsiReproError, NotFound
from asi_repro.project import Project
from asi_repro.results.probe_rows import write_probe
from asi_repro.traces.parquet import write_traces
from asi_repro.traces.spans import Trace
from asi_repro.tui.app import browse
from asi_repro.tui.deep_link import Link, link_to
from asi_repro.tui.registry import TABS, VIEWS
from asi_repro.tui.run_data import Source, release_paths
from asi_repro.tui.view import View
from asi_repro.tui.widgets.line_list import LineList

ROOT = Path(__file__).parents[2]


def test_a_link_opens_its_place_and_the_place_gives_its_link(made_up_source: Source) -> None:
    gallery, other = (e.index for e in made_up_source.archive.gallery[:2])
    links = [
        Link("lineage", gallery, filter="gallery:yes"),
        Link(experiment=gallery, tab="diff"),
        Link("claims", claim="order"),
        Link("certificates", gallery, part="einops_only"),
        Link("replay", gallery),
        Link("compare", gallery, others=(other,)),
    ]

    async def go(link: Link) -> None:
        async with run_app(made_up_source, size=(120, 40), start=link) as pilot:
            await press(pilot)
            await press(pilot, "Y")
            assert pilot.app.clipboard == link.command(made_up_source.paths)
            assert pilot.app.run_state.view == link.opens

    for link in links:
        asyncio.run(go(link))
    with pytest.raises(NotFound, match="no tab 'nothing'"):
        Link(tab="nothing")
    assert Link(experiment=7, filter="a b").command(made_up_source.paths) == (
        "asi-repro browse --filter 'a b' --at 7"
    )
    assert Link(experiment=7, others=(8,)).opens == "compare"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--view", "nothing"], "there is no view 'nothing'"),
        (["--filter", "scor>2"], "no field scor"),
        (["--at", "99999"], "99999"),
        (["--at", "1,99999"], "99999"),
        (["--claim", "nothing"], "no claim has the id"),
    ],
    ids=["view", "filter", "experiment", "one of two", "claim"],
)
def test_a_link_that_leads_nowhere_is_an_error(
    made_up_root: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], said: str
) -> None:
    monkeypatch.chdir(made_up_root)
    monkeypatch.setenv("TEXTUAL_DRIVER", "textual.drivers.headless_driver:HeadlessDriver")
    name, value = options
    with pytest.raises(AsiReproError, match=said):
        browse(**{name.removeprefix("--"): value})


@pytest.fixture
def whole_source(made_up_root: Path, tmp_path: Path) -> Source:
    """The made-up run in a project with tables of results, a report and the trace of an experiment."""
    shutil.copytree(made_up_root, tmp_path, dirs_exist_ok=True)
    sweeps = tmp_path / "artifacts" / "sweeps"
    shutil.copytree(ROOT / "artifacts" / "sweeps" / "smoke", sweeps / "smoke")
    for name in ("delta_net", "transformer"):
        for task in list(PROBES)[:2]:
            write_probe(probe_row(name, task, 0, 0.5), sweeps / "laptop")
    sections = "".join(f"## Section {n}\n\nA sentence.\n\n" for n in range(40))
    project = Project(tmp_path)
    project.report.mkdir(parents=True)
    (project.report / "report.md").write_text(f"# Report\n\n{sections}")
    source = Source(release_paths(project), project)
    trace = Trace(str(source.archive.gallery[1].index))
    for name in ("propose", "check", "train"):
        with trace.span(name, "AGENT"):
            pass
    write_traces(trace.to_rows(), source.paths.traces / "archive.parquet")
    return Source(release_paths(project), project)


# What is pressed in each place; the first is the view or tab itself.
_WALKS = {
    "lineage": [("1", "down", "down")],
    "claims": [("3", "down")],
    "certificates": [("4", "down", "right", "right", "right")],
    "replay": [("5", "left", "left")],
    "runs": [("6",)],
    "compare": [("2", "c")],
    "results": [("8", "right_square_bracket", "down"), ("8", "down", "down")],
    "report": [("9", *["pagedown"] * 3)],
    "facts": [("0", "down")],
    "overview": [("2", "V", "end")],
    "motivation": [("2", "M", "end")],
    "program": [("2", "P", "pagedown", "down")],
    "diff": [("2", "D", "n", "n"), ("2", "D", "o", "OTHER", "enter", "n"), ("2", "D", "greater_than_sign", "n"),
             ("2", "D", "w", "n", "down"), ("2", "D", "home", "enter", "down", "down")],
    "training": [("2", "T", "right", "right"), ("2", "T", "o", "OTHER", "enter", "left")],
    "benchmarks": [("2", "H", "end")],
    "certificate": [("2", "C", "n"), ("2", "C", "down", "down")],
    "cognition": [("2", "O", "down", "enter", "down")],
    "diagram": [("2", "A")],
    "trace": [("2", "R", "down")],
}  # fmt: skip


def test_every_view_and_tab_is_walked() -> None:
    views = {spec.name for spec in VIEWS} - {"experiment"}
    assert views | {spec.name for spec in TABS} == set(_WALKS)


@pytest.mark.parametrize(
    "keys", [walk for walks in _WALKS.values() for walk in walks], ids=lambda keys: "-".join(keys)
)
def test_every_place_is_opened_again_by_its_link(whole_source: Source, keys: tuple[str, ...]) -> None:
    """The copied command leads to the same line, and the link of that place is the same command."""
    index, other = (whole_source.archive.gallery[n].index for n in (1, 0))

    async def place(start: int | Link, *keys: str) -> tuple[str, str | None]:
        async with run_app(whole_source, size=(120, 30), start=start) as pilot:
            await press(pilot, *keys)
            await still(pilot)
            await settle(pilot)
            line = _line(pilot)
            await press(pilot, "Y")
            assert "there is no" not in notices(pilot.app)
            return pilot.app.clipboard, line

    typed = [letter for key in keys for letter in (str(other) if key == "OTHER" else [key])]
    command, line = asyncio.run(place(index, *typed))
    again = asyncio.run(place(_link(whole_source, command)))
    assert again == (command, line)


def _line(pilot: Any) -> str | None:
    """The line that the cursor is on, without its sign of a piece that is open; the first that is seen."""
    view = pilot.app.view(pilot.app.run_state.view)
    assert isinstance(view, View)
    pane = next((one for one in view.query(LineList) if one.is_on_screen), None)
    if pane is None or pane.line is None:
        return None
    shown = pane.lines[pane.scroll_offset.y] if pane._fixed else pane.line
    return shown.text.plain.strip("▾▸ ")


def _link(source: Source, command: str) -> Link:
    words = shlex.split(command)[2:]
    options = {name.removeprefix("--"): value for name, value in zip(words[::2], words[1::2], strict=True)}
    return link_to(source, **options)


@pytest.mark.parametrize(
    ("link", "said"),
    [
        (Link("certificates", part="no_check"), "no check 'no_check'"),
        (Link("results", part="no/table"), "no table 'no/table'"),
        (Link("report", part="Nothing"), "no section is called Nothing"),
        (Link(experiment=1, tab="program", part="9999"), "no 9999 here"),
        (Link(experiment=1, tab="certificate", part="no_check"), "no no_check here"),
    ],
    ids=["check", "table", "section", "line", "row"],
)  # fmt: skip
def test_a_part_that_is_not_there_is_told(whole_source: Source, link: Link, said: str) -> None:
    if link.experiment is not None:
        link = replace(link, experiment=whole_source.archive.gallery[1].index)

    async def go() -> None:
        async with run_app(whole_source, size=(120, 30), start=link) as pilot:
            await press(pilot)
            assert said in notices(pilot.app)

    asyncio.run(go())
