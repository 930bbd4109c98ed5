"""Questions asked of made-up data."""

from __future__ import annotations

import csv
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
from fact_runs import made_up

from asi_repro.archive.reader import Archive
from asi_repro.archive.tables import Run, write_archive
from asi_repro.claims.context import Settings
from asi_repro.claims.data import Data
from asi_repro.claims.paper_tables import PaperTables
from asi_repro.facts.building import build_facts
from asi_repro.facts.context import Context
from asi_repro.facts.ledger import Entry
from asi_repro.results.speed import TIMES, StepTimes
from asi_repro.results.table import ModelRow, Results, Summary, write_results
from asi_repro.store.records import write_record
from asi_repro.verify.certificate import Certificate, in_order, write_certificate
from asi_repro.verify.results import CheckResult

FEW = Settings(resamples=200)
Rows = list[dict[str, str]]


@pytest.fixture(scope="session")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Certificates of a run's programs with failures, written once for all tests that want the same."""
    known: dict[object, Path] = {}

    def folder(run: Run, failing: tuple[str, ...]) -> Path:
        key = (failing, *(row["sha256"] for row in run.programs))
        if key not in known:
            known[key] = _certificates(run, tmp_path_factory.mktemp("certificates"), failing)
        return known[key]

    return folder


@pytest.fixture(scope="session")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The made-up run as it is."""
    folder = tmp_path_factory.mktemp("made-up") / "archive"
    write_archive(made_up(), folder)
    return folder


@pytest.fixture
def answered(tmp_path: Path, certified: Callable[..., Path], unchanged: Path) -> Callable[..., Entry]:
    """Answer one question from the made-up run, or from a changed one."""

    def answer(
        identifier: str,
        change: Callable[[Run], object] | None = None,
        tables: dict[str, Callable[[Rows], object]] | None = None,
        failing: tuple[str, ...] | None = None,
        sweep: float | None = None,
    ) -> Entry:
        run, folder = made_up(), unchanged
        if change is not None:
            change(run)
            folder = tmp_path / "archive"
            write_archive(run, folder)
        context = Context(
            Data(Archive(folder)),
            paper=_tables(tmp_path / "paper", tables) if tables else PaperTables(),
            settings=FEW,
            folder=None if failing is None else certified(run, failing),
            sweeps=None if sweep is None else _sweep(run, tmp_path / "sweeps", sweep),
        )
        (entry,) = build_facts(context, only={identifier}).facts
        return entry

    return answer


def _tables(folder: Path, changes: dict[str, Callable[[Rows], object]]) -> PaperTables:
    folder.mkdir()
    for table in (files("asi_repro.claims") / "tables").iterdir():
        rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
        if table.name in changes:
            changes[table.name](rows)
        with (folder / table.name).open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return PaperTables(folder)


def _certificates(run: Run, folder: Path, failing: tuple[str, ...]) -> Path:
    """Certificates in which every third program fails the named rows; later programs cost more."""
    from asi_repro.verify.catalogue import ROW_NAMES

    for place, program in enumerate(run.programs):
        rows = [
            measured(name, fails=name in failing and place % 3 == 0, value=6e8 + 1e6 * place)
            for name in ROW_NAMES
        ]
        certificate = Certificate(
            index=program["index"],
            name=program["name"],
            display_name=program["display_name"],
            program_sha256=program["sha256"],
            parameters_stated=program["parameters"],
            environment={},
            probe={},
            checks=in_order(rows),
        )
        write_certificate(certificate, folder)
    return folder


def measured(name: str, *, fails: bool, value: float) -> CheckResult:
    return CheckResult(name, "fail" if fails else "pass", value, None, "none", "units", "made up")


def _sweep(run: Run, folder: Path, slower: float) -> Path:
    """A recorded sweep whose architectures take `slower` times DeltaNet's step."""
    models = [ModelRow(name="delta_net", title="delta_net", baseline=True, seeds=1, flops_per_token=100.0)]
    models += [
        ModelRow(
            name=row["name"], title="t", index=row["index"], baseline=False, seeds=1, flops_per_token=110.0
        )
        for row in run.programs
    ]
    summary = Summary(
        about="made up", scale="smoke", tokens=1, corpus="c", corpus_stand_in=True, tasks=[], items={},
        against="delta_net", resamples=1, not_compared=[],
    )  # fmt: skip
    write_results(Results(summary=summary, models=models, curves=[]), folder / "smoke")
    times = {row["name"]: slower * (1 + 0.001 * place) for place, row in enumerate(run.programs)}
    write_record(
        folder / "smoke" / TIMES, StepTimes(hardware=["made up"], step_seconds={"delta_net": 1.0, **times})
    )
    return folder
