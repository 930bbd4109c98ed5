"""The recorded control run that is in Git: it is repeated to the same commits, stopped and gone on with."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from asi_repro.discover.run.folder import COMMITS, LAB, SETTINGS, DiscoveryRun
from asi_repro.discover.run.recorded import MOST_BYTES

ROOT = Path(__file__).resolve().parents[2]
RECORDED = ROOT / "artifacts" / "recorded" / "control"
KEPT = (SETTINGS, LAB, COMMITS)

pytestmark = pytest.mark.skipif(not (RECORDED / COMMITS).is_file(), reason="there is no recorded run")


@pytest.fixture
def project(tmp_path):
    """A checkout that has the record and nothing else: neither corpus nor benchmarks."""
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    folder = tmp_path / "artifacts" / "recorded" / "control"
    folder.mkdir(parents=True)
    for name in KEPT:
        shutil.copy(RECORDED / name, folder / name)
    return tmp_path


def command(project: Path, *arguments: str) -> subprocess.Popen:
    environment = {**os.environ, "ASI_REPRO_HOME": str(project), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "asi_repro.cli", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def test_it_is_small_and_whose_it_is(project):
    assert sum((RECORDED / name).stat().st_size for name in KEPT) < MOST_BYTES
    settings = json.loads((RECORDED / SETTINGS).read_text())
    assert settings["components"] == ["loss", "benchmark"]  # the control arm has no judge, and says so
    lines = (RECORDED / COMMITS).read_text().splitlines()
    assert sum(not line.startswith("verified") for line in lines) >= 60


def test_a_replay_comes_to_the_same_commits_without_torch(project):
    code, out, err = ended(command(project, "discover", "--recorded", "control", "--json"))
    assert code == 0, err
    summary = json.loads(out)
    lines = (RECORDED / COMMITS).read_text().splitlines()
    assert summary["compared"] == len(lines)
    assert summary["experiments"] >= 60
    folder = project / "artifacts" / "recorded" / "control"
    assert (folder / "archive" / "fitness.parquet").is_file()
    assert (project / "traces" / "control.parquet").is_file()
    search = json.loads((folder / "discoveries.json").read_text())
    assert search["experiments"] == len(search["curve"]) == summary["experiments"] - 1
    assert search["discoveries"] == search["curve"][-1]["discoveries"] == summary["beat_baseline"]
    assert search["rates"][0]["interval"]["low"] < search["rates"][0]["interval"]["high"]
    listed = subprocess.run(
        ["git", f"--git-dir={folder / 'run.git'}", "for-each-ref", "--format=%(objectname)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert set(listed) == {line.split()[2] for line in lines if not line.startswith("failed")}


@pytest.mark.slow
def test_ctrl_c_stops_a_run_cleanly_and_it_goes_on(project):
    """A run with the record's settings and results, so that nothing is trained here."""
    folder = project / "artifacts" / "runs" / "again"
    folder.mkdir(parents=True)
    shutil.copy(RECORDED / LAB, folder / LAB)
    settings = json.loads((RECORDED / SETTINGS).read_text())
    settings["discover"]["promote"] = 0
    (folder / SETTINGS).write_text(json.dumps(settings))
    run = DiscoveryRun(
        folder
    )  # as a kill right after the settings were written leaves it: without a database
    asked = ("discover", "--run", "again", "--lab", "recorded", "--experiments", "12", "--workers", "2")
    process = command(project, *asked)
    deadline = time.monotonic() + 120
    while not run.store.commits():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    code, _, err = ended(process)
    assert code == 130, err
    assert "run the same command again to resume" in err
    assert "Traceback" not in err
    before = run.store.commits()
    assert len(before) < 12
    code, _, err = ended(command(project, *asked))
    assert code == 0, err
    found = run.store.commits()
    assert before.items() <= found.items()
    pinned = [line.split() for line in (RECORDED / COMMITS).read_text().splitlines()]
    first = {int(index): commit for kind, index, commit in pinned if kind == "experiment"}
    assert found == {index: commit for index, commit in first.items() if index <= 12}


@pytest.mark.slow
def test_the_search_at_the_laptop_scale_is_repeated_and_its_winners_are_counted_again(tmp_path):
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    folder = tmp_path / "artifacts" / "recorded" / "laptop"
    folder.mkdir(parents=True)
    for name in KEPT:
        shutil.copy(RECORDED.with_name("laptop") / name, folder / name)
    status, out, err = ended(command(tmp_path, "discover", "--recorded", "laptop", "--json"))
    assert status == 0, err
    assert json.loads(out)["experiments"] == 100
    status, out, err = ended(command(tmp_path, "retest", "--run", "laptop", "--recorded", "--json"))
    assert status == 0, err
    found = json.loads(out)
    assert found["beats"] == json.loads((folder / "discoveries.json").read_text())["discoveries"]
    assert len(found["winners"]) == 10
    assert len(found["trainings"]) == 40
