"""A mixer in a file beside the baselines and the architectures: found, kept, trained and compared by its path."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from in_process import call
from test_launch import project

from asi_repro.config.train import TrainSettings
from asi_repro.errors import DataError, MissingInput
from asi_repro.models.program import load_program
from asi_repro.project import Project
from asi_repro.store.files import sha256_bytes
from asi_repro.sweep.workspace import Workspace
from asi_repro.verify.adapt import Choice

MINE = """\
from torch import nn


class Mine(nn.Module):
    def __init__(self, d_model, window=8):
        super().__init__()
        self.proj = nn.Linear(d_model, d_model)
        self.window = window

    def forward(self, x):
        return self.proj(x).cumsum(1) / self.window
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(Project(tmp_path), TrainSettings(), "smoke")


@pytest.fixture
def mine(tmp_path: Path) -> str:
    path = tmp_path / "my mixer.py"
    path.write_text(MINE)
    return str(path)


def test_a_file_is_a_model_by_its_text(workspace: Workspace, mine: str) -> None:
    first = workspace.subject(mine)
    assert first.slug.startswith("own-my-mixer-")
    assert (first.title, first.index, first.baseline) == ("Mine of my mixer.py", None, False)
    assert workspace.subject(mine) == first
    again = workspace.subject(first.slug)  # as another process finds it
    assert (again.slug, again.program_sha256) == (first.slug, first.program_sha256)
    assert workspace.subject(mine, Choice(arguments={"window": 4})).slug != first.slug
    Path(mine).write_text(MINE + "# edited\n")
    assert workspace.subject(mine).slug != first.slug
    assert load_program(str(first.program)).build(8, 2).mixer.window == 8


def test_what_was_kept_is_not_taken_where_it_is_another(workspace: Workspace, mine: str) -> None:
    slug = workspace.subject(mine).slug
    kept = workspace.project.artifacts / "programs" / f"{slug}.py"
    kept.write_text(kept.read_text() + "\n")
    with pytest.raises(DataError, match="not the program that was kept"):
        workspace.subject(slug)
    for name in ("own-nothing-000000000000", "own-../my mixer"):
        with pytest.raises(MissingInput, match="no program called"):
            workspace.subject(name)


def test_a_bad_file_does_not_stop_the_others(workspace: Workspace, mine: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("import socket\n")
    known, unknown = workspace.known_subjects([str(bad), "delta_net", mine, str(tmp_path / "no.py")])
    assert [subject.slug[:9] for subject in known] == ["delta_net", "own-my-mi"]
    assert sorted(Path(name).name for name in unknown) == ["bad.py", "no.py"]
    assert "socket" in unknown[str(bad)].what


@pytest.mark.slow
def test_a_file_is_trained_and_compared(small_corpus, tmp_path, mine, monkeypatch) -> None:
    root = project(small_corpus, tmp_path / "project", micro_batch=4)
    monkeypatch.setenv("ASI_REPRO_HOME", str(root))
    words = ("--scale", "smoke", "--set", "window=4")
    missing = call("compare", mine, "delta_net", *words)
    assert missing.returncode == 4
    trained = call("train", mine, "--seeds", "1", *words, "--json")
    assert trained.returncode == 0, trained.stderr
    (result,) = json.loads(trained.stdout)
    assert result["status"] == "completed"
    compared = call("compare", mine, *words, "--json")
    assert compared.returncode == 0, compared.stderr
    assert json.loads(compared.stdout)["models"][0]["name"] == result["name"]
    assert json.loads(call("train", mine, "--seeds", "1", *words, "--json").stdout)[0]["already"] is True
    kept = root / "artifacts" / "programs" / f"{result['name']}.py"
    monkeypatch.setattr(
        "asi_repro.cli.compare.leaking_programs", lambda folder: {sha256_bytes(kept.read_bytes())}
    )
    refused = call("compare", mine, "delta_net", *words)
    assert refused.returncode == 3
    assert "sees later tokens" in refused.stderr
