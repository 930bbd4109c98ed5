"""`asi-repro browse`: the terminal UI."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from asi_repro.cli.options import ArchiveOption
from asi_repro.errors import MissingInput
from asi_repro.tui.web import serve


def browse(
    experiment: Annotated[
        Optional[str],
        typer.Argument(metavar="[INDEX|NAME]", help="Experiment to open first.", show_default=False),
    ] = None,
    archive: ArchiveOption = None,
    web: Annotated[
        bool, typer.Option("--web", help="Serve the interface to a web browser on this machine only.")
    ] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port for --web.")] = 8000,
) -> None:
    """Browse lineage, experiments, claims, certificates and traces in the terminal.

    Press `?` for the keys, Ctrl+P for every command and q to quit. The next session resumes where you
    left off.
    """
    try:
        from asi_repro.tui.app import browse as run
    except ModuleNotFoundError as error:
        raise MissingInput(
            f"the terminal UI needs {error.name}", hint="pip install 'asi-repro[tui]'"
        ) from error
    if web:
        serve(port, archive=archive, experiment=experiment)
    else:
        run(archive, experiment=experiment)
