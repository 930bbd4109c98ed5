"""Made-up runs for the terminal UI."""

from __future__ import annotations

from pathlib import Path

import pytest

from asi_repro.tui.run_data import Source, archive_paths


@pytest.fixture(scope="session")
def synthetic_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up run of 300 experiments, 8 with programs: tables in artifacts/archive below it."""
    from synthetic_release import write_synthetic_release

    from asi_repro.archive.release import read_release
    from asi_repro.archive.tables import write_archive

    root = tmp_path_factory.mktemp("browse")
    write_synthetic_release(root / "release", 300)
    write_archive(read_release(root / "release"), root / "artifacts" / "archive")
    return root


@pytest.fixture
def synthetic_source(synthetic_root: Path) -> Source:
    return Source(archive_paths(synthetic_root / "artifacts" / "archive"))


@pytest.fixture(scope="session")
def made_up_root(synthetic_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of that run in a project, with certificates, claims and facts."""
    from shutil import copytree

    from made_up import make_certificates, make_facts, make_ledger

    from asi_repro.archive.reader import Archive

    root = tmp_path_factory.mktemp("made-up")
    copytree(synthetic_root / "artifacts" / "archive", root / "artifacts" / "archive")
    archive = Archive(root / "artifacts" / "archive")
    make_certificates(archive, root / "artifacts" / "certificates")
    make_ledger(archive, root / "artifacts" / "claims.json")
    make_facts(archive, root / "artifacts" / "facts.json")
    for name in ("dvc.yaml", "params.yaml"):
        (root / name).touch()
    return root


@pytest.fixture
def made_up_source(made_up_root: Path) -> Source:
    from asi_repro.project import Project
    from asi_repro.tui.run_data import release_paths

    project = Project(made_up_root)
    return Source(release_paths(project), project)
