"""`asi-repro pull` and the stage command `asi-repro archive`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer


def pull(
    source: Annotated[
        Optional[Path],
        typer.Option("--from", metavar="DIR", help="A local copy of the release. [env: ASI_REPRO_RELEASE]"),
    ] = None,
    url: Annotated[
        Optional[str],
        typer.Option(
            "--url",
            envvar="ASI_REPRO_UPSTREAM_URL",
            help="Import from another git repository than upstream's (a mirror).",
        ),
    ] = None,
    rev: Annotated[
        Optional[str],
        typer.Option("--rev", envvar="ASI_REPRO_UPSTREAM_REV", help="Its revision."),
    ] = None,
) -> None:
    """Fetch the ASI-ARCH release and check every byte of it.

    Sources, in order: --from DIR; the folder ASI_REPRO_RELEASE names; the pinned git import. With
    --url the git import is used whatever ASI_REPRO_RELEASE says. Nothing is kept of files whose SHA-256
    is not the manifest's. Where the release is here already, nothing is done.
    """
    from asi_repro.archive.manifest import release_manifest
    from asi_repro.archive.pull import pull as pull_release
    from asi_repro.cli.output import console
    from asi_repro.project import find_project

    project = find_project()
    result = pull_release(project, source=source, url=url, rev=rev)
    manifest = release_manifest()
    size = sum(file.bytes for file in manifest.files) / 1e6
    out = console()
    for problem in result.replaced:
        out.print(f"replaced {problem}", markup=False, highlight=False)
    origin = f"from {result.source}" if result.source else "already here"
    out.print(
        f"release: {len(manifest.files)} files, {size:.1f} MB, every SHA-256 as pinned ({origin})",
        markup=False,
        highlight=False,
    )


def archive() -> None:
    """Make the Parquet tables in artifacts/archive from the pulled release (stage `archive`)."""
    from asi_repro.archive.manifest import release_manifest
    from asi_repro.archive.release import read_release
    from asi_repro.archive.tables import write_archive
    from asi_repro.cli.output import console
    from asi_repro.project import find_project

    project = find_project()
    manifest = release_manifest()
    run = read_release(project.release, url=manifest.url, commit=manifest.commit)
    counts = write_archive(run, project.archive)
    rows = ", ".join(f"{name} {count}" for name, count in counts.items())
    console().print(f"archive: {rows}", markup=False, highlight=False)
