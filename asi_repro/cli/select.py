"""`asi-repro select`: the models that the training stages run over."""

from __future__ import annotations

from typing import Annotated, Any, Optional

import typer

from asi_repro.claims.paper_tables import PaperTables
from asi_repro.cli.options import JsonOption
from asi_repro.cli.output import console, print_json, safe
from asi_repro.errors import AsiReproError, MissingInput
from asi_repro.project import find_project
from asi_repro.results.layout import BASELINES
from asi_repro.sweep import selection
from asi_repro.sweep.workspace import open_workspace
from asi_repro.text import counted
from asi_repro.train.spec import Subject, baseline


def select(
    names: Annotated[
        Optional[list[str]],
        typer.Argument(metavar="[NAME]...", help="Baselines, or indices or names of architectures."),
    ] = None,
    table1: Annotated[
        bool, typer.Option("--table1", help="Add the final models of the paper's Table 1.")
    ] = False,
    top: Annotated[
        Optional[int],
        typer.Option(min=1, help="Add the N architectures of the gallery with the highest recorded scores."),
    ] = None,
    gallery: Annotated[bool, typer.Option("--gallery", help="Add every released architecture.")] = False,
    baselines: Annotated[
        bool, typer.Option("--baselines/--no-baselines", help="Whether to add the baselines.")
    ] = True,
    default: Annotated[
        bool, typer.Option("--default", help="Select three baselines and two architectures of Table 1.")
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Choose the models for the stages train@NAME and evaluate@NAME (artifacts/selection.yaml).

    Without names or options, print the current selection and change nothing.
    """
    workspace = open_workspace(find_project().root)
    some = bool(names or table1 or top or gallery)
    if default and some:
        raise AsiReproError(
            "--default cannot be combined with other choices", hint="remove --default, or the other choices"
        )
    if not (some or default):
        chosen: list[Subject] = workspace.subjects()
        missing: list[str] = []
    else:
        chosen, missing = _chosen(workspace, names or [], table1=table1 or default, top=top, gallery=gallery)
        if default:
            chosen = chosen[: selection.DEFAULT_ARCHITECTURES]
        if baselines:
            added = selection.DEFAULT_BASELINES if default else BASELINES
            chosen = [*map(baseline, added), *chosen]
        chosen = selection.unique(chosen)
        selection.write_selection(chosen, workspace.selection)
    if json_:
        print_json({"selection": [subject.slug for subject in chosen], "not_released": missing})
        return
    out = console()
    for subject in chosen:
        out.print(f"{subject.slug}  {safe(subject.title)}")
    for name in missing:
        out.print(f"not released: {name}")
    out.print(f"{counted(len(chosen), 'model')}; {workspace.selection}")


def _chosen(
    workspace: Any, names: list[str], *, table1: bool, top: int | None, gallery: bool
) -> tuple[list[Subject], list[str]]:

    chosen: list[Subject] = workspace.subjects(names) if names else []
    missing: list[str] = []
    archive = workspace.archive
    if (table1 or top or gallery) and archive is None:
        raise MissingInput("there is no archive to choose architectures from", hint="run `dvc repro archive`")
    if table1:
        found, missing = selection.table1(archive, PaperTables().table1_discovered)
        chosen += found
    if top:
        chosen += selection.top(archive, top)
    if gallery:
        chosen += selection.gallery(archive)
    return chosen, missing
