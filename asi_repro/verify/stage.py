"""The stage `verify`: certificates for the architectures of an archive, in parallel, resumable.

No torch here: programs run in sandboxed workers, one worker a program.
"""

from __future__ import annotations

import json
import platform
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from asi_repro.archive.reader import Program
from asi_repro.errors import AsiReproError, DataError
from asi_repro.executor.base import ONE_CPU, Executor, LostTask, Resources
from asi_repro.executor.local import ThreadExecutor
from asi_repro.provenance.code import code_sha256, library_versions
from asi_repro.provenance.record import Provenance, write_provenance
from asi_repro.sandbox.launch import Tier
from asi_repro.sandbox.tiers import best_tier
from asi_repro.store.files import atomic_write
from asi_repro.store.json_text import dump_json
from asi_repro.verify.catalogue import CHECKS, Check
from asi_repro.verify.certificate import Certificate, in_order, path_of, read_certificate, write_certificate
from asi_repro.verify.examiner import Examination, Examiner
from asi_repro.verify.keys import result_key, torch_version
from asi_repro.verify.results import CheckResult


@dataclass(frozen=True)
class Job:
    """One architecture with the checks whose results are not there or are of something else now.

    Attributes:
        program: the architecture.
        stale: the checks to run.
        keys: content key of every check.
        before: its certificate so far, or None.
    """

    program: Program
    stale: tuple[Check, ...]
    keys: dict[str, str]
    before: Certificate | None


@dataclass
class Outcome:
    """What `verify` did.

    Attributes:
        done: certificates written.
        current: architectures whose certificate needed nothing.
        failures: index to why its worker could not be used at all.
        timings: index to seconds by check and by length: of this run, so not part of certificates.
    """

    done: int = 0
    current: int = 0
    failures: dict[int, str] = field(default_factory=dict)
    timings: dict[int, dict[str, Any]] = field(default_factory=dict)


def plan(programs: Iterable[Program], folder: Path, *, force: bool = False) -> list[Job]:
    """The work to do for `programs`, given the certificates in `folder`."""
    jobs = []
    for program in programs:
        keys = {
            check.name: result_key(check, program_sha256=program.sha256, stated=program.parameters)
            for check in CHECKS
        }
        before = None if force else _previous(path_of(folder, program.index), program)
        have = before.keys if before else {}
        stale = tuple(check for check in CHECKS if have.get(check.name) != keys[check.name])
        jobs.append(Job(program, stale, keys, before))
    return jobs


def verify(
    programs: Sequence[Program],
    folder: Path,
    *,
    jobs: int,
    unsafe: bool = False,
    force: bool = False,
    progress: Callable[[str], None] = lambda name: None,
    planned: Callable[[int], None] = lambda count: None,
    executor: Executor | None = None,
    resources: Resources = ONE_CPU,
) -> Outcome:
    """Bring the certificates of `programs` in `folder` up to date.

    Each certificate is written when it is complete, so a run that is stopped loses only what was being
    worked on.

    Args:
        programs: the architectures.
        folder: where certificates are kept.
        jobs: workers at a time.
        unsafe: run without a sandbox, with resource limits only.
        force: run every check again.
        progress: called with a name when its certificate has been written.
        planned: called once with the number of certificates to make.
        executor: where to run them; threads here, one a sandboxed worker, by default.
        resources: that one program needs there.
    """
    work = plan(programs, folder, force=force)
    todo = [job for job in work if job.stale]
    planned(len(todo))
    outcome = Outcome(current=len(work) - len(todo))
    if not todo:
        return outcome
    # Here the tier is probed once; another machine has to probe its own.
    tier: Tier | None = "unsafe" if unsafe else best_tier() if executor is None else None

    def took(job: Job, found: Examination | None) -> None:
        if found is not None:
            outcome.done += 1
            outcome.timings[job.program.index] = found.timings
        progress(job.program.display_name or job.program.name)

    certify = partial(_certify, folder=folder.resolve(), tier=tier)
    lost = (executor or ThreadExecutor(jobs)).run(certify, todo, on_result=took, resources=resources)
    _note_lost(lost, outcome, every=len(lost) == len(todo))
    return outcome


def write_metrics(counts: dict[str, Any], folder: Path) -> None:
    """Write what fails, counted per row, beside the folder of certificates, for `dvc metrics`.

    Rows that nothing fails are left out: `dvc metrics show` makes a column of every number.
    """
    rows: dict[str, dict[str, int]] = counts["rows"]
    metrics = {
        "architectures": counts["architectures"],
        "fail": {name: row["fail"] for name, row in rows.items() if row["fail"]},
        "not_run": sum(row["not_run"] for row in rows.values()),
    }
    atomic_write(folder.parent / "verify-metrics.json", dump_json(metrics))


def write_made_from(certificates: Iterable[Certificate], folder: Path) -> None:
    """Write what the certificates in `folder` were made from; see `provenance.record`."""
    maker = "asi_repro.verify.examiner"
    write_provenance(
        Provenance(
            kind="certificates",
            programs={str(one.index): one.program_sha256 for one in certificates},
            data={},
            settings={},
            seed=None,
            versions=library_versions(maker, also=("einops",)),
            code=code_sha256(maker),
            machine=platform.machine(),
        ),
        folder,
    )


def write_timings(timings: dict[int, dict[str, Any]], folder: Path) -> None:
    """Merge this run's wall times into the file beside the folder: they differ at every run."""
    if not timings:
        return
    path = folder.parent / "verify-timings.json"
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        kept = {}
    merged = {**(kept if isinstance(kept, dict) else {})}
    for index, seconds in timings.items():
        before = merged.get(str(index))
        merged[str(index)] = {**(before if isinstance(before, dict) else {}), **seconds}
    atomic_write(path, dump_json(merged))


def remove_orphans(folder: Path, indices: Iterable[int]) -> list[Path]:
    """Delete certificates of architectures that the archive no longer has; the files deleted."""
    known = set(indices)
    orphans = [p for p in folder.glob("*.json") if p.stem.isdigit() and int(p.stem) not in known]
    for orphan in orphans:
        orphan.unlink()
    return orphans


def _note_lost(lost: list[LostTask], outcome: Outcome, *, every: bool) -> None:
    for one in lost:
        if one.error is not None and (every or not isinstance(one.error, AsiReproError)):
            raise one.error  # nothing can run here, or a fault of this package: say why once
        reason = one.error.what if isinstance(one.error, AsiReproError) else one.reason
        outcome.failures[one.task.program.index] = reason


def _certify(job: Job, stop: threading.Event, *, folder: Path, tier: Tier | None) -> Examination | None:
    if stop.is_set():
        return None
    # Another machine takes the strongest tier that works there.
    examiner = Examiner(job.program.source, stated=job.program.parameters, tier=tier or best_tier())
    found = examiner.examine(job.stale, stop)
    if stop.is_set():
        return None
    write_certificate(_merged(job, found), folder)
    return found


def _merged(job: Job, found: Examination) -> Certificate:
    """The rows of `found` beside those of the certificate before that still hold."""
    program, before = job.program, job.before
    rows: list[CheckResult] = []
    keys: dict[str, str] = {}
    fresh = {check.name for check in job.stale}
    for check in CHECKS:
        if check.name in fresh:
            rows += found.rows[check.name]
            if check.name in found.final:
                keys[check.name] = job.keys[check.name]
        elif before is not None:
            rows += [before.row(name) for name in check.rows]
            keys[check.name] = job.keys[check.name]
    return Certificate(
        index=program.index,
        name=program.name,
        display_name=program.display_name,
        program_sha256=program.sha256,
        parameters_stated=program.parameters,
        environment={"torch": torch_version(), "sandbox": found.tier},
        probe=found.probe or (before.probe if before else {}),
        keys=keys,
        checks=in_order(rows),
    )


def _previous(path: Path, program: Program) -> Certificate | None:
    """The certificate so far, if it is of this program and can be read."""
    if not path.is_file():
        return None
    try:
        before = read_certificate(path)
    except DataError:
        return None  # damaged or of an older format: made anew
    same = before.program_sha256 == program.sha256 and before.name == program.name
    return before if same else None
