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
        typer.Argument(metavar="[INDEX|NAME]", help="Experiment to open.", show_default=False),
    ] = None,
    archive: ArchiveOption = None,
    web: Annotated[bool, typer.Option("--web", help="In a browser, served on this machine only.")] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of --web.")] = 8000,
) -> None:
    """Browse the run in the terminal: lineage, experiments, claims, certificates, traces.

    `?` shows the keys, ctrl+p every action, q leaves; the next session goes on where this one ended.
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
