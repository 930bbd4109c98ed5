"""`asi-repro select`: what the stages train@ and evaluate@ run over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from in_process import call

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of its own, without an archive: baselines need none."""
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def selected() -> list[str]:
    result = call("select", "--json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)["selection"]


def test_without_a_choice_it_shows_the_selection_and_changes_nothing(project):
    assert call("select", "transformer", "delta_net", "--no-baselines").returncode == 0
    file = project / "artifacts" / "selection.yaml"
    before = file.read_bytes()
    assert selected() == ["transformer", "delta_net"]
    assert file.read_bytes() == before


def test_the_baselines_come_with_what_is_chosen_unless_told_otherwise(project):
    call("select", "delta_net")
    assert {"delta_net", "gated_delta_net", "transformer"} <= set(selected())
    call("select", "delta_net", "--no-baselines")
    assert selected() == ["delta_net"]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--default", "delta_net"], "cannot be combined with other choices"),
        (["--default"], "no archive to choose architectures from"),
        (["--gallery"], "no archive to choose architectures from"),
        (["nothing_of_this_name"], "nothing_of_this_name"),
        ([], "no selection"),
    ],
)
def test_what_cannot_be_selected_is_said_and_nothing_is_written(project, words, what):
    result = call("select", *words)
    assert result.returncode != 0
    assert what in result.stderr
    assert "what to do" in result.stderr
    assert not (project / "artifacts" / "selection.yaml").exists()
