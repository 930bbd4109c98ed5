"""`asi-repro share`: a run of ours as one file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from asi_repro.cli.output import console
from asi_repro.discover.run.folder import DiscoveryRun, check_name
from asi_repro.discover.run.sharing import put_file, share_run
from asi_repro.imports.export import share_import
from asi_repro.imports.layout import is_import
from asi_repro.project import find_project
from asi_repro.text import counted


def share(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Name of the run (`asi-repro runs` lists them).")],
    to: Annotated[
        str, typer.Option(metavar="PLACE", help="A path, or a URL that DVC can write to (s3://, ssh://, …).")
    ],
) -> None:
    """Export a run to one file with its commits, records and rejected proposals.

    Others import it with `asi-repro pull --run`. An imported run becomes one file of JSON lines, which others
    import with `asi-repro import`; it gives them the same tables and history.
    """
    folder = find_project().runs / check_name(run)
    if is_import(folder):
        _share_import(folder, to)
        return
    shared = share_run(DiscoveryRun(folder), to)
    console().print(
        f"{counted(shared.experiments, 'experiment')}, {shared.bytes / 1e6:.2f} MB: {shared.place}\n"
        f"others get it with\n  asi-repro pull --run {shared.place} --sha256 {shared.sha256}",
        soft_wrap=True,
    )


def _share_import(folder: Path, to: str) -> None:
    with tempfile.TemporaryDirectory(prefix="asi-repro-share-") as work:
        shared = share_import(folder, Path(work) / "run.jsonl")
        put_file(shared.place, to)
    console().print(
        f"{counted(shared.experiments, 'experiment')}, {shared.bytes / 1e6:.2f} MB, "
        f"SHA-256 {shared.sha256}: {to}\nothers get it with\n  asi-repro import {to} --run {folder.name}",
        soft_wrap=True,
    )
