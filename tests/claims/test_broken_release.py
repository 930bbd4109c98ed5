"""Each verdict changes when the release or the paper's table is changed where the claim looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from asi_repro.archive.tables import Run
from asi_repro.store.files import sha256_bytes
from asi_repro.store.json_text import JsonDict

Checked = Callable[..., dict[str, Any]]

REPRODUCED, CONTRADICTED = "reproduced", "contradicted"
NOT_CHECKABLE, NOT_YET_RUN = "not checkable", "not yet run"

ON_THE_RELEASE = {
    "experiments": CONTRADICTED,
    "gallery-size": REPRODUCED,
    "table2-complete": CONTRADICTED,
    "gallery-in-tree": REPRODUCED,
    "one-tree": REPRODUCED,
    "traces-released": CONTRADICTED,
    "diagrams": CONTRADICTED,
    "curves-complete": CONTRADICTED,
    "benchmarks-complete": CONTRADICTED,
    "cold-start": REPRODUCED,
    "parent-policy": CONTRADICTED,
    "fitness-range": CONTRADICTED,
    "gallery-is-top": CONTRADICTED,
    "model-size": CONTRADICTED,
    "no-size-growth": NOT_CHECKABLE,
    "einops-only": CONTRADICTED,
    "cognition-base": REPRODUCED,
    "components": REPRODUCED,
    "table1-in-gallery": CONTRADICTED,
    "top-five": CONTRADICTED,
    "table2-340m": CONTRADICTED,
    "table3-sums": REPRODUCED,
    "beats-baselines-340m": REPRODUCED,
}


def row_of(rows: list[JsonDict], index: int) -> JsonDict:
    return next(row for row in rows if row["index"] == index)


def add_experiment(run: Run) -> None:
    last = run.experiments[-1]
    run.experiments.append({**last, "index": last["index"] + 1, "in_gallery": False, "has_program": False})


def copy_a_program(run: Run) -> None:
    source = "# another comment\n" + run.programs[0]["source"]
    run.programs[1] |= {"source": source, "sha256": sha256_bytes(source.encode())}


def one_name_each(run: Run) -> None:
    for row in run.experiments:
        if row["in_gallery"]:
            row["display_name"] = f"Name{row['index']}"


def move_a_program(run: Run) -> None:
    run.programs[0]["parent"] = 2


def second_root(run: Run) -> None:
    run.experiments[-1]["parent"] = None


def other_root(run: Run) -> None:
    run.experiments[0]["display_name"] = "Mamba2"


def mend_diagram(run: Run) -> None:
    row_of(run.programs, 1283)["diagram"] = "<svg xmlns='http://www.w3.org/2000/svg'/>"


def mend_curve(run: Run) -> None:
    for row in run.curves:
        row["loss"] = 3.4693 if row["loss"] is None else row["loss"]


def fill_benchmarks(run: Run) -> None:
    for row in run.benchmarks:
        row["value"] = 30.0 if row["value"] is None else row["value"]


def early_parent(run: Run) -> None:
    row_of(run.experiments, 150)["parent"] = 40


def always_the_best(run: Run) -> None:
    """Every parent after the cold start is the best so far."""
    best = run.experiments[0]
    for place, row in enumerate(run.experiments):
        if place > 200:
            row["parent"] = best["index"]
        best = max(best, row, key=lambda r: r["score"])


def scores_as_means(run: Run) -> None:
    for row in run.experiments:
        row["score"] /= 3


def gallery_on_top(run: Run) -> None:
    for row in run.experiments:
        row["score"] += 10 * row["in_gallery"]


def shrinking(run: Run) -> None:
    for place, row in enumerate(sorted(run.programs, key=lambda r: r["index"])):
        row["parameters"] = 500_000_000 - 100_000 * place


def growing(run: Run) -> None:
    for place, row in enumerate(sorted(run.programs, key=lambda r: r["index"])):
        row["parameters"] = 400_000_000 + 100_000 * place


def as_claimed_in_size(run: Run) -> None:
    for row in run.programs:
        row["parameters"] = 345_000_000


def without_view(run: Run) -> None:
    for row in run.programs:
        source = row["source"].replace(".view(", ".sum(").replace(".reshape(", ".sum(")
        row |= {"source": source, "sha256": sha256_bytes(source.encode())}


def another_entry(run: Run) -> None:
    file = max((row["file"] for row in run.cognition), key=[r["file"] for r in run.cognition].count)
    first = next(row for row in run.cognition if row["file"] == file)
    run.cognition.append({**first, "id": "more#9", "position": 9})


def fewer_papers(run: Run) -> None:
    run.cognition = run.cognition[:30]


def no_convolution(run: Run) -> None:
    for row in run.programs:
        row["motivation"] = row["motivation"].lower().replace("conv", "c-nv").replace("fir", "f-r")


def names_of_the_five(run: Run) -> None:
    gallery = [row for row in run.experiments if row["in_gallery"]]
    names = ["PathGateFusionNet", "HierGateNet", "AdaMultiPathGateNet"]
    for row, name in zip(gallery, names, strict=False):
        row["display_name"] = name


def other_names(run: Run) -> None:
    for row in run.experiments:
        row["display_name"] = f"Name{row['index']}"


CHANGES: list[tuple[str, Callable[[Run], None], str]] = [
    ("experiments", add_experiment, REPRODUCED),
    ("gallery-size", copy_a_program, CONTRADICTED),
    ("table2-complete", one_name_each, CONTRADICTED),
    ("gallery-in-tree", move_a_program, CONTRADICTED),
    ("one-tree", second_root, CONTRADICTED),
    ("one-tree", other_root, CONTRADICTED),
    ("diagrams", mend_diagram, REPRODUCED),
    ("curves-complete", mend_curve, REPRODUCED),
    ("benchmarks-complete", fill_benchmarks, REPRODUCED),
    ("table2-340m", mend_curve, REPRODUCED),
    ("cold-start", early_parent, CONTRADICTED),
    ("parent-policy", always_the_best, REPRODUCED),
    ("fitness-range", scores_as_means, REPRODUCED),
    ("gallery-is-top", gallery_on_top, REPRODUCED),
    ("model-size", as_claimed_in_size, NOT_YET_RUN),
    ("no-size-growth", shrinking, REPRODUCED),
    ("no-size-growth", growing, CONTRADICTED),
    ("einops-only", without_view, REPRODUCED),
    ("cognition-base", another_entry, CONTRADICTED),
    ("cognition-base", fewer_papers, CONTRADICTED),
    ("components", no_convolution, CONTRADICTED),
    ("table1-in-gallery", names_of_the_five, REPRODUCED),
    ("top-five", other_names, NOT_CHECKABLE),
]


@pytest.mark.parametrize(("identifier", "verdict"), ON_THE_RELEASE.items())
def test_the_release_as_it_is(checked: Checked, identifier: str, verdict: str) -> None:
    assert checked(identifier)["verdict"] == verdict


@pytest.mark.parametrize(
    ("identifier", "change", "verdict"), CHANGES, ids=[f"{c[0]}-{c[1].__name__}" for c in CHANGES]
)
def test_a_changed_release_changes_the_verdict(
    checked: Checked, identifier: str, change: Callable[[Run], None], verdict: str
) -> None:
    entry = checked(identifier, change)
    assert entry["verdict"] == verdict, entry["found"]


def test_evidence_names_the_changed_record(checked: Checked) -> None:
    entry = checked("gallery-in-tree", move_a_program)
    (row,) = next(e["rows"] for e in entry["evidence"] if e["what"] == "fields that differ")
    assert (row["field"], row["gallery"]) == ("parent", 2)


def test_a_released_trace_is_counted(checked: Checked) -> None:
    def take_a_motivation(run: Run) -> None:
        run.programs[0]["motivation"] = None

    before, after = checked("traces-released"), checked("traces-released", take_a_motivation)
    count = [
        next(r["gallery"] for r in entry["evidence"][0]["rows"] if r["field"] == "motivation")
        for entry in (before, after)
    ]
    assert count == [106, 105]
