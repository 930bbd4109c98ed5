"""One report of a hostile run, and one of the real release, built once."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_runs import make_project
from report_searches import add_search
from trained_models import add_results

from asi_repro.project import Project
from asi_repro.report.build import build_report


@pytest.fixture(scope="session")
def hostile_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose every name is hostile, with its report."""
    project = make_project(tmp_path_factory.mktemp("hostile"))
    add_results(project)
    add_search(project)
    build_report(project)
    return project


@pytest.fixture(scope="session")
def release_project(release_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The real release with the ledger of the claims that figures draw on, without its report."""
    from asi_repro.archive.reader import Archive
    from asi_repro.claims.building import build_ledger
    from asi_repro.claims.outputs import write_ledger

    root = tmp_path_factory.mktemp("release-report")
    project = Project(root)
    project.artifacts.mkdir()
    project.archive.symlink_to(release_archive)
    ledger = build_ledger(
        Archive(release_archive), only={"scaling-law", "stage1-predicts"}, sensitivity=False
    )
    write_ledger(ledger, project.claims)
    return project
