"""The table over all models, from trainings made here and scores that are made up."""

from __future__ import annotations

import csv
import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

pytest.importorskip("torch")

from tiny_training import PLAIN, program, spec_of

from asi_repro.errors import DataError, MissingInput
from asi_repro.results.baseline_comparison import build_results
from asi_repro.results.digits import settled
from asi_repro.results.evaluation import (
    EvaluationResult,
    ItemsRecord,
    MetricRecord,
    PerplexityRecord,
    TaskRecord,
)
from asi_repro.results.layout import EVALUATION
from asi_repro.results.leaking import NOT_CHECKED
from asi_repro.results.table import (
    CURVES,
    METRICS,
    MODELS,
    RESULTS_FOLDER,
    SUMMARY,
    SWEEPS_FOLDER,
    CurvePoint,
    Results,
    read_results,
    write_metrics,
    write_results,
)
from asi_repro.results.trained_models import load_models
from asi_repro.store.records import write_record
from asi_repro.train.run import train_model

ROOT = Path(__file__).resolve().parents[2]


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
        majority=0.6,
        metrics={
            "acc": MetricRecord(value=value, stderr=0.03, higher_is_better=True),
            "answer_bits_per_byte": MetricRecord(value=3.0 - value, stderr=0.03, higher_is_better=False),
        },
        per_item={"acc": items, "answer_bits_per_byte": [3.0 - item for item in items]},
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
        validation=PerplexityRecord(
            perplexity=math.exp(5.0 - share),
            loss=5.0 - share,
            stderr=None,
            tokens=320,
            block_length=16,
            corpus="c",
            corpus_stand_in=True,
            block_losses=[5.0 - share + 0.1 * math.sin(number) for number in range(20)],
        ),
        requests=200,
    )


@pytest.fixture(scope="module")
def made(small_corpus, tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    trained, evaluated = root / "trained", root / "evaluated"
    shares = {"delta_net": 0.4, "0001-good": 0.7, "0002-same": 0.4, "0003-other": 0.9}
    for name, share in shares.items():
        changes = {"steps": 7} if "other" in name else {}
        subject = None if name == "delta_net" else program(PLAIN, name)
        done = train_model(spec_of(small_corpus, subject, **changes), small_corpus, trained, unsafe=True)
        folder = evaluated / name / "seed-0"
        folder.mkdir(parents=True)
        write_record(folder / EVALUATION, scores(done.result, share))
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
    assert rows["0001-good"].answer_bits_per_byte.mean == pytest.approx(2.3)
    assert rows["0001-good"].answer_margin is None
    assert found.better("answer_bits_per_byte", lower=True) == (1, 0)
    assert (found.summary.chances, found.summary.majorities) == ({"made_up": 0.5}, {"made_up": 0.6})
    assert found.summary.winners_curse.models == 2
    assert found.summary.winners_curse.p_value < 0.01
    assert build_results(load_models(*made), seed=1, resamples=500, paper=None) == found


def with_program(models, name, program):
    """The same models, one of them trained from another program."""

    def other(trial):
        return replace(trial, training=trial.training.model_copy(update={"program_sha256": program}))

    return [
        replace(model, trials=[other(trial) for trial in model.trials]) if model.name == name else model
        for model in models
    ]


def test_what_sees_later_tokens_is_in_no_comparison(made):
    models = with_program(load_models(*made), "0002-same", "ab" * 32)
    build = {"seed": 1, "resamples": 500}
    found = build_results(models, leaking={"ab" * 32}, **build)
    assert [row.name for row in found.models] == ["0001-good", "delta_net"]
    assert found.summary.leaking == ["0002-same"]
    assert "1 architecture and 1 baseline" in found.summary.about
    assert "Left out for seeing later tokens: 1." in found.summary.about
    good = found.models[0].against["score"]
    assert good.holm_p_value == good.p_value, "there is no other to correct for"
    assert found.summary.winners_curse.models == 1
    assert {point.name for point in found.curves} == {"0001-good", "delta_net"}
    none = build_results(models, leaking=set(), **build)
    assert (none.summary.leaking, len(none.models)) == ([], 3)
    assert "later tokens" not in none.summary.about
    unknown = build_results(models, **build)
    assert (unknown.summary.leaking, len(unknown.models)) == (None, 3)
    assert NOT_CHECKED in unknown.summary.about
    with pytest.raises(DataError, match="every trained program sees later tokens"):
        build_results([model for model in models if model.name == "0002-same"], leaking={"ab" * 32}, **build)


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


def test_scores_of_other_weights_are_refused(made, tmp_path):
    trained, evaluated = made[0], tmp_path / "evaluated"
    shutil.copytree(made[1], evaluated)
    path = evaluated / "0001-good" / "seed-0" / EVALUATION
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "weights_sha256": "0" * 64}))
    with pytest.raises(DataError, match="other weights"):
        load_models(trained, evaluated)


def test_nothing_trained_is_one_error(tmp_path):
    with pytest.raises(MissingInput, match="no trained models"):
        load_models(tmp_path, tmp_path)


def on_another_machine(model, off):
    """The same model with every loss off by a factor of its own."""

    def loss(value):
        return value * (1 + next(off))

    trials = []
    for trial in model.trials:
        training = trial.training.model_copy(update={"last_tenth_loss": loss(trial.training.last_tenth_loss)})
        curve = [point.model_copy(update={"mean_loss": loss(point.mean_loss)}) for point in trial.curve]
        blocks = [loss(value) for value in trial.evaluation.validation.block_losses]
        validation = trial.evaluation.validation.model_copy(
            update={"block_losses": blocks, "loss": float(np.mean(blocks))}
        )
        evaluation = trial.evaluation.model_copy(update={"validation": validation})
        trials.append(replace(trial, training=training, curve=curve, evaluation=evaluation))
    return replace(model, trials=trials)


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_last_bits_of_losses_change_no_byte_and_what_is_more_does(made, tmp_path):
    models = load_models(*made)
    build = {"seed": 1, "resamples": 500, "paper": None}
    write_metrics(write_results(build_results(models, **build), tmp_path), tmp_path)
    first = files_of(tmp_path)
    for seed in range(20):
        draws = iter(np.random.default_rng(seed).uniform(-1e-6, 1e-6, 10_000))
        there = [on_another_machine(model, draws) for model in models]
        write_metrics(write_results(build_results(there, **build), tmp_path), tmp_path)
        assert files_of(tmp_path) == first
    there = [on_another_machine(model, iter([1e-3] * 10_000)) for model in models]
    write_metrics(write_results(build_results(there, **build), tmp_path), tmp_path)
    second = files_of(tmp_path)
    assert [name for name in first if first[name] != second[name]] == [CURVES, METRICS, MODELS]


@given(
    st.floats(0.001, 12.0),
    st.floats(-1e-6, 1e-6),
    st.sampled_from(["loss", "score", "p_value"]),
)
@example(7.4565, -1e-6, "loss")  # at the boundary between two thousandths
@example(7.4565, 1e-6, "loss")
def test_a_figure_stays_while_it_holds_and_is_never_far_from_the_value(value, off, kind):
    kept = settled(value, None, kind)
    off = off / 1000 if kind == "score" else off  # a count of items, but for the order of a sum
    assert settled(value * (1 + off), kept, kind) == kept
    moved = settled(value * 1.2, kept, kind)
    assert moved == settled(value * 1.2, None, kind) or abs(moved - value * 1.2) <= 0.1 * moved + 0.00075


def test_what_two_kinds_of_cpu_recorded_is_one_table(made, tmp_path):
    """The training losses of five models, as Git has them from two kinds of CPU."""
    with (Path(__file__).parent / "data" / "losses_on_two_cpus.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert sum(row["one"] != row["other"] for row in rows) == 14
    found = build_results(load_models(*made), seed=1, resamples=500)

    def recorded(kind: str) -> Results:
        curves = [
            CurvePoint(name=r["name"], seed=0, step=int(r["step"]), tokens=1, loss=float(r[kind]))
            for r in rows
        ]
        return found.model_copy(update={"curves": curves})

    write_results(recorded("one"), tmp_path)
    first = files_of(tmp_path)
    write_results(recorded("other"), tmp_path)
    assert files_of(tmp_path) == first


def test_no_file_that_git_holds_says_what_differs_between_machines():
    tables = (ROOT / "artifacts" / SWEEPS_FOLDER).glob(f"*/{SUMMARY}")
    for folder in (ROOT / "artifacts" / RESULTS_FOLDER, *(path.parent for path in tables)):
        head = (folder / MODELS).read_text().partition("\n")[0]
        assert not {"step_seconds", "weights", "keys"} & set(head.split(","))
        found = read_results(folder)
        rounded = settled(found.model_dump())
        assert Results.model_validate(rounded) == found, f"{folder}: more digits than results/digits.py keeps"
