"""The stage `verify` through the real sandbox: resumable, repeatable, and robust against its programs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from asi_repro.archive.reader import Archive
from asi_repro.sandbox.outcome import Limits
from asi_repro.sandbox.tiers import best_tier
from asi_repro.verify import examiner, stage
from asi_repro.verify.catalogue import BY_NAME, CHECKS
from asi_repro.verify.certificate import Certificate, read_certificates
from tests.verify.conftest import planted

HANGS = planted("clean_convolution").replace(
    "x = hidden_states\n", "x = hidden_states\n        while x.shape[1] == 192:\n            pass\n", 1
)
REFUSED = "import os\n" + planted("clean_convolution")
ArchiveOf = Callable[..., Archive]


def run(archive: Archive, folder: Path, **options: object) -> stage.Outcome:
    return stage.verify(list(archive.programs()), folder, **{"jobs": 2, **options})  # type: ignore[arg-type]


def verdicts(certificate: Certificate) -> dict[str, str]:
    return {row.check: row.verdict for row in certificate.checks}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.json"))}


def test_a_run_is_repeatable_to_the_byte_and_only_what_changed_runs_again(
    archive_of: ArchiveOf, tmp_path: Path
) -> None:
    archive = archive_of(planted("leak_at_chunk_boundary"))
    first, second = tmp_path / "first" / "c", tmp_path / "second" / "c"
    assert run(archive, first).done == 1
    assert run(archive, second).done == 1
    assert contents(first) == contents(second)

    (certificate,) = read_certificates(first)
    assert certificate.environment["sandbox"] in ("bubblewrap", "landlock")
    assert verdicts(certificate)["causality_jacobian"] == "fail"
    assert set(certificate.keys) == {check.name for check in CHECKS}

    began = time.perf_counter()
    outcome = run(archive, first)
    assert (outcome.done, outcome.current) == (0, 1)
    assert time.perf_counter() - began < 5
    assert contents(first) == contents(second)

    # Only what changed runs again.
    (path,) = first.glob("*.json")
    data = json.loads(path.read_text())
    data["keys"]["state"] = "of other code"
    del data["keys"]["certificate"]  # the hash of all; those that were made before it are read as they are
    path.write_text(json.dumps(data))
    (timings,) = run(archive, first).timings.values()
    assert set(timings) == {"state"}
    assert contents(first) == contents(second)


def test_a_refused_program_has_its_texts_rows_and_the_reason(archive_of: ArchiveOf, tmp_path: Path) -> None:
    archive, folder = archive_of(REFUSED), tmp_path / "c"
    run(archive, folder)
    (certificate,) = read_certificates(folder)
    assert certificate.row("components").verdict == "pass"
    row = certificate.row("causality_jacobian")
    assert row.verdict == "not run"
    assert row.detail["reason"].startswith("refused")
    assert "os" in row.detail["reason"]

    (path,) = folder.glob("*.json")
    for damage in (b"", b"{}", b"\xff\x00", b'{"format": 1}'):
        path.write_bytes(damage)
        (job,) = stage.plan(archive.programs(), folder)
        assert job.stale == CHECKS


def test_a_program_that_hangs_in_one_check_gets_the_others() -> None:
    limits = Limits(cpu_seconds=6, wall_seconds=60)
    checks = [BY_NAME[name] for name in ("causality", "batch")]
    examiner_ = examiner.Examiner(HANGS, stated=None, tier=best_tier(), limits=limits)
    found = examiner_.examine(checks, threading.Event())
    assert {row.verdict for row in found.rows["causality"]} == {"not run"}
    assert found.rows["causality"][0].detail["reason"].startswith(("cpu", "timeout"))
    assert {row.verdict for row in found.rows["batch"]} == {"pass"}
    # A time-out may be the machine's fault: it is tried again.
    assert found.final == {"batch"}


def test_certificates_of_programs_that_are_gone_are_removed(tmp_path: Path) -> None:
    for name in ("1.json", "2.json", "notes.json"):
        (tmp_path / name).write_text("{}")
    assert stage.remove_orphans(tmp_path, [2]) == [tmp_path / "1.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2.json", "notes.json"]


def test_a_kill_loses_nothing_that_was_finished(archive_of: ArchiveOf, tmp_path: Path) -> None:
    archive, folder = archive_of(*[planted("clean_convolution")] * 2), tmp_path / "c"
    command = [sys.executable, "-m", "asi_repro.cli", "verify", "--all", "--jobs", "1"]
    command += ["--archive", str(archive.folder), "--certificates", str(folder)]
    process = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + 300
    while not list(folder.glob("[0-9]*.json")) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = read_certificates(folder)
    assert len(kept) == 1
    # The made-up run states a parameter count of its own.
    failed = {row.check for one in kept for row in one.checks if row.verdict == "fail"}
    assert failed == {"parameters_340m"}
    outcome = run(archive, folder)
    assert (outcome.current, outcome.done) == (1, 1)
    # What the killed run left half-written has a name of its own and is never read.
    assert len(read_certificates(folder)) == 2
