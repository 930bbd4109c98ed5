"""`asi-repro status`, and `asi-repro` alone: what is there, what is stale, what is next; and `asi-repro demo`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from in_process import call
from synthetic_release import write_synthetic_release

from asi_repro.archive.release import read_release
from asi_repro.archive.tables import write_archive
from asi_repro.doctor import stages
from asi_repro.provenance.code import code_sha256
from asi_repro.provenance.origin import MAKERS
from asi_repro.provenance.record import Provenance, write_provenance

ROOT = Path(__file__).resolve().parents[2]
STAGES = """
stages:
  copy:
    cmd: cp a.txt b.txt
    deps: [a.txt]
    outs: [{b.txt: {cache: false}}]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "dvc.yaml").write_text(STAGES)
    (tmp_path / "params.yaml").write_text("{}")
    (tmp_path / "a.txt").write_text("a")
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q", "--no-scm"], cwd=tmp_path, check=True)
    monkeypatch.setenv("ASI_REPRO_HOME", str(tmp_path))
    return tmp_path


def shown() -> dict[str, str]:
    done = call("status")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 10
    return {line.split()[0]: line[13:] for line in lines}


def test_nothing_yet_then_a_release_then_damage(project: Path) -> None:
    lines = shown()
    assert lines["release"] == "not downloaded"
    assert lines["stages"] == "1 not run or out of date: copy"
    assert lines["next"].startswith("make repro")

    write_synthetic_release(project / "artifacts/release", 30, gallery=3)
    write_archive(read_release(project / "artifacts/release"), project / "artifacts/archive")
    lines = shown()
    assert lines["archive"] == "30 experiments, 3 of them in the gallery"
    assert lines["next"].startswith("dvc repro")

    (project / "artifacts/claims.json").write_text('{"claims": ')
    (project / "artifacts/archive/experiments.parquet").write_bytes(b"PAR1")
    lines = shown()
    assert lines["claims"].startswith("cannot be read")
    assert lines["archive"].startswith("cannot be read")


@pytest.mark.parametrize(("code", "said"), [(None, "1 program"), ("0" * 64, "1 program; 1 stale")])
def test_certificates_are_stale_where_their_code_is_another(
    project: Path, code: str | None, said: str
) -> None:
    folder = project / "artifacts/certificates"
    folder.mkdir(parents=True)
    (folder / "0001-x.json").write_text("{}")
    made = Provenance(
        kind="certificates",
        programs={},
        data={},
        settings={},
        seed=None,
        versions={},
        code=code or code_sha256(MAKERS["certificates"]),
        machine="x86_64",
    )
    write_provenance(made, folder)
    assert shown()["certificates"] == said


def test_stages_are_up_to_date_until_an_input_changes(project: Path) -> None:
    subprocess.run([sys.executable, "-m", "dvc", "repro", "-q"], cwd=project, check=True)
    assert shown()["stages"] == "all up to date"
    (project / "a.txt").write_text("another")
    found = json.loads(call("status", "--json").stdout)
    assert found["stale_stages"] == ["copy"]


def test_dvc_is_asked_again_only_where_a_file_has_changed(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    run = subprocess.run
    monkeypatch.setattr(
        stages.subprocess, "run", lambda words, **options: asked.append(words) or run(words, **options)
    )
    kept = project / ".dvc/tmp/asi-repro-status.json"

    def answers() -> tuple[str, int]:
        return shown()["stages"], len(asked)

    stale = "1 not run or out of date: copy"
    assert answers() == answers() == (stale, 1)
    run([sys.executable, "-m", "dvc", "repro", "-q"], cwd=project, check=True)
    assert answers() == answers() == ("all up to date", 2)
    (project / "a.txt").write_text("other")
    assert answers() == answers() == (stale, 3)
    kept.write_text('{"files": 1}')
    assert answers() == answers() == (stale, 4)
    (project / "dvc.yaml").write_text("stages: [")
    assert answers()[0].startswith("DVC cannot say")


def test_no_command_is_status_and_a_broken_pipeline_is_named(project: Path) -> None:
    (project / "dvc.yaml").write_text("stages: [")
    assert call().stdout == call("status").stdout
    assert shown()["stages"].startswith("DVC cannot say which stages are out of date: ")


@pytest.mark.slow
def test_the_demo_is_rebuilt_from_its_record_and_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asi_repro.tui import app

    shutil.copytree(ROOT / "artifacts/recorded", tmp_path / "artifacts/recorded", ignore=shutil.ignore_patterns("*.git", "archive", "journal", "rejected", "locks"))  # fmt: skip
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.setenv("ASI_REPRO_HOME", str(tmp_path))
    opened = []
    monkeypatch.setattr(app, "browse", lambda archive, **_: opened.append(archive))
    first, again = call("demo"), call("demo")
    assert (first.returncode, again.returncode) == (0, 0)
    assert "not the paper's run" in " ".join(first.stdout.split())
    assert again.stdout == ""
    assert opened == [Path("control"), Path("control")]
    assert "64" in call("list", "--run", "control").stdout
