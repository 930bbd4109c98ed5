"""Ctrl-C in the middle of `make repro`: what is finished can be read, and the same command goes on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from threading import Timer

import pytest
from checkouts import ROOT, Checkout, new_checkout

sys.path.insert(0, str(ROOT / "tests"))

from synthetic_release import write_synthetic_release

from asi_repro.archive.reader import Archive
from asi_repro.doctor.inventory import take_inventory
from asi_repro.project import Project
from scripts.pin_release import make_manifest, make_pins

# Texts on the way of scripts/repro, and the results that are whole by then.
MOMENTS = {"[1 of 6": [], "archive: experiments": [], "[2 of 6": ["archive"]}
SECONDS = 1.0  # from the text to Ctrl-C: the step has begun


@pytest.fixture
def small(tmp_path: Path) -> Checkout:
    """A clone of this project with a made-up release of thirty experiments."""
    made = new_checkout(tmp_path / "small", "")
    (made.folder / "scripts").mkdir()
    for name in ("scripts/repro", "artifacts/claims.json"):
        shutil.copy(ROOT / name, made.folder / name)
    copy = tmp_path / "release"
    write_synthetic_release(copy, 30, gallery=3)
    commit = "0" * 40
    manifest = made.folder / "asi_repro/archive/release_manifest.json"
    manifest.write_text(make_manifest(copy, commit).to_json())
    make_pins(copy, commit, made.folder / "artifacts/release")
    made.environment["ASI_REPRO_RELEASE"] = str(copy)
    return made


def repro_until(checkout: Checkout, text: str) -> None:
    """Ctrl-C to scripts/repro, a moment after it printed the text."""
    process = subprocess.Popen(
        ["scripts/repro"], cwd=checkout.folder, env={**checkout.variables(), "PYTHONUNBUFFERED": "1"},
        start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        # A background job ignores Ctrl-C, and so would all that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    said, timer = "", Timer(SECONDS, os.killpg, (process.pid, signal.SIGINT))
    assert process.stdout is not None
    for line in process.stdout:
        said += line
        if text in line:
            timer.start()
    timer.cancel()
    assert process.wait(60) != 0, said
    assert text in said, said


def times(folder: Path, names: list[str]) -> dict[str, int]:
    """When each file of finished results was written."""
    found = [path for name in names for path in (folder / name, *(folder / name).rglob("*"))]
    return {str(path): path.stat().st_mtime_ns for path in found if path.is_file()}


@pytest.mark.slow
def test_what_is_finished_is_kept_and_the_next_run_goes_on(small: Checkout) -> None:
    kept: dict[str, int] = {}
    for text, finished in MOMENTS.items():
        repro_until(small, text)
        artifacts = small.folder / "artifacts"
        now = times(artifacts, finished)
        assert {name: now[name] for name in kept} == kept, f"made again before {text}"
        kept = now
        there = {item.name: item for item in take_inventory(Project(small.folder))}
        assert there["release"].there
        assert "cannot be read" not in str(there)
        assert there["archive"].there or "archive" not in finished
        if there["archive"].there:
            assert len(Archive(artifacts / "archive").experiments) == 30
        assert not list(artifacts.rglob(".*.tmp")), "a half-written output is left"
