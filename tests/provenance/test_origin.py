"""`asi-repro provenance`: what a result was made from, and whether that is still so."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from asi_repro.errors import DataError, MissingInput, NotFound
from asi_repro.provenance.code import code_sha256, library_versions
from asi_repro.provenance.origin import MAKERS, find_origin
from asi_repro.provenance.record import Provenance, read_provenance, write_provenance
from scripts.make_stages import ROOT


def made(kind: str = "training", **changes: object) -> Provenance:
    values = {
        "kind": kind,
        "programs": {"delta_net": "delta_net"},
        "data": {"corpus": {"shards": ["ab" * 32]}},
        "settings": {"scale": {"hidden_size": 64}},
        "seed": 3,
        "versions": library_versions(MAKERS[kind], also=("accelerate", "einops")),
        "code": code_sha256(MAKERS[kind]),
        "machine": platform.machine(),
    }
    return Provenance(**{**values, **changes})


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("dvc.yaml", "params.yaml", "dvc.lock"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "artifacts/trained/smoke/delta_net/seed-3").mkdir(parents=True)
    return tmp_path


def test_a_record_reads_back_and_its_key_hangs_on_every_field(tmp_path):
    write_provenance(made(), tmp_path)
    assert read_provenance(tmp_path) == made()
    others = [
        made(seed=4),
        made(programs={"a": "b"}),
        made(data={}),
        made(settings={}),
        made(versions={}),
        made(code="0"),
        made(machine="vax"),
    ]
    assert len({made().key, *(other.key for other in others)}) == 8


def test_a_measured_result_says_everything(project):
    folder = project / "artifacts/trained/smoke/delta_net/seed-3"
    write_provenance(made(), folder)
    (folder / "environment.json").write_text(json.dumps({"sandbox": "bubblewrap", "hardware": "a CPU"}))
    (folder / "curve.csv").write_text("")
    origin = find_origin(folder / "curve.csv", project)
    assert (origin.kind, origin.seed, origin.sandbox) == ("training", 3, "bubblewrap")
    assert origin.machine == f"{platform.machine()}, a CPU"
    assert origin.changed == ()


def test_what_changed_since_is_said(project):
    folder = project / "artifacts/trained/smoke/delta_net/seed-3"
    versions = {**made().versions, "torch": "1.0"}
    write_provenance(made(code="0", versions=versions), folder)
    changed = find_origin(folder, project).changed
    assert changed[0] == "code"
    assert changed[1].startswith("torch 1.0 -> ")


def test_a_certificate_names_its_own_program(project):
    folder = project / "artifacts/certificates"
    folder.mkdir()
    write_provenance(made("certificates", programs={"7": "cd" * 32, "8": "ef" * 32}), folder)
    (folder / "7.json").write_text(json.dumps({"environment": {"sandbox": "landlock"}}))
    origin = find_origin(folder / "7.json", project)
    assert origin.programs == {"7": "cd" * 32}
    assert origin.sandbox == "landlock"
    assert set(find_origin(folder, project).programs) == {"7", "8"}


def test_runs_stages_and_imports_are_found_too():
    run = find_origin(ROOT / "artifacts/recorded/control/lab.jsonl", ROOT)
    assert run.kind == "run"
    assert "code" in run.changed  # recorded by code before today's
    claims = find_origin(ROOT / "artifacts/claims.json", ROOT)
    assert claims.settings["stage"] == "claims"
    assert "artifacts/archive" in claims.data
    pin = find_origin(ROOT / "artifacts/release/data/106.json.dvc", ROOT)
    assert pin.kind in ("stage", "import")


def test_what_is_not_recorded_is_an_error(project, tmp_path_factory):
    (project / "artifacts/notes.txt").write_text("")
    with pytest.raises(NotFound, match="nothing records"):
        find_origin(project / "artifacts/notes.txt", project)
    with pytest.raises(MissingInput):
        find_origin(project / "artifacts/none", project)
    with pytest.raises(NotFound, match="not in this project"):
        find_origin(tmp_path_factory.mktemp("other"), project)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": 1}', "[" * 100_000])
def test_a_damaged_record_is_refused(project, text):
    folder = project / "artifacts/trained/smoke/delta_net/seed-3"
    (folder / "provenance.json").write_text(text)
    with pytest.raises(DataError):
        find_origin(folder, project)
    (folder / "provenance.json").unlink()
    (folder / "settings.json").write_text(text)
    with pytest.raises(DataError):
        find_origin(folder, project)


def test_the_command_prints_it_and_escapes_what_it_prints(project):
    folder = project / "artifacts/trained/smoke/delta_net/seed-3"
    write_provenance(made(settings={"note": "\x1b[31m\u202e red"}), folder)
    command = [sys.executable, "-m", "asi_repro.cli", "provenance", str(folder)]
    shown = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True).stdout
    for word in ("training", "delta_net", "seed      3", "torch", "current   yes"):
        assert word in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    said = subprocess.run(
        [*command, "--json"], cwd=project, capture_output=True, text=True, check=True
    ).stdout
    assert json.loads(said)["seed"] == 3
