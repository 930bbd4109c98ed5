"""One experiment's tabs, on a made-up run with certificates and traces."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
from math import sqrt
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from browsing import SIZES, notices, press, run_app, screen_text, still
from hypothesis import given
from hypothesis import strategies as st
from snapshots import check_text

from asi_repro.claims.paper_tables import PaperTables
from asi_repro.data.benchmarks import BENCHMARKS
from asi_repro.data.item_counts import SCORED
from asi_repro.facts.found.tables import TABLE1
from asi_repro.project import Project
from asi_repro.store.files import sha256_bytes
from asi_repro.sweep.workspace import open_workspace
from asi_repro.traces.parquet import write_traces
from asi_repro.traces.spans import Trace
from asi_repro.tui.registry import TABS
from asi_repro.tui.run_data import Source, archive_paths, release_paths
from asi_repro.tui.spans import steps_of
from asi_repro.tui.tabs.benchmarks import difference, error_bar, guess_columns
from asi_repro.tui.tabs.overview import reference_fact
from asi_repro.tui.tabs.tab import Tab
from asi_repro.tui.tabs.trace import track
from asi_repro.tui.tabs.training import Curve, TrainingTab, curve_points, from_step
from asi_repro.tui.widgets.bar import TabBar
from asi_repro.tui.widgets.plot import Plot
from asi_repro.verify.certificate import Certificate, in_order, write_certificate
from asi_repro.verify.results import at_most


@pytest.fixture(scope="module")
def full_source(synthetic_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Source:
    """The made-up run with a certificate of each architecture and a trace of the first."""
    root = tmp_path_factory.mktemp("full")
    shutil.copytree(synthetic_root / "artifacts", root / "artifacts")
    source = Source(archive_paths(root / "artifacts" / "archive"))
    for program in source.archive.programs():
        row = at_most(
            "causality_perturbation", 0.25, 1e-9, unit="relative change", method="By hand.", detail={}
        )
        certificate = Certificate(
            program.index, program.name, program.display_name, sha256_bytes(program.source.encode()),
            None, {"tier": "none"}, {}, {}, in_order([row]),
        )  # fmt: skip
        write_certificate(certificate, root / "artifacts" / "certificates")
    trace = Trace(str(first(source)))
    with trace.span("propose", "AGENT"), trace.span("recall", "RETRIEVER") as span:
        span.set(**{"input.value": "gates", "retrieval.documents.0.document.id": "paper_1#1"})
    with trace.span("read the program", "GUARDRAIL") as span:
        span.set(**{"check.reason": "a [bold]loop[/] \x1b[31m over \u202etime"})
    write_traces(trace.to_rows(), root / "traces" / "archive.parquet")
    return Source(archive_paths(root / "artifacts" / "archive"))


_RECORD: dict[str, Any] = {
    "sequence": 0, "span_id": "a", "parent_span_id": None, "start_time_ns": None, "end_time_ns": None,
    **dict.fromkeys(
        ("llm.token_count.prompt", "llm.token_count.completion", "llm.cost.total", "agent.name", "request",
         "response", "input.value", "output.value", "retrieval.documents", "metadata")
    ),
    "name": "step", "openinference.span.kind": "CHAIN", "status_code": "OK", "status_message": "",
}  # fmt: skip


def first(source: Source) -> int:
    return source.archive.gallery[0].index


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_every_tab(full_source: Source, size: tuple[int, int]) -> None:
    async def go() -> dict[str, str]:
        shown = {}
        async with run_app(full_source, size=size, start=first(full_source)) as pilot:
            for spec in TABS:
                await press(pilot, spec.key)
                if spec.name in ("trace", "cognition"):
                    await press(pilot, "enter")
                await still(pilot)
                shown[spec.name] = screen_text(pilot.app).replace(str(full_source.paths.archive.parent), "…")
        return shown

    shown = asyncio.run(go())
    text = "\n".join(f"══ {name}\n{screen}" for name, screen in shown.items())
    check_text(text, f"experiment-{size[0]}x{size[1]}")
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_tabs_are_read_when_they_are_opened(full_source: Source) -> None:
    async def go() -> None:
        async with run_app(full_source, start=first(full_source)) as pilot:
            view = pilot.app.view("experiment")
            await press(pilot)
            assert [tab.id for tab in view.switcher.query(Tab)] == ["tab-overview"]
            await press(pilot, "C")
            assert {tab.id for tab in view.switcher.query(Tab)} == {"tab-overview", "tab-certificate"}

    asyncio.run(go())


def test_the_program_folds_is_searched_and_copied(full_source: Source) -> None:
    index = first(full_source)
    source = full_source.archive.program(index).source

    async def go() -> None:
        async with run_app(full_source, start=index) as pilot:
            await press(pilot, "P", "z")
            shown = screen_text(pilot.app)
            assert "⋯" in shown
            assert "nn.Linear" not in shown
            await press(pilot, "slash")
            await pilot.press(*"linear")
            await press(pilot, "enter")
            assert "nn.Linear" in screen_text(pilot.app), "what is found is unfolded"
            tab: Any = pilot.app.view("experiment")._tab()
            assert "nn.Linear" in tab.line_list.line.text.plain
            await press(pilot, "y")
            assert pilot.app.clipboard == source

    asyncio.run(go())


def test_diff_against_another(full_source: Source) -> None:
    one, other = full_source.archive.gallery[0].index, full_source.archive.gallery[1].index

    async def go() -> None:
        async with run_app(full_source, start=one, size=(160, 40)) as pilot:
            await press(pilot, "D", "o")
            await pilot.press(*str(other))
            await press(pilot, "enter")
            await press(pilot)
            shown = screen_text(pilot.app)
            assert f"{other} " in shown
            assert f"→ {one}" in shown
            assert "│" in shown
            await press(pilot, "w")

    asyncio.run(go())


def test_walking_from_one_to_the_next(full_source: Source) -> None:
    archive = full_source.archive
    index = next(e.index for e in archive.experiments.values() if e.parent == 1 and e.children > 1)

    async def go() -> None:
        async with run_app(full_source, start=index) as pilot:
            view = pilot.app.view("experiment")
            await press(pilot, "p")
            assert view.experiment.index == 1
            await press(pilot, "escape")
            assert view.experiment.index == index
            await press(pilot, "b")
            assert view.experiment.parent == index
            await press(pilot, "t")
            assert pilot.app.run_state.view == "lineage"
            assert pilot.app.view("lineage").lines.current == view.experiment.index

    asyncio.run(go())


def test_what_was_not_released_says_so(full_source: Source) -> None:
    index = next(e.index for e in full_source.archive.experiments.values() if not e.has_program)

    async def go() -> None:
        async with run_app(full_source, start=index) as pilot:
            for key in "VMPDTHCOA":
                await press(pilot, key)
                assert "released" in screen_text(pilot.app), key
            assert not notices(pilot.app)

    asyncio.run(go())


@given(
    st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 1e4)), min_size=1, max_size=8),
)
def test_the_track_shows_when_a_step_was(times: list[tuple[float, float]]) -> None:
    records = [
        {**_RECORD, "sequence": n, "start_time_ns": int((5 + a) * 1e9), "end_time_ns": int((5 + a + b) * 1e9)}
        for n, (a, b) in enumerate(times)
    ]
    steps = steps_of(records)
    whole = max((s.began or 0.0) + (s.seconds or 0.0) for s in steps)
    tracks = [track(step, whole or 1.0) for step in steps]
    assert {len(drawn) for drawn in tracks} == {26}
    assert all("━" in drawn and drawn[0] == drawn[-1] == "│" for drawn in tracks)
    assert min(step.began or 0.0 for step in steps) == 0.0
    order = sorted(range(len(steps)), key=lambda n: steps[n].began or 0.0)
    places = [tracks[n].index("━") for n in order]
    assert places == sorted(places), "what began later does not begin to the left"
    assert track(steps_of([_RECORD])[0], 1.0).strip() == "", "a run without times has no track"


def test_a_curve_that_ends_before_the_part_shown_is_not_drawn_in_it(full_source: Source) -> None:
    """A training of our own has few steps: as a dot far above it would press the others flat."""
    long = [(0.0, 9.0), (1000.0, 4.0), (2000.0, 3.0)]
    assert from_step(long, 1500.0) == [(1500.0, 3.5), (2000.0, 3.0)]
    assert from_step([(0.0, 11.0), (24.0, 7.0)], 1000.0) == []

    async def go() -> None:
        async with run_app(full_source, start=first(full_source)) as pilot:
            await press(pilot, "T")
            tab = pilot.app.query_one(TrainingTab)
            tab.fill(
                [Curve("A", "this", long, "this"), Curve("m", "ours", [(1.0, 11.0), (24.0, 7.0)], "ours")]
            )
            assert {one.letter for one in tab.query_one(Plot).figure.series} == {"A", "m"}
            await press(pilot, "z")
            assert [one.letter for one in tab.query_one(Plot).figure.series] == ["A"]
            assert "ours: 7.0000, at step 24: not in this part" in screen_text(pilot.app)

    asyncio.run(go())


def test_without_a_released_curve_nothing_of_others_stands_in_for_it(
    made_up_root: Path, tmp_path: Path
) -> None:
    """Its nearest ancestor's is drawn where there is one; DeltaNet trained here is no curve of it."""
    shutil.copytree(made_up_root / "artifacts", tmp_path / "artifacts")
    (tmp_path / "dvc.yaml").touch()
    shutil.copy(Path(__file__).parents[2] / "params.yaml", tmp_path)
    delta_net = open_workspace(tmp_path).trained("delta_net", 0)
    delta_net.mkdir(parents=True)
    columns = "step,tokens,loss,validation_loss,learning_rate,gradient_norm,seconds\n"
    (delta_net / "curve.csv").write_text(columns + "1,10,11.0,,,,\n24,240,7.0,,,,\n")
    source = Source(release_paths(Project(tmp_path)), Project(tmp_path))
    archive = source.archive
    known = set(archive.table("curves", ["index"])["index"].to_pylist())
    without = [e.index for e in archive.experiments.values() if e.index not in known]
    alone = next(i for i in without if not known & set(archive.lineage.ancestors(i)))
    below = next(i for i in without if known & set(archive.lineage.ancestors(i)))
    ancestor = next(i for i in archive.lineage.ancestors(below) if i in known)

    async def go() -> None:
        async with run_app(source, start=alone, size=(120, 30)) as pilot:
            await press(pilot, "T")
            assert f"no training curve was released for experiment {alone}" in screen_text(pilot.app)
            assert "trained here" not in screen_text(pilot.app)
            await press(pilot, "G", *str(below), "enter")
            shown = screen_text(pilot.app)
            assert f"no curve was released of {below}" in shown
            assert f"nearest ancestor with a curve: {ancestor} " in shown

    asyncio.run(go())


def test_the_diff_stands_side_by_side_from_120_columns(full_source: Source) -> None:
    archive = full_source.archive
    index = next(e.index for e in archive.gallery if archive.nearest_program_ancestor(e.index) is not None)

    async def go() -> None:
        async with run_app(full_source, start=index, size=(120, 30)) as pilot:
            await press(pilot, "D")
            assert " │ " in screen_text(pilot.app)
            await pilot.resize_terminal(119, 30)
            await press(pilot)
            assert " │ " not in screen_text(pilot.app)

    asyncio.run(go())


def test_a_detail_that_does_not_fit_can_be_read_on(full_source: Source) -> None:
    row = at_most(
        "causality_perturbation", 0.25, 1e-9, unit="relative change", method="By hand.",
        detail={"places": [f"place{n}" for n in range(200)], "the last": "the end of it"},
    )  # fmt: skip
    certificate = full_source.certificate(first(full_source))
    folder = full_source.paths.certificates
    write_certificate(dataclasses.replace(certificate, checks=in_order([row])), folder)

    async def go() -> None:
        async with run_app(full_source, start=first(full_source), size=(80, 24)) as pilot:
            await press(pilot, "C", "end", "home")
            while pilot.app.focused.line.key != "causality_perturbation":
                await press(pilot, "down")
            assert "the end of it" not in screen_text(pilot.app)
            await press(pilot, "enter", "end")
            assert "the end of it" in screen_text(pilot.app)
            assert "place199" in screen_text(pilot.app)

    try:
        asyncio.run(go())
    finally:
        write_certificate(certificate, folder)


def test_the_overview_says_what_it_is_and_leads_to_its_kin(full_source: Source) -> None:
    archive = full_source.archive
    e = max(archive.gallery, key=lambda one: one.depth)
    parent = archive.experiments[e.parent or 0]
    place = 1 + sum((one.score or 0) > (e.score or 0) for one in archive.experiments.values())

    async def go() -> None:
        async with run_app(full_source, start=e.index, size=(120, 50)) as pilot:
            shown = screen_text(pilot.app)
            assert f"{e.score:.4f}, place {place} of {len(archive.experiments)}" in shown
            assert f"{(e.score or 0) - (parent.score or 0):+.3f} against its parent {parent.index}" in shown
            assert "✗ 1 failed: causality_perturbation" in shown
            for index in (*archive.lineage.ancestors(e.index), *archive.lineage.children(e.index)[:1]):
                assert archive.experiments[index].label in shown
            loss = archive.rows("curves", e.index)[-1]["loss"]
            assert f"{loss:.4f} at step" in shown
            await press(pilot, *["down"] * (e.depth - 1), "enter")
            assert pilot.app.view("experiment").experiment.index == parent.index
            assert pilot.app.query_one(TabBar).absent >= {"program", "certificate"}
            await press(pilot, "escape")
            assert "program" not in pilot.app.query_one(TabBar).absent

    asyncio.run(go())


@pytest.mark.parametrize(
    ("gap", "half", "bar"),
    [
        (2.0, 1.0, "·····│─●─··"), (-1.0, 2.0, "··──●┼─····"), (0.0, 1.0, "····─●─····"),
        (9.0, 1.0, "·····│····●"), (-9.0, 6.0, "●──··│·····"),
    ],
)  # fmt: skip
def test_an_interval_is_drawn_beside_zero(gap: float, half: float, bar: str) -> None:
    assert error_bar(gap, half, reach=5, cells=11) == f"-5 {bar} +5"


def test_a_task_s_difference_has_the_interval_of_its_items() -> None:
    keys = ("piqa", "lambada_openai", "lam_ppl", "average")
    ours, theirs = (dict.fromkeys(keys, value) for value in (60.0, 50.0))
    for task, items in (("piqa", SCORED["piqa"]), ("lambada_openai", TABLE1["lambada_acc"])):
        half = 196 * sqrt((0.6 * 0.4 + 0.5 * 0.5) / items)
        assert difference(task, ours, theirs) == (10.0, pytest.approx(half))
    assert difference("lam_ppl", ours, theirs) is None, "it has no items"
    assert difference("average", ours, theirs) is None, "a task of it is not known"
    assert difference("piqa", ours, {"piqa": None}) is None


def test_the_average_s_interval_is_that_of_all_its_items() -> None:
    items = [*SCORED.values(), TABLE1["lambada_acc"]]
    ours, theirs = (dict.fromkeys([*SCORED, "lambada_openai", "average"], value) for value in (60.0, 50.0))
    half = 196 * sqrt(sum((0.6 * 0.4 + 0.5 * 0.5) / count for count in items)) / len(items)
    assert difference("average", ours, theirs) == (10.0, pytest.approx(half))


@pytest.mark.parametrize(("size", "bars"), [((200, 60), True), ((100, 40), False), ((80, 24), False)])
def test_what_has_no_interval_says_so(full_source: Source, size: tuple[int, int], bars: bool) -> None:
    archive = full_source.archive
    known = archive.places("benchmarks")
    index = next(i for i in known if any(j in known for j in archive.lineage.ancestors(i)))

    async def go() -> None:
        async with run_app(full_source, size=size, start=index) as pilot:
            await press(pilot, "H")
            lines = screen_text(pilot.app).splitlines()
            rows = {line.split()[0]: line for line in lines if line.strip()}
            assert ("●" in rows["boolq"]) is bars
            assert all("±" in rows[task] for task in ("boolq", "lambada_openai", "average"))
            assert "no interval" in rows["wikitext"]

    asyncio.run(go())


def test_in_a_wide_terminal_the_numbers_stand_beside_the_lineage(full_source: Source) -> None:
    archive = full_source.archive
    known = archive.places("benchmarks")
    e = next(one for one in archive.gallery if set(archive.lineage.ancestors(one.index)) & set(known))

    async def go() -> None:
        for width, beside in ((120, False), (200, True)):
            async with run_app(full_source, start=e.index, size=(width, 60)) as pilot:
                rows = screen_text(pilot.app).splitlines()
                numbers = next(line for line in rows if "In numbers" in line)
                assert (numbers.index("In numbers") >= width // 2) == beside
                assert any("Benchmarks against ancestor" in line for line in rows) == beside
                await press(pilot, "H")
                assert beside <= ("95% interval over the items" in screen_text(pilot.app))

    asyncio.run(go())


def test_the_paper_s_score_stands_against_deltanet_where_both_are_known(
    full_source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = full_source.archive
    e = archive.gallery[1]
    assert reference_fact(archive, e) == "", "a run of our own is not in the paper"
    monkeypatch.setattr("asi_repro.tui.tabs.overview.is_published", lambda archive: True)
    rows = {row["column"]: row["value"] for row in archive.rows("benchmarks", e.index)}
    theirs = PaperTables().table2_baselines["DeltaNet"].values["test_score_340m"]
    gap = 100 * fmean(rows[task] for task in SCORED) - theirs
    error = sqrt(2 * sum(rows[t] * (1 - rows[t]) / items for t, items in SCORED.items())) / len(SCORED)
    assert f"{gap:+.2f} ± {196 * error:.2f} points" in reference_fact(archive, e)
    outside = next(one for one in archive.experiments.values() if not one.in_gallery)
    assert reference_fact(archive, outside) == ""


def test_a_check_says_what_it_found_and_leads_to_the_line_and_the_next_failure(full_source: Source) -> None:
    index = first(full_source)
    certificate = full_source.certificate(index)
    rows = [
        at_most(
            name, 0.25, 1e-9, unit="relative change", method="By hand.",
            detail={"cases": [{"mode": "train", "t": 3}, {"mode": "eval", "t": 5}], "lines": [4, 7]},
        )
        for name in ("causality_perturbation", "determinism")
    ]  # fmt: skip
    folder = full_source.paths.certificates
    write_certificate(dataclasses.replace(certificate, checks=in_order(rows)), folder)

    async def go() -> None:
        async with run_app(full_source, start=index, size=(100, 40)) as pilot:
            await press(pilot, "C", "n")
            assert "Failed with 0.25 relative change: at most 1e-09 passes." in screen_text(pilot.app)
            assert "mode train, t 3" in screen_text(pilot.app)
            assert "{" not in screen_text(pilot.app)
            await press(pilot, "n")
            assert "failure 1 of 2, from the top" in screen_text(pilot.app)
            await press(pilot, "N")
            assert "failure 2 of 2, from the end" in screen_text(pilot.app)
            await press(pilot, "enter")
            assert pilot.app.focused.line.key == ("line", 4)
            await press(pilot, "enter")
            assert pilot.app.view("experiment").tab == "program"
            assert pilot.app.focused.line.key == 3

    try:
        asyncio.run(go())
    finally:
        write_certificate(certificate, folder)


def test_guesses_stand_beside_the_accuracies(full_source: Source) -> None:
    index = first(full_source)
    rows = full_source.archive.rows("benchmarks", index)
    (chance,) = guess_columns(full_source, rows)
    for row in rows:
        known = BENCHMARKS.get(row["task"])
        if row["metric"] == "accuracy" and known is not None and known.chance is not None:
            assert chance.values[row["column"]] == known.chance * 100
        else:
            assert row["column"] not in chance.values, "a perplexity has no chance level"

    async def go() -> None:
        async with run_app(full_source, start=index) as pilot:
            await press(pilot, "H")
            assert "chance" in screen_text(pilot.app)

    asyncio.run(go())


def test_a_column_of_the_paper_s_is_whole_or_named_below(
    full_source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asi_repro.tui.tabs.benchmarks.is_published", lambda archive: True)
    archive = full_source.archive
    known = archive.places("benchmarks")
    with_ancestor = next(
        e.index for e in archive.gallery if any(i in known for i in archive.lineage.ancestors(e.index))
    )

    async def shown(index: int, width: int) -> str:
        async with run_app(full_source, start=index, size=(width, 40)) as pilot:
            await press(pilot, "H")
            return screen_text(pilot.app)

    for index, width in ((first(full_source), 60), (with_ancestor, 80), (with_ancestor, 100)):
        table, _, notes = asyncio.run(shown(index, width)).partition("best of the columns")
        assert "…" not in table[table.index("arc_") :], "a number that is cut off"
        assert "For a wider terminal: paper: " in notes
    assert "For a wider terminal" not in asyncio.run(shown(with_ancestor, 200))


def test_curves_are_read_off_clipped_and_overlaid(full_source: Source) -> None:
    archive = full_source.archive
    index, other = (e.index for e in archive.gallery[:2])

    async def go() -> None:
        async with run_app(full_source, start=index, size=(120, 40)) as pilot:
            await press(pilot, "T")
            assert any(line.startswith("   step ") for line in screen_text(pilot.app).splitlines())
            tab, plot = pilot.app.query_one(TrainingTab), pilot.app.query_one(Plot)
            losses = [loss for curve in tab.curves for _, loss in curve.points]
            assert plot.figure.y.clipped
            assert plot.figure.y.high < max(losses)
            await press(pilot, "a")
            assert plot.figure.y.log
            assert plot.figure.y.high == max(losses)
            await press(pilot, "a")
            assert not plot.figure.y.log
            await press(pilot, "right", "right")
            step, loss = curve_points(archive, index)[1]
            assert f"at step {step:g}" in screen_text(pilot.app)
            assert f"A {loss:.4g}" in screen_text(pilot.app)
            await press(pilot, "left", "o", *str(other), "enter")
            assert f"overlay: {other} " in screen_text(pilot.app)
            await press(pilot, "o", *str(index), "enter")
            assert len(tab.others) == 1, "it is drawn already"
            await press(pilot, "x")
            assert "overlay" not in screen_text(pilot.app)

    asyncio.run(go())
