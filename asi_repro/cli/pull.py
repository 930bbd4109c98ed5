"""`asi-repro pull`: the release, or somebody's run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from asi_repro.archive.manifest import release_manifest
from asi_repro.archive.pull import pull as pull_release
from asi_repro.cli.output import console, safe
from asi_repro.discover.run.sharing import receive_run
from asi_repro.project import Project, find_project
from asi_repro.text import counted


def pull(
    source: Annotated[
        Optional[Path],
        typer.Option("--from", metavar="DIR", help="A local copy of the release. [env: ASI_REPRO_RELEASE]"),
    ] = None,
    url: Annotated[
        Optional[str],
        typer.Option(
            envvar="ASI_REPRO_UPSTREAM_URL",
            help="Import from this Git repository (a mirror) instead of the upstream one.",
        ),
    ] = None,
    rev: Annotated[
        Optional[str], typer.Option(envvar="ASI_REPRO_UPSTREAM_REV", help="The revision to import.")
    ] = None,
    run: Annotated[
        Optional[str],
        typer.Option(
            metavar="PLACE",
            help="Import a run that someone exported with `asi-repro share` instead: a path or URL "
            "(https://, s3://, …).",
        ),
    ] = None,
    name: Annotated[
        Optional[str], typer.Option("--as", metavar="NAME", help="With --run: the name to give the run.")
    ] = None,
    sha256: Annotated[
        Optional[str], typer.Option(help="With --run: the expected SHA-256 of the file.")
    ] = None,
) -> None:
    """Download the ASI-ARCH release and verify the SHA-256 of every file, or import a run with --run.

    The release is taken from --from DIR, else from the folder named by ASI_REPRO_RELEASE, else from the
    pinned Git repository. With --url, the Git repository is always used. Files whose SHA-256 does not
    match the manifest are discarded. If the release is already here, nothing is done.
    """
    project = find_project()
    if run is not None:
        _pull_run(project, run, name, sha256)
        return
    result = pull_release(project, source=source, url=url, rev=rev)
    manifest = release_manifest()
    size = sum(file.bytes for file in manifest.files) / 1e6
    out = console()
    for problem in result.replaced:
        out.print(f"replaced {problem}")
    origin = f"from {result.source}" if result.source else "already here"
    out.print(
        f"release: {counted(len(manifest.files), 'file')}, {size:.1f} MB, every SHA-256 as pinned ({origin})"
    )


def _pull_run(project: Project, place: str, name: str | None, sha256: str | None) -> None:

    run = receive_run(project, place, name=name, sha256=sha256)
    shown = safe(run.folder.name)
    console().print(
        f"run {shown}: {counted(len(run.finished()), 'experiment')}, every object and commit checked; "
        f"{run.folder}\n"
        f"asi-repro list --run {shown}; its results are its author's until you run them again "
        f"(asi-repro verify --all --run {shown})",
        soft_wrap=True,
    )
