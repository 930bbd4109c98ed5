"""The numbers behind the figures, against the tables and against plain recomputation."""

from __future__ import annotations

import csv
import math
import random
import re
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_runs import make_run

from asi_repro.archive.lineage import Lineage
from asi_repro.archive.reader import Archive, Experiment
from asi_repro.archive.tables import write_archive
from asi_repro.claims.paper_tables import PaperTables
from asi_repro.project import Project
from asi_repro.report.build import plot_csv
from asi_repro.report.figures.curves import curves_data
from asi_repro.report.figures.parameters import size_trend, stated_counts
from asi_repro.report.figures.parents import parent_choices, parents_drawing
from asi_repro.report.figures.scaling import random_order_ranges, scaling_data, scaling_drawing
from asi_repro.report.figures.scores import score_batches, score_ranks
from asi_repro.report.figures.table2 import table2_drawing
from asi_repro.report.figures.tree import tree_data, tree_drawing
from asi_repro.report.inputs import Inputs
from asi_repro.report.layout import radial_layout, ring

SVG = "{http://www.w3.org/2000/svg}"
scores = st.none() | st.floats(0, 3, allow_nan=False).map(lambda v: round(v, 1))
parents = st.integers(1, 60).flatmap(
    lambda n: st.tuples(*(st.none() if i == 0 else st.integers(0, i - 1) for i in range(n)))
)


def experiment(index: int, parent: int | None, score: float | None, gallery: bool = False) -> Experiment:
    return Experiment(index, f"e{index}", None, parent, 0, 0, score, gallery, gallery)


@given(st.lists(scores, min_size=1, max_size=130), st.integers(1, 60))
def test_batches_against_the_statistics_module(values: list[float | None], size: int) -> None:
    batches = score_batches([experiment(i, None, v) for i, v in enumerate(values)], size)
    known = [v for v in values if v is not None]
    parts = [known[i : i + size] for i in range(0, len(known), size)]
    assert [b.count for b in batches] == [len(part) for part in parts]
    seen: list[float] = []
    for batch, part in zip(batches, parts, strict=True):
        seen += part
        assert batch.best == max(seen)
        assert math.isclose(batch.median, median(part), abs_tol=1e-12)
        if len(part) > 1:
            lower, _, upper = quantiles(part, n=4, method="inclusive")
            assert math.isclose(batch.lower, lower, abs_tol=1e-9)
            assert math.isclose(batch.upper, upper, abs_tol=1e-9)


@given(parents, st.data())
def test_parent_ranks_against_counting(tree: tuple[int | None, ...], data: st.DataObject) -> None:
    run = [experiment(i, p, data.draw(scores)) for i, p in enumerate(tree)]
    expected = []
    for e in run:
        before = [o.score for o in run[: e.index] if o.score is not None]
        score = None if e.parent is None else run[e.parent].score
        if score is not None:
            expected.append((e.index, 1 + sum(s > score for s in before), len(before)))
    assert [(c.index, c.rank, c.known) for c in parent_choices(run)] == expected


@given(st.lists(st.tuples(scores, st.booleans()), min_size=1, max_size=80))
def test_ranks_and_overlap(rows: list[tuple[float | None, bool]]) -> None:
    run = [experiment(i, None, s, g) for i, (s, g) in enumerate(rows)]
    ranks = score_ranks(run)
    assert ranks.scores == sorted((s for s, _ in rows if s is not None), reverse=True)
    gallery = {e.index for e in run if e.in_gallery and e.score is not None}
    assert {ranks.order[r - 1] for r in ranks.gallery} == gallery
    assert ranks.overlap == len(gallery & set(ranks.order[: len(gallery)]))


@settings(max_examples=60)
@given(parents)
def test_layout_places_everything_apart_and_outwards(tree: tuple[int | None, ...]) -> None:
    lineage = Lineage(dict(enumerate(tree)))
    places = radial_layout(lineage)
    assert set(places) == set(range(len(tree)))
    deepest = max(lineage.depth(i) for i in places)
    points = [p.xy for p in places.values()]
    assert all(math.hypot(*point) <= 1 for point in points)
    for a, first in enumerate(points):
        for second in points[a + 1 :]:
            assert math.dist(first, second) > 1e-6
    for index, place in places.items():
        depth = lineage.depth(index)
        assert ring(depth, deepest) <= place.radius
        assert place.radius < ring(depth + 1, deepest)


def test_layout_of_a_long_chain_and_of_nothing() -> None:
    chain = Lineage({i: i - 1 if i else None for i in range(5000)})
    assert len(radial_layout(chain)) == 5000
    assert radial_layout(Lineage({})) == {}


@dataclass(frozen=True)
class Fake:
    """Just what `random_order_ranges` reads."""

    experiments: list[Experiment]

    @property
    def archive(self) -> Any:
        return self

    @property
    def gallery(self) -> list[Experiment]:
        return [e for e in self.experiments if e.in_gallery]


def test_random_order_ranges_against_shuffling() -> None:
    run = [experiment(i, i or None, 1.0, i % 5 == 4) for i in range(100)]  # index 0 is the root
    fake = Fake(run)
    at = [0, 10, 25, 50, 75, 98, 99]
    ranges = random_order_ranges(fake, at)  # type: ignore[arg-type]
    places = [e.index for e in run if e.parent is not None]
    rng = random.Random(1)
    draws = [rng.sample(places, len(fake.gallery)) for _ in range(4000)]
    for index, (low, high) in zip(at, ranges, strict=True):
        counts = sorted(sum(place <= index for place in draw) for draw in draws)
        assert abs(counts[100] - low) <= 1
        assert abs(counts[-101] - high) <= 1
        assert sum(low <= c <= high for c in counts) / len(counts) >= 0.94
    assert ranges[0] == (0, 0)
    assert ranges[-1] == (len(fake.gallery), len(fake.gallery))


def test_csv_has_words_for_booleans_and_nothing_for_missing() -> None:
    from asi_repro.report.model import PlotData

    text = plot_csv(PlotData("x", ("a", "b", "c"), ((1, True, None), (2.5, False, "p,q"))))
    assert text == 'a,b,c\n1,true,\n2.5,false,"p,q"\n'


def _uses(svg: str, gid: str) -> list[tuple[float, float, str]]:
    root = ET.fromstring(svg)
    group = next(g for g in root.iter(f"{SVG}g") if (g.get("id") or "").endswith(gid))
    return [
        (float(use.get("x", "nan")), float(use.get("y", "nan")), use.find(f"{SVG}title").text or "")
        for use in group.iter(f"{SVG}use")
    ]


def test_dots_of_the_tree_stand_where_the_numbers_say(hostile_project: Project) -> None:
    svg = (hostile_project.report / "figures" / "tree.svg").read_text(encoding="utf-8")
    table = (hostile_project.report / "plots" / "tree.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(table.splitlines()))
    marks = _uses(svg, "tree-experiments") + _uses(svg, "tree-gallery")
    assert len(marks) == len(rows) == 40
    drawn = {int(title.split(" ", 1)[0]): (x, y) for x, y, title in marks}
    first, second = (next(r for r in rows if r["index"] == i) for i in ("1", "40"))
    scale = (drawn[40][0] - drawn[1][0]) / (float(second["x"]) - float(first["x"]))
    for row in rows:
        x = drawn[1][0] + scale * (float(row["x"]) - float(first["x"]))
        y = drawn[1][1] - scale * (float(row["y"]) - float(first["y"]))
        assert drawn[int(row["index"])] == pytest.approx((x, y), abs=0.05)


def test_tree_draws_the_release(release_project: Project) -> None:
    inputs = Inputs(release_project)
    tree = tree_data(inputs)
    assert len(tree.places) == 1772
    assert tree.deepest == 11
    classes = [tree.colour_class(e.score) for e in inputs.experiments]
    counts = [classes.count(k) for k in range(len(tree.edges) + 1)]
    assert len(counts) == 8
    assert max(counts) < 1.2 * min(counts)
    lines = set()
    for e in inputs.archive.gallery:
        lines |= {e.index, *inputs.archive.lineage.ancestors(e.index)}
    assert tree.gallery_lines == lines
    drawing = tree_drawing(inputs)
    assert sum(len(texts) for _, texts in drawing.tooltips) == 1772


def test_release_numbers_come_from_its_tables(release_project: Project) -> None:
    archive = Archive(release_project.archive)
    inputs = Inputs(release_project)
    table = archive.table("programs", ["index", "parameters"]).to_pylist()
    assert stated_counts(inputs) == [(r["index"], r["parameters"] / 1e6) for r in table]
    curves = curves_data(inputs)
    raw = archive.table("curves").to_pylist()
    assert sum(len(points) for points in curves.losses.values()) == len(raw)
    last = [r["loss"] for r in raw if r["step"] == 2000 and r["loss"] is not None]
    assert curves.medians[-1] == (2000, median(last), len(last))
    assert len(curves.missing) == sum(r["loss"] is None for r in raw)


def test_parents_are_counted_as_the_claim_counts_them(release_project: Project) -> None:
    drawing = parents_drawing(Inputs(release_project))
    assert drawing is not None
    assert "of 1,571 parents (39%)" in drawing.alt


def test_figure1_agrees_with_the_paper_and_the_ledger(release_project: Project) -> None:
    inputs = Inputs(release_project)
    hours, counts = PaperTables().figure1
    data = scaling_data(inputs)
    assert data is not None
    assert [(p.hours, p.count) for p in data.points] == list(zip(hours, counts, strict=True))
    mean = sum(counts) / len(counts)
    residual = sum((c - data.line(h)) ** 2 for h, c in zip(hours, counts, strict=True))
    r2 = 1 - residual / sum((c - mean) ** 2 for c in counts)
    assert r2 == pytest.approx(data.figures["r2"], abs=1e-5)
    # Each step of the gallery stands at the hours at which the figure counts it.
    for point in data.points:
        assert sum(hour <= point.hours for hour in data.gallery_hours) == point.count
    drawing = scaling_drawing(inputs)
    assert drawing is not None
    assert f"R² {r2:.3f}" in drawing.alt


def test_table2_draws_every_row_of_the_table() -> None:
    paper = PaperTables()
    drawing = table2_drawing(paper, {})
    assert drawing is not None
    by_name = {r["model"]: r for r in paper.rows("table2.csv")}
    records = drawing.data[0].records()
    assert len(records) == len(by_name) == 103
    for record in records:
        row = by_name[str(record["model"])]
        assert record["baseline"] == ("(Baseline)" in row["model"])
        for column in ("train_loss_20m", "test_score_20m", "train_loss_340m", "test_score_340m"):
            assert record[column] == float(row[column])
    assert sum(bool(r["baseline"]) for r in records) == 2
    stated = re.findall(r"(\d+) of 101 are better than DeltaNet at both scales in (\w+ \w+)", drawing.alt)
    base = by_name["DeltaNet (Baseline)"]
    rows = [r for name, r in by_name.items() if "(Baseline)" not in name]
    for number, heading in stated:
        column, sign = ("train_loss", -1) if "loss" in heading else ("test_score", 1)
        better = [
            all(
                sign * (float(r[f"{column}_{s}"]) - float(base[f"{column}_{s}"])) > 0 for s in ("20m", "340m")
            )
            for r in rows
        ]
        assert int(number) == sum(better)
    assert len(stated) == 2


def test_sizes_that_do_not_change_have_no_trend() -> None:
    trend = size_trend([(1, 400.0), (2, 400.0), (3, 400.0), (9, 400.0)])
    assert trend is not None
    assert trend.slope == 0
    assert trend.at(5) == 400
    growing = size_trend([(i, 400 + i / 1000) for i in range(10)])
    assert growing is not None
    assert growing.slope == pytest.approx(1.0)
    assert growing.at(9) == pytest.approx(400.009)
    assert size_trend([(1, 400.0)]) is None


def test_hubs_are_the_inner_nodes_with_most_children(tmp_path: Path) -> None:
    project = Project(tmp_path)
    write_archive(make_run(size=60), project.archive)
    tree = tree_data(Inputs(project))
    counts = [e.children for e in tree.hubs]
    assert counts == sorted(counts, reverse=True)
    assert all(e.parent is not None for e in tree.hubs)
