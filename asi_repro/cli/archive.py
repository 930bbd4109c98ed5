"""The stage command `asi-repro archive`."""

from __future__ import annotations

from asi_repro.archive.manifest import release_manifest
from asi_repro.archive.release import read_release
from asi_repro.archive.tables import write_archive
from asi_repro.cli.output import console
from asi_repro.project import find_project


def archive() -> None:
    """Convert the downloaded release to Parquet tables in artifacts/archive (stage `archive`)."""
    project = find_project()
    manifest = release_manifest()
    run = read_release(project.release, url=manifest.url, commit=manifest.commit)
    counts = write_archive(run, project.archive)
    rows = ", ".join(f"{name} {count}" for name, count in counts.items())
    console().print(f"archive: {rows}")
