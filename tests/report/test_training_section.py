"""The report's sections on what was trained here."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_runs import make_project
from trained_models import TASKS, add_results, made_up_results

from asi_repro.errors import DataError
from asi_repro.project import Project
from asi_repro.report.content import make_content
from asi_repro.report.figures.training import BASELINE_COLOURS, MANY, band, learning_curves, line_styles
from asi_repro.report.inputs import Inputs
from asi_repro.report.sections import build_sections
from asi_repro.report.sections.speed import speed_finding
from asi_repro.report.sections.training import scores_table, sweep
from asi_repro.results.differences import Difference
from asi_repro.results.speed import SpeedRow, Speeds
from asi_repro.results.table import RESULTS_FOLDER, SUMMARY


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make_project(tmp_path_factory.mktemp("bare"))


def test_without_data_each_section_names_the_command_and_the_head_says_so(bare: Project) -> None:
    absent = {section.id: section.absent or "" for section in build_sections(Inputs(bare))}
    assert "dvc repro results" in absent["training"]
    assert "dvc repro results" in absent["evaluation"]
    assert "asi-repro sweep" in absent["sweep"]
    assert "bench_train.py" in absent["speed"]
    limits = make_content(Inputs(bare)).limits
    assert "nothing was trained" in limits
    assert "no benchmark was run" in limits


def test_with_data_the_head_no_longer_says_so(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    add_results(project)
    content = make_content(Inputs(project))
    assert "nothing was trained" not in content.limits
    assert not [
        s.id for s in content.sections if s.absent and s.id in ("training", "evaluation", "sweep", "speed")
    ]
    (project.artifacts / RESULTS_FOLDER / SUMMARY).write_text("{}")
    with pytest.raises(DataError, match="not a result"):
        make_content(Inputs(project))


def test_the_best_of_each_column_is_strong_and_significance_is_a_star() -> None:
    table = scores_table(made_up_results(4))
    assert [row[0] for row in table.rows][-1] == "delta_net"
    assert table.strong == tuple((0, column) for column in range(1, len(TASKS) + 2))
    assert [row[-2].endswith("*") for row in table.rows] == [False, True, False, False]


def test_where_all_score_the_same_none_is_strong_and_nothing_has_no_sign() -> None:
    results = made_up_results(3)
    for row in results.models:
        row.tasks["piqa"] = row.tasks["piqa"].model_copy(update={"mean": 0.0})
    results.models[1].against["score"] = Difference(estimate=-0.0002, low=-0.01, high=0.01)
    table = scores_table(results)
    piqa = table.header.index("piqa")
    assert {column for _, column in table.strong} == set(range(1, len(TASKS) + 2)) - {piqa}
    assert [row[-1] for row in table.rows][1] == "0.0 [-1.0, +1.0]"


def test_a_baseline_has_one_colour_in_every_figure() -> None:
    few = line_styles(["0001-a", "delta_net", "transformer", "0002-b"])
    more = line_styles(["transformer", "delta_net, step by step (fla)", "delta_net"])
    assert few["delta_net"] == more["delta_net"]
    assert few["transformer"] == more["transformer"]
    assert more["delta_net, step by step (fla)"] == (more["delta_net"][0], "--")
    assert len(set(line_styles([f"{n:04d}-a" for n in range(MANY)] + list(BASELINE_COLOURS)).values())) == (
        MANY + len(BASELINE_COLOURS)
    )


def test_the_speed_section_says_where_linear_attention_wins() -> None:
    def speeds(*rates: float) -> Speeds:
        rows = [("transformer", 256, 100.0), ("transformer", 1024, 50.0)]
        rows += [("delta_net", 256, rates[0]), ("delta_net", 1024, rates[1])]
        made = [SpeedRow(model=name, length=at, tokens_per_second=rate) for name, at, rate in rows]
        return Speeds(about="a", hardware="h", torch="t", threads=1, rows=made)

    assert "delta_net: 0.40 at 256, 1.20 at 1,024 tokens, faster from 1,024 on." in speed_finding(
        speeds(40, 60)
    )
    assert "faster at none of them" in speed_finding(speeds(40, 40))


def test_a_sweep_counts_after_holm_and_shows_the_winners_curse(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    add_results(project)
    text = " ".join(getattr(block, "text", "") for block in sweep(Inputs(project)) or ())
    assert "Of 11 architectures 1 score above DeltaNet and 0 below" in text
    assert "p = 0.700" in text
    assert "Not a reproduction" in text


def test_bands_are_over_seeds_and_over_many_architectures() -> None:
    assert band([[(1, 2.0), (2, 1.0)], [(1, 4.0), (2, 2.0), (3, 0.0)]]) == [
        (1, 2.0, 3.0, 4.0),
        (2, 1.0, 1.5, 2.0),
    ]
    few = learning_curves(made_up_results(3, seeds=2), id="a", source="s")
    many = learning_curves(made_up_results(12), id="b", source="s")
    assert few is not None
    assert many is not None
    assert "means of 2 seeds" in few.caption
    assert "The band spans all architectures" in many.caption
    assert learning_curves(made_up_results(0), id="c", source="s") is None
