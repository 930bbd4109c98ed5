"""A recorded sweep: what counts as done in a later run, and what one bad row, model or disk costs."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from in_process import call

pytest.importorskip("torch")

from synthetic_release import write_synthetic_release
from test_results import scores
from tiny_training import RECIPE, TURNS_NAN, program, spec_of

from asi_repro.archive.release import read_release
from asi_repro.archive.tables import write_archive
from asi_repro.config.corpus import CorpusSettings
from asi_repro.config.sweep import RecordedSweepSettings
from asi_repro.data.corpus import build_corpus, corpus_folder
from asi_repro.data.tokenizer import BYTES, find_tokenizer
from asi_repro.errors import DataError
from asi_repro.project import Project
from asi_repro.results.layout import BASELINES, EVALUATION
from asi_repro.results.sweep_rows import make_row, read_row, read_rows, row_path, write_row
from asi_repro.store.json_text import dump_json
from asi_repro.store.records import write_record
from asi_repro.sweep.jobs import Report
from asi_repro.sweep.recorded_sweep import SweepWork, ordered
from asi_repro.sweep.workspace import Workspace, open_workspace
from asi_repro.train.run import train_model
from asi_repro.train.spec import baseline

ROOT = Path(__file__).resolve().parents[2]
SEED = 3
DONE = Report("delta_net", 0, "evaluate", "done", train_cpu_seconds=40.0, evaluate_cpu_seconds=10.0)


@pytest.fixture(scope="module")
def template(tmp_path_factory, texts_dir) -> Path:
    """A project with three architectures, bytes of text, a list of items and one finished training."""
    project = Project(tmp_path_factory.mktemp("project"))
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["train"]["recipes"]["laptop"] = RECIPE.model_dump()
    params["sweep"]["recorded"]["laptop"] |= {"baseline_seeds": 2, "architecture_seeds": 1, "sample": 1}
    (project.root / "params.yaml").write_text(yaml.safe_dump(params))
    (project.root / "dvc.yaml").write_text("stages: {}\n")
    write_synthetic_release(project.root / "release", 20, gallery=3)
    write_archive(read_release(project.root / "release"), project.archive)
    tokenizer = find_tokenizer(BYTES)
    build_corpus(
        CorpusSettings(source=str(texts_dir)), 1, corpus_folder(project.artifacts, BYTES), tokenizer=tokenizer
    )
    (project.artifacts / "benchmarks").mkdir()
    (project.artifacts / "benchmarks" / "manifest.json").write_text(dump_json({"files": []}))
    workspace = workspace_of(project.root)
    done = workspace.train(baseline("delta_net"), 0, unsafe=True)
    target = workspace.evaluated("delta_net", 0)
    target.mkdir(parents=True)
    write_record(target / EVALUATION, scores(done.result, 0.4))
    return project.root


def workspace_of(root: Path) -> Workspace:
    return open_workspace(root, scale="laptop")


@pytest.fixture
def root(template, tmp_path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "project"))


def opened(root: Path, *names: str, **how: bool) -> SweepWork:
    found = SweepWork(
        workspace_of(root), RecordedSweepSettings(baseline_seeds=2, architecture_seeds=1, sample=1), SEED
    )
    found.open(names, **how)
    return found


def left(sweep: SweepWork) -> list[tuple[str, int]]:
    return [(subject.slug, seed) for subject, seed in sweep.pending]


def test_a_later_checkout_counts_a_row_as_done_without_weights(root):
    first = opened(root)
    assert left(first)[: len(BASELINES)] == [(name, 0) for name in BASELINES]
    assert len(left(first)) == 2 * len(BASELINES) + 3
    first.keep(DONE)
    assert not first.faults
    row = read_row(row_path(first.folder, "delta_net", 0))
    assert (row.cpu_seconds, row.tokens, row.status) == (50.0, 384, "completed")
    shutil.rmtree(root / "artifacts" / "trained")
    shutil.rmtree(root / "artifacts" / "evaluated")
    second = opened(root)
    assert left(second) == [pair for pair in left(first) if pair != ("delta_net", 0)]
    assert second.freshness == {"current": 1}
    assert "1 trainings recorded" in second.notes()[1]
    assert "0 of 3 architectures have a seed" in second.notes()[1]
    # The leak guard needs DeltaNet's curve, which no row brings: it is trained again, and its row stays.
    jobs = second.jobs(root, scale="laptop")
    assert (jobs[0].subject.slug, jobs[0].seed, jobs[0].phases) == ("delta_net", 0, ("train",))
    before = row_path(second.folder, "delta_net", 0).read_bytes()
    second.keep(replace(DONE, train_cpu_seconds=1.0))
    assert row_path(second.folder, "delta_net", 0).read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "freshness", "renew", "again"),
    [
        ({"key": "0" * 64}, "earlier", False, False),
        ({"key": "0" * 64}, "earlier", True, True),
        ({"score_code": "0" * 64}, "earlier", False, False),
        ({"conditions": "0" * 64}, "other", False, True),
        ({"program": "0" * 64}, "other", False, True),
    ],
)
def test_earlier_code_is_trained_again_only_when_asked_another_recipe_always(
    root, changes, freshness, renew, again
):
    first = opened(root, "delta_net")
    first.keep(DONE)
    row = read_row(row_path(first.folder, "delta_net", 0))
    write_row(row.model_copy(update=changes), first.folder)
    second = opened(root, "delta_net", renew=renew)
    assert second.freshness == {freshness: 1}
    assert (("delta_net", 0) in left(second)) == again


def test_an_edited_row_is_one_named_entry_and_is_not_overwritten(root):
    first = opened(root, "delta_net")
    first.keep(DONE)
    path = row_path(first.folder, "delta_net", 0)
    path.write_text(path.read_text().replace('"tokens": 384', '"tokens": 385'))
    edited = path.read_bytes()
    second = opened(root, "delta_net")
    assert left(second) == [("delta_net", 1)]
    assert [(fault.name, fault.status, fault.where) for fault in second.faults] == [
        ("delta_net", "failed", str(path))
    ]
    assert "not what was written" in second.faults[0].detail
    assert "delete it" in second.faults[0].hint
    second.keep(DONE)
    assert path.read_bytes() == edited
    assert ("delta_net", 0) in left(opened(root, "delta_net", force=True))


def test_the_command_does_nothing_again_and_names_an_edited_row(root, monkeypatch):
    first = opened(root, "delta_net")
    first.keep(DONE)
    monkeypatch.chdir(root)
    words = ("sweep", "delta_net", "--scale", "laptop", "--seeds", "1", "--jobs", "1")
    again = call(*words)
    assert again.returncode == 0, again.stderr
    assert "0 done, 0 current, 0 stopped, 0 failed" in again.stdout
    assert "recorded before: 1 with this code" in again.stdout
    assert "0 of 6 baselines all of theirs" in " ".join(again.stdout.split())
    path = row_path(first.folder, "delta_net", 0)
    path.write_text(path.read_text().replace('"tokens": 384', '"tokens": 385'))
    edited = call(*words, "--json")
    assert edited.returncode == 1
    (job,) = json.loads(edited.stdout)["jobs"]
    assert (job["name"], job["status"], job["where"]) == ("delta_net", "failed", str(path))
    assert "delete it" in edited.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "not a JSON object"),
        ("{}", "no checksum"),
        ('{"sum": "0"}', "not what was written"),
        ("[" * 100_000, "cannot be read as JSON"),
    ],
)
def test_what_is_no_row_is_refused_by_name_and_the_others_are_read(root, text, said):
    first = opened(root, "delta_net")
    first.keep(DONE)
    other = row_path(first.folder, "mamba2", 0)
    other.write_text(text)
    rows, damaged = read_rows(first.folder)
    assert [row.name for row in rows] == ["delta_net"]
    assert [(error.where, said in error.what) for error in damaged] == [(str(other), True)]


def test_a_row_under_another_name_is_refused(root):
    first = opened(root, "delta_net")
    first.keep(DONE)
    moved = row_path(first.folder, "mamba2", 0)
    row_path(first.folder, "delta_net", 0).rename(moved)
    with pytest.raises(DataError, match="of delta_net seed 0"):
        read_row(moved)
    with pytest.raises(DataError, match="not the name"):
        row_path(first.folder, "../mamba2", 0)


def test_a_row_that_cannot_be_written_is_one_entry(root):
    first = opened(root, "delta_net")
    first.folder.mkdir(parents=True)
    (first.folder / "rows").write_text("in the way")
    first.keep(DONE)
    assert [fault.name for fault in first.faults] == ["delta_net"]
    assert first.faults[0].detail


def test_what_failed_or_has_no_scores_is_no_row(root):
    first = opened(root)
    first.keep(Report("mamba2", 0, "train", "failed", "as asked"))
    assert not first.faults
    first.keep(Report("mamba2", 0, "evaluate", "done"))
    assert [fault.name for fault in first.faults] == ["mamba2"]
    assert not list(first.folder.glob("rows/*"))


def test_a_model_that_diverges_is_a_row_that_says_so(small_corpus, tmp_path):
    done = train_model(
        spec_of(small_corpus, program(TURNS_NAN, "0001-nan")), small_corpus, tmp_path, unsafe=True
    )
    assert done.result.stop is not None
    row = make_row(
        done.folder, tmp_path, evaluation={}, score_code="0", train_seconds=1.0, evaluate_seconds=0.0
    )
    assert (row.status, row.validation_loss, row.tasks) == ("stopped", None, {})
    assert row.stop.startswith("nan: the loss is nan")


def test_scores_of_other_weights_make_no_row(root):
    first = opened(root, "delta_net")
    path = first.workspace.evaluated("delta_net", 0) / EVALUATION
    path.write_text(dump_json(json.loads(path.read_text()) | {"weights_sha256": "0" * 64}))
    first.keep(DONE)
    assert "other weights" in first.faults[0].detail


def test_the_order_is_baselines_then_the_sample_then_seed_after_seed():
    architectures = [program("x", f"000{number}-a") for number in range(6)]
    how = {"size": 2, "seed": 1, "baseline_seeds": 3, "sample_seeds": 2, "architecture_seeds": 2}
    pairs = ordered([baseline("delta_net"), baseline("mamba2")], architectures, **how)
    names = [(subject.slug, seed) for subject, seed in pairs]
    assert names[:2] == [("delta_net", 0), ("mamba2", 0)]
    drawn = [name for name, _ in names[2:6:2]]
    assert names[2:6] == [(name, seed) for name in drawn for seed in (0, 1)]
    assert names[6:10] == [(name, seed) for seed in (1, 2) for name in ("delta_net", "mamba2")]
    rest = [subject.slug for subject in architectures if subject.slug not in drawn]
    assert names[10:] == [(name, seed) for seed in (0, 1) for name in rest]
    other_order = ordered([baseline("delta_net"), baseline("mamba2")], architectures[::-1], **how)
    assert [(subject.slug, seed) for subject, seed in other_order[2:6]] == names[2:6]
    once = ordered([baseline("delta_net")], architectures, **{**how, "architecture_seeds": 1})
    assert Counter(subject.slug for subject, _ in once) == Counter(drawn * 2 + rest + ["delta_net"] * 3)
    another_seed = ordered([baseline("delta_net")], architectures, **{**how, "seed": 2})
    assert {subject.slug for subject, _ in another_seed[1:5]} != set(drawn)
