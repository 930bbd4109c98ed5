"""Copies of the real release and of the paper's tables, to be broken on purpose."""

from __future__ import annotations

import copy
import csv
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from cases import row

from asi_repro.archive.reader import Archive
from asi_repro.archive.tables import Run, write_archive
from asi_repro.claims.building import build_ledger
from asi_repro.claims.context import Settings
from asi_repro.claims.ledger import Entry
from asi_repro.claims.paper_tables import PaperTables
from asi_repro.verify.certificate import Certificate, in_order, write_certificate

FEW = Settings(resamples=200)
Rows = list[dict[str, str]]


@pytest.fixture(scope="session")
def release_run(release_dir: Path) -> Run:
    """The real release, read once; `checked` gives tests a copy of it."""
    from asi_repro.archive.release import read_release

    return read_release(release_dir)


@pytest.fixture
def checked(release_run: Run, release_archive: Path, tmp_path: Path) -> Callable[..., Entry]:
    """Check one claim on the release, on a changed copy of it, or against changed tables of the paper."""

    def check(
        identifier: str,
        change: Callable[[Run], object] | None = None,
        paper: dict[str, Callable[[Rows], object]] | None = None,
        certificates: Path | None = None,
        sensitivity: bool = False,
    ) -> Entry:
        folder = release_archive
        if change is not None:
            run = copied(release_run)
            change(run)
            folder = tmp_path / "changed"
            write_archive(run, folder)
        tables = changed_tables(tmp_path / "paper", paper) if paper else None
        ledger = build_ledger(
            Archive(folder),
            FEW,
            only={identifier},
            paper=tables,
            certificates=certificates,
            sensitivity=sensitivity,
        )
        (entry,) = ledger.claims
        return entry

    return check


def copied(run: Run) -> Run:
    """A run whose rows may be changed; their values are not shared objects that could be."""
    return Run(**{name: [dict(row) for row in rows] for name, rows in vars(run).items()})


def changed_tables(folder: Path, changes: dict[str, Callable[[Rows], object]]) -> PaperTables:
    """The paper's tables in `folder`, some of them changed."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in (files("asi_repro.claims") / "tables").iterdir():
        (folder / source.name).write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    for name, change in changes.items():
        with (folder / name).open(encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        rows = copy.deepcopy(rows)
        change(rows)
        with (folder / name).open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return PaperTables(folder)


@pytest.fixture
def certify(release_run: Run, tmp_path: Path) -> Callable[..., Path]:
    """Certificates of the gallery in which every row of `names` passes, some of them changed."""

    def write(
        *names: str,
        failing: tuple[str, ...] = (),
        other: dict[int, Any] | None = None,
        leave_out: int | None = None,
        stale: int | None = None,
        parameters: int = 345_000_000,
    ) -> Path:
        folder = tmp_path / "certificates"
        for place, program in enumerate(release_run.programs):
            if place == leave_out:
                continue
            rows = [
                (other or {}).get(place) or row(n, "fail" if place == 7 and n in failing else "pass")
                for n in names
            ]
            rows.append(row("parameters_340m", value=parameters))
            certificate = Certificate(
                index=program["index"],
                name=program["name"],
                display_name=program["display_name"],
                program_sha256="0" * 64 if place == stale else program["sha256"],
                parameters_stated=program["parameters"],
                environment={},
                probe={},
                checks=in_order(rows),
            )
            write_certificate(certificate, folder)
        return folder

    return write
