"""Probes of models: scores from answers that the sandbox never sees, rows that resume, what they say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from in_process import call
from tiny_training import HEAD, PLAIN, TURNS_NAN, program

pytest.importorskip("torch")

from asi_repro.config.params import load_params
from asi_repro.data.probe_tasks import PROBES
from asi_repro.errors import DataError
from asi_repro.results.probe_matrix import ProbeMatrix, make_matrix, read_matrix
from asi_repro.results.probe_rows import PASSED, ProbeRow, probe_path, read_probe, read_probes, write_probe
from asi_repro.sandbox.outcome import SandboxUnavailable
from asi_repro.sweep.recorded_probes import (
    ProbeJob,
    RecordedProbes,
    make_row,
    probe_of,
    probes_home,
    run_probes,
)
from asi_repro.sweep.workspace import open_workspace
from asi_repro.train.probing import Probed, Prober
from asi_repro.train.spec import baseline

ROOT = Path(__file__).resolve().parents[2]
RECORDED = probes_home(ROOT / "artifacts")
TITLES = {name: task.title for name, task in PROBES.items()}
FAILS = (
    HEAD
    + """
    def forward(self, hidden_states, attention_mask=None, past_key_values=None, **kwargs):
        raise ValueError("no such thing")
"""
)


@pytest.fixture
def root(tmp_path) -> Path:
    """A project whose probes are tiny."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["probes"] |= {"steps": 4, "batch": 4, "evaluations": 2, "test_sequences": 8, "baseline_seeds": 2}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    return tmp_path


@pytest.fixture(scope="module")
def a_sandbox():
    from asi_repro.sandbox.tiers import best_tier

    try:
        best_tier()
    except SandboxUnavailable as error:
        pytest.skip(f"not run: {error.what}")


def test_one_model_after_another_task_is_what_it_is_alone(root, a_sandbox):
    params = load_params(root)
    probe = probe_of(params, baseline("delta_net"), PROBES["recall"], 0)
    with Prober() as prober:
        alone = prober.run(probe)
        prober.run(probe_of(params, baseline("transformer"), PROBES["compression"], 1))
        after = prober.run(probe)
        other = prober.run(replace(probe, spec=replace(probe.spec, seed=1)))
    assert alone.curve == after.curve != other.curve
    assert list(alone.curve) == [2 * 4 * 32, 4 * 4 * 32]
    assert not alone.trouble


def test_a_program_that_fails_is_a_row_that_says_so_and_the_worker_goes_on(root, a_sandbox):
    params = load_params(root)
    with Prober() as prober:
        for source, said in (
            (FAILS, "program_error"),
            (TURNS_NAN, "nan: what is answered"),
            (TURNS_NAN.replace("> 6", "> 4"), "nan: the loss"),
            ("import os\nos.system('true')\n", "refused"),
            (PLAIN, ""),
        ):
            probe = probe_of(params, program(source), PROBES["recall"], 0)
            probed = prober.run(probe)
            assert probed.trouble[: len(said) or None] == said
            assert (make_row(probe, probed).score is None) == bool(said)


@pytest.mark.parametrize(("transient", "status", "rows"), [(True, "failed", 0), (False, "stopped", 1)])
def test_what_may_end_otherwise_is_a_failure_without_a_row(root, monkeypatch, transient, status, rows):
    ended = Probed({}, None, "timeout: over the limit", transient, 1.0)
    monkeypatch.setattr(Prober, "run", lambda self, probe: ended)
    report = run_probes(ProbeJob(root, baseline("transformer"), 0, tasks=("recall",)))
    assert (report.status, len(read_probes(probes_home(root / "artifacts"))[0])) == (status, rows)


def test_the_command_goes_on_where_it_was(root, a_sandbox, monkeypatch):
    monkeypatch.chdir(root)
    run = ("probes", "transformer", "--task", "compression", "--jobs", "1")
    first = call(*run, COLUMNS="500")
    assert first.returncode == 0, first.stderr
    assert "2 probes recorded" in first.stdout
    folder = probes_home(root / "artifacts")
    rows, damaged = read_probes(folder)
    assert [(row.name, row.task, row.seed) for row in rows] == [
        ("transformer", "compression", 0),
        ("transformer", "compression", 1),
    ]
    assert not damaged
    # One row was edited, one is of earlier code: the first is named and left, the second counts.
    edited = probe_path(folder, "transformer", "compression", 0)
    edited.write_text(edited.read_text().replace('"asked": 64', '"asked": 65'))
    write_probe(rows[1].model_copy(update={"key": "0" * 64}), folder)
    again = call(*run, "--json", COLUMNS="500")
    assert again.returncode != 0
    found = json.loads(again.stdout)
    assert [job["where"] for job in found["jobs"]] == [str(edited)]
    assert "0 with this code, 1 with earlier code" in found["notes"][0]
    shown = call("probes", "--show", COLUMNS="500")
    assert shown.returncode == 0
    assert edited.name in shown.stdout
    assert "a guess" in shown.stdout
    refused = call("probes", "--record", COLUMNS="500")
    assert refused.returncode != 0
    # With --force both are run again, and what is recorded is whole.
    assert call(*run, "--force", COLUMNS="500").returncode == 0
    assert [row.key for row in read_probes(folder)[0]] == [row.key for row in rows]
    assert call("probes", "--record", COLUMNS="500").returncode == 0
    assert list(read_matrix(root / "artifacts" / "probes.json").models) == ["transformer"]


@pytest.mark.parametrize(
    ("changes", "freshness"),
    [({}, "current"), ({"key": "k"}, "earlier"), ({"conditions": "c"}, "other"), ({"program": "p"}, "other")],
)
def test_what_a_row_counts_as(root, changes, freshness):
    workspace = open_workspace(root, scale="laptop")
    params = load_params(root)
    probe = probe_of(params, baseline("delta_net"), PROBES["parity"], 0)
    fields = {"name": "delta_net", "task": "parity", "key": probe.key, "program": "delta_net"}
    from asi_repro.sweep.recorded_probes import conditions_of

    row = made_up(**{**fields, "conditions": conditions_of(probe), **changes})
    write_probe(row, probes_home(root / "artifacts"))
    for renew in (False, True):
        recorded = RecordedProbes(workspace, params)
        recorded.open([baseline("delta_net")], ["parity"], renew=renew)
        assert recorded.freshness == {freshness: 1}
        left = [(subject.slug, seed, tasks) for (subject, seed), tasks in recorded.pending.items()]
        again = freshness == "other" or (freshness == "earlier" and renew)
        assert left == [("delta_net", seed, ["parity"]) for seed in ((0, 1) if again else (1,))]


def made_up(**changes) -> ProbeRow:
    fields = {
        "name": "delta_net",
        "task": "recall",
        "seed": 0,
        "key": "k",
        "program": "p",
        "conditions": "c",
        "trouble": "",
        "score": 0.5,
        "chance": 0.0625,
        "asked": 2048,
        "tokens": 1000,
        "tokens_to_pass": None,
        "curve": {"1000": 0.5},
        "parameters": 1000,
        "cpu_seconds": 1.0,
        "hardware": "made up",
    }
    return ProbeRow.model_validate(fields | changes)


def matrix(gap: float, noise: float) -> ProbeMatrix:
    """DeltaNet and five architectures, the first of which is better by `gap`; two seeds each."""
    rows = []
    for place, name in enumerate(["delta_net", *(f"{n:04d}-made_up" for n in range(5))]):
        mean = 0.4 + (gap if place == 1 else 0.0)
        rows += [made_up(name=name, seed=seed, score=mean + noise * (-1) ** seed) for seed in (0, 1)]
    return make_matrix(rows, TITLES)


def test_what_exceeds_noise_is_marked_and_what_does_not_is_not():
    clear, unclear = matrix(0.3, 0.01), matrix(0.03, 0.05)
    assert clear.models["0000-made_up"]["recall"].beyond_noise == 1
    assert clear.models["0001-made_up"]["recall"].beyond_noise == 0
    assert clear.tasks["recall"].pairs_apart == 5
    assert "associative recall 1 above and 0 below of 5" in clear.sentence
    assert unclear.tasks["recall"].pairs_apart == 0
    assert "0 of 1 probes" in unclear.sentence
    assert clear.tasks["recall"].seed_deviation == pytest.approx(0.01 * 2**0.5, abs=1e-4)


def test_models_without_noise_do_not_make_a_guess_differ_from_a_guess():
    scores = {"delta_net": [0.492, 0.497], "transformer": [0.499, 0.503], "delta_net_negative": [1.0, 1.0]}
    rows = [
        made_up(name=name, seed=seed, score=score, task="parity", asked=8192)
        for name, both in scores.items()
        for seed, score in enumerate([*both, both[0]] if name == "delta_net_negative" else both)
    ]
    found = make_matrix(rows, TITLES).models
    assert found["transformer"]["parity"].beyond_noise == 0
    assert found["delta_net_negative"]["parity"].beyond_noise == 1


def test_one_seed_says_nothing_about_noise_and_other_recipes_are_not_compared():
    rows = [made_up(), made_up(name="mamba2"), made_up(name="mamba2", seed=1, conditions="other")]
    found = make_matrix(rows, TITLES)
    assert found.left_out == 1
    assert found.models["mamba2"]["recall"].p_value is None
    assert "nothing can be said about noise" in found.sentence


def test_a_row_under_another_name_is_refused(tmp_path):
    write_probe(made_up(), tmp_path)
    path = probe_path(tmp_path, "delta_net", "recall", 0)
    other = path.rename(path.with_name("delta_net.parity.seed-0.json"))
    with pytest.raises(DataError, match="the row is of delta_net on recall"):
        read_probe(other)


# A model that is known to pass each probe, and one that is known not to. Of memorisation the second is below,
# what mixes no tokens; of compression no model is recorded that passes.
KNOWN = {
    "recall": ("delta_net", "transformer"),
    "noisy_recall": ("delta_net", "transformer"),
    "selective_copying": ("delta_net_negative", "transformer"),
    "parity": ("delta_net_negative", "delta_net"),
}


def recorded(name: str, task: str) -> ProbeRow:
    return read_probe(probe_path(RECORDED, name, task, 0))


@pytest.mark.parametrize("task", KNOWN)
def test_of_the_recorded_rows_one_passes_and_one_does_not(task):
    passes, fails = (recorded(name, task) for name in KNOWN[task])
    assert passes.score >= PASSED
    assert passes.tokens_to_pass is not None
    assert fails.score < PASSED - 0.2
    assert fails.tokens_to_pass is None


def test_memorisation_is_passed_and_compression_is_not_yet():
    assert recorded("transformer", "memorisation").score >= PASSED
    assert 5 * PROBES["compression"].chance < recorded("transformer", "compression").score < PASSED


@pytest.mark.slow
def test_what_mixes_no_tokens_fails_every_probe(a_sandbox):
    still = PLAIN.replace("self.drop(self.proj(hidden_states))", "self.proj(hidden_states)")
    with Prober() as prober:
        for name, task in PROBES.items():
            probed = prober.run(probe_of(load_params(ROOT), program(still), task, 0))
            assert not probed.trouble
            assert list(probed.curve.values())[-1] < task.chance + 0.25, name
            assert probed.tokens_to_pass is None


@pytest.mark.slow
@pytest.mark.parametrize(("name", "task"), [(n, task) for task, names in KNOWN.items() for n in names])
def test_what_is_recorded_comes_again(name, task, a_sandbox):
    with Prober() as prober:
        probed = prober.run(probe_of(load_params(ROOT), baseline(name), PROBES[task], 0))
    assert max(probed.curve) == recorded(name, task).tokens
    assert list(probed.curve.values())[-1] == pytest.approx(recorded(name, task).score, abs=0.1)
