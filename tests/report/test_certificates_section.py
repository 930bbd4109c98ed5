"""The report's section on certificates: what it counts, whom it names, and that it is safe."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest
from report_runs import make_project

from asi_repro.archive.reader import Archive
from asi_repro.project import Project
from asi_repro.report.build import build_report
from asi_repro.report.figures.certificates import decisive_rows, sorted_by_failures
from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Drawing, Table
from asi_repro.report.sections.certificates import blocks
from asi_repro.verify.certificate import Certificate, in_order, read_certificates, write_certificate
from asi_repro.verify.results import at_most, measurement


def certify(project: Project, *, failing: set[int], other_program: set[int] = frozenset()) -> None:  # type: ignore[assignment]
    """A certificate for each program; those in `failing` leak."""
    for program in Archive(project.archive).programs():
        leak = 1.0 if program.index in failing else 0.0
        rows = [
            at_most("causality_jacobian", leak, 1e-9, unit="relative", method="m", detail={}),
            at_most("determinism", 0.0, 0.0, unit="bits", method="m", detail={}),
            measurement("state_size", 3, unit="numbers", method="m", detail={}),
        ]
        certificate = Certificate(
            index=program.index,
            name=program.name,
            display_name=program.display_name,
            program_sha256="f" * 64 if program.index in other_program else program.sha256,
            parameters_stated=program.parameters,
            environment={"torch": "2.13.0", "sandbox": "bubblewrap"},
            probe={"hidden_size": 32},
            checks=in_order(rows),
        )
        write_certificate(certificate, project.certificates)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path)


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with certificates, one of them of a failure, and its report; every name is hostile."""
    project = make_project(tmp_path_factory.mktemp("certified"))
    certify(project, failing={16})
    build_report(project)
    return project


def test_without_certificates_the_section_says_not_run(hostile_project: Project) -> None:
    assert blocks(Inputs(hostile_project)) is None
    assert "no released program was run" in (hostile_project.report / "report.md").read_text()


def test_failures_are_counted_and_named(project: Project) -> None:
    certify(project, failing={8, 16})
    found = blocks(Inputs(project))
    assert found is not None
    table = next(block for block in found if isinstance(block, Table))
    counts = {row[1]: row[2:5] for row in table.rows}
    assert counts == {"causality_jacobian": ("8", "2", "0"), "determinism": ("10", "0", "0")}
    named = next(row[5] for row in table.rows if row[1] == "causality_jacobian")
    assert "(8)" in named
    assert "(16)" in named
    assert "(4)" not in named


def test_the_matrix_holds_every_row_and_sorts_failures_first(reported: Project) -> None:
    certificates = list(read_certificates(reported.certificates))
    rows = decisive_rows(certificates)
    assert rows == ["causality_jacobian", "determinism"]
    assert sorted_by_failures(certificates, rows)[0].index == 16
    with (reported.report / "plots" / "certificates.csv").open() as stream:
        cells = list(csv.DictReader(stream))
    assert Counter(cell["verdict"] for cell in cells) == {"pass": 19, "fail": 1}
    assert [cell["index"] for cell in cells if cell["verdict"] == "fail"] == ["16"]


def test_a_certificate_of_another_program_is_left_out(project: Project) -> None:
    certify(project, failing={8}, other_program={8})
    found = blocks(Inputs(project))
    assert found is not None
    drawing = next(block for block in found if isinstance(block, Drawing))
    assert drawing.alt.startswith("A matrix of 9 architectures")
    assert "0 architectures fail" in drawing.alt


def test_hostile_names_stay_text(reported: Project) -> None:
    page = (reported.report / "index.html").read_text()
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "\u202e" not in page
    assert "no released program was run" not in page
