"""`asi-repro browse`: the terminal UI."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from asi_repro.cli.options import ArchiveOption
from asi_repro.errors import MissingInput
from asi_repro.tui.web import serve


def browse(
    experiment: Annotated[
        Optional[str], typer.Argument(metavar="[INDEX|NAME]", help="Experiment to open first.")
    ] = None,
    archive: ArchiveOption = None,
    view: Annotated[
        Optional[str],
        typer.Option(metavar="NAME", help="View to open: lineage, experiment, claims, replay, ..."),
    ] = None,
    at: Annotated[
        Optional[str],
        typer.Option(
            metavar="INDEX|NAME", help="Experiment to open the view at; several, with commas, are compared."
        ),
    ] = None,
    tab: Annotated[
        Optional[str], typer.Option(metavar="NAME", help="Tab of the experiment: overview, diff, ...")
    ] = None,
    filter_: Annotated[
        Optional[str], typer.Option("--filter", metavar="TEXT", help="Filter for the lineage.")
    ] = None,
    claim: Annotated[Optional[str], typer.Option(metavar="ID", help="Claim to open.")] = None,
    fact: Annotated[Optional[str], typer.Option(metavar="ID", help="Fact to open.")] = None,
    part: Annotated[
        Optional[str],
        typer.Option(
            metavar="NAME", help="Part of the view or tab: a check, a table, a run, a section, a line, ..."
        ),
    ] = None,
    web: Annotated[
        bool, typer.Option("--web", help="Serve the interface to a web browser on this machine only.")
    ] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port for --web.")] = 8000,
) -> None:
    """Browse lineage, experiments, claims, facts, certificates and traces in the terminal.

    Press `?` for the keys, Ctrl+P for every command and q to quit. The next session resumes where you
    left off. Y copies the command that opens the place on the screen, such as
    `asi-repro browse --at 965 --tab diff`.
    """
    try:
        from asi_repro.tui.app import browse as run
    except ModuleNotFoundError as error:
        raise MissingInput(
            f"the terminal UI needs {error.name}", hint="pip install 'asi-repro[tui]'"
        ) from error
    at = experiment if at is None else at
    place = {"at": at, "view": view, "tab": tab, "filter": filter_, "claim": claim, "fact": fact}
    if web:
        serve(port, archive=archive, **place, part=part)
    else:
        run(archive, **place, part=part)
