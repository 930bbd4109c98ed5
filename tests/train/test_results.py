"""The table over all models, from trainings made here and scores that are made up."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("torch")

from tiny_training import PLAIN, program, spec_of

from asi_repro.errors import DataError, MissingInput
from asi_repro.results.comparison import build_results
from asi_repro.results.evaluation import EvaluationResult, ItemsRecord, MetricRecord, TaskRecord, write_result
from asi_repro.results.layout import EVALUATION
from asi_repro.results.table import CURVES, MODELS, SUMMARY, read_results, write_results
from asi_repro.results.trained_models import load_models
from asi_repro.train.trainer import train_model


def scores(training, share: float) -> EvaluationResult:
    """An evaluation with 200 items, `share` of them right, the first ones."""
    items = [1.0 if number < share * 200 else 0.0 for number in range(200)]
    value = float(np.mean(items))
    record = TaskRecord(
        task="made_up",
        lm_eval_task="made_up",
        version=1.0,
        shots=0,
        items=200,
        main_metric="acc",
        chance=0.5,
        metrics={"acc": MetricRecord(value=value, stderr=0.03, higher_is_better=True)},
        per_item={"acc": items},
        data=ItemsRecord(
            source="package", dataset="d", revision="1", split="s", sha256="0", available=200, note=""
        ),
    )
    return EvaluationResult(
        name=training.name,
        weights_sha256=training.weights_sha256,
        program_sha256=training.program_sha256,
        parameters=training.parameters,
        dtype="float32",
        sandbox="none",
        limit=None,
        batch_size=1,
        max_length=16,
        tokenizer={},
        versions={},
        tasks=[record],
        validation=None,
        requests=200,
    )


@pytest.fixture
def made(small_corpus, tmp_path):
    trained, evaluated = tmp_path / "trained", tmp_path / "evaluated"
    shares = {"delta_net": 0.4, "0001-good": 0.7, "0002-same": 0.4, "0003-other": 0.9}
    for name, share in shares.items():
        changes = {"steps": 7} if "other" in name else {}
        subject = None if name == "delta_net" else program(PLAIN, name)
        done = train_model(spec_of(small_corpus, subject, **changes), small_corpus, trained, unsafe=True)
        folder = evaluated / name / "seed-0"
        folder.mkdir(parents=True)
        write_result(scores(done.result, share), folder / EVALUATION)
    return trained, evaluated


def test_the_good_one_is_found_and_the_one_trained_otherwise_is_left_out(made):
    found = build_results(load_models(*made), seed=1, resamples=500, paper=None)
    rows = {row.name: row for row in found.models}
    assert found.summary.not_compared == ["0003-other"]
    assert set(rows) == {"delta_net", "0001-good", "0002-same"}
    good = rows["0001-good"].against["score"]
    assert good.estimate == pytest.approx(0.3)
    assert good.low > 0.2
    assert good.holm_p_value == pytest.approx(2 * good.p_value)
    assert rows["0002-same"].against["score"].holm_p_value == 1.0
    assert found.better("score") == (1, 0)
    assert found.summary.winners_curse.models == 2
    assert found.summary.winners_curse.p_value < 0.01
    assert build_results(load_models(*made), seed=1, resamples=500, paper=None) == found


def test_the_table_comes_back_from_its_files_and_damage_is_one_error(made, tmp_path):
    found = build_results(load_models(*made), seed=1, resamples=500, paper=None)
    folder = tmp_path / "table"
    write_results(found, folder)
    read = read_results(folder)
    assert [row.name for row in read.models] == [row.name for row in found.models]
    assert read.models[0].against["score"].estimate == pytest.approx(
        found.models[0].against["score"].estimate
    )
    assert len(read.curves) == len(found.curves) == 3 * 6
    write_results(read, tmp_path / "again")
    for name in (SUMMARY, MODELS, CURVES):
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    text = (folder / MODELS).read_text()
    for damaged in (text.replace("true", "maybe"), text[:-1] + ",1\n", text.replace("name,", "nom,", 1)):
        (folder / MODELS).write_text(damaged)
        with pytest.raises(DataError) as raised:
            read_results(folder)
        assert raised.value.where == str(folder / MODELS)


def test_scores_of_other_weights_are_refused(made):
    trained, evaluated = made
    path = evaluated / "0001-good" / "seed-0" / EVALUATION
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "weights_sha256": "0" * 64}))
    with pytest.raises(DataError, match="other weights"):
        load_models(trained, evaluated)


def test_nothing_trained_is_one_error(tmp_path):
    with pytest.raises(MissingInput, match="no trained models"):
        load_models(tmp_path, tmp_path)
