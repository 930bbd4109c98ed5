"""`asi-repro compare`: any runs, at equal budgets and beside luck."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Optional

import typer

from asi_repro.cli.checked import the_choice
from asi_repro.cli.options import ClassOption, JsonOption, ScaleOption, SetOption
from asi_repro.cli.output import console, print_json, print_result
from asi_repro.cli.results import print_models
from asi_repro.config.params import load_params
from asi_repro.discover.run.comparison_page import comparison_text, write_comparison
from asi_repro.discover.run.outcomes import read_outcomes
from asi_repro.discover.run.run_comparison import Group, compare_groups, write_curves
from asi_repro.errors import DataError, MissingInput, NotFound
from asi_repro.project import RELEASE, Project, find_project, run_folders
from asi_repro.results.baseline_comparison import build_results
from asi_repro.results.layout import evaluated_root, trained_root
from asi_repro.results.trained_models import load_models
from asi_repro.sweep.mixer_file import is_file
from asi_repro.sweep.workspace import open_workspace
from asi_repro.verify.adapt import Choice
from asi_repro.verify.certificate import leaking_programs


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...|FILE NAME...",
            help="Names of runs, or `release`. A name with * or ?, or names joined by commas, form a group. "
            "Or the Python file of a mixer of yours, and the models to compare it with.",
        ),
    ],
    group: Annotated[
        Optional[list[str]],
        typer.Option(metavar="LABEL=RUN,RUN", help="Another group of runs, under a name of its own."),
    ] = None,
    noise: Annotated[
        Optional[float],
        typer.Option(
            metavar="SD",
            min=0.0,
            help="Assumed standard deviation of one score, for runs that scored no program twice.",
        ),
    ] = None,
    out: Annotated[
        Optional[Path],
        typer.Option("--csv", metavar="FILE", help="Write the cumulative curves to this file."),
    ] = None,
    report: Annotated[
        Optional[Path], typer.Option(metavar="DIR", help="Write a page with figures to this folder.")
    ] = None,
    scale: ScaleOption = None,
    class_: ClassOption = None,
    set_: SetOption = None,
    json_: JsonOption = False,
) -> None:
    """Compare runs: discoveries and best scores at equal budgets, and beside what luck alone gives.

    A discovery is an experiment that beats its run's baseline. The release lacks those values for most
    experiments, so membership of the gallery is used instead, and the output says so. Differences are from
    the first run or group. With the file of a mixer, the trained models named are compared as in `results`:
    with DeltaNet.

    Two experiments are compared by `asi-repro diff`, and in the Compare view of `asi-repro browse`.
    """
    if any(map(is_file, runs)):
        _compare_models(runs, scale, the_choice(class_, set_ or []), json_=json_)
        return
    project = find_project()
    params = load_params(project.root)
    groups = _groups(project, runs, group or [])
    found = compare_groups(groups, seed=params.seed, resamples=params.claims.resamples, noise=noise or None)
    if out is not None:
        write_curves([run for one in groups for run in one.runs], out)
    if report is not None:
        page = write_comparison(groups, found, report)
        console(stderr=True).print(f"wrote {page}", soft_wrap=True)
    print_result(found.to_dict(), comparison_text(found), as_json=json_)


def _compare_models(names: list[str], scale: str | None, choice: Choice, *, json_: bool) -> None:
    """The rows of trained models in the table of all."""
    project = find_project()
    params, workspace = load_params(project.root), open_workspace(project.root, scale=scale)
    slugs = {name: workspace.subject(name, choice).slug for name in names}
    folders = (
        trained_root(project.artifacts, workspace.scale),
        evaluated_root(project.artifacts, workspace.scale),
    )
    found = build_results(
        load_models(*folders),
        seed=params.seed,
        resamples=params.claims.resamples,
        leaking=leaking_programs(project.certificates),
    )
    rows = {row.name: row for row in found.models}
    for name, slug in slugs.items():
        if slug in (found.summary.leaking or ()):
            raise DataError(
                f"{name} sees later tokens, so its loss is compared with none",
                hint=f"`asi-repro verify {name}` shows where",
            )
        if slug not in rows:
            raise MissingInput(
                f"{name} was not trained at the scale {workspace.scale}, or otherwise than DeltaNet",
                hint=f"asi-repro sweep {name}",
            )
    chosen = [rows[slug] for slug in dict.fromkeys(slugs.values())]
    if json_:
        print_json({"about": found.summary.about, "models": [row.model_dump() for row in chosen]})
        return
    console().print(found.summary.about)
    print_models(chosen)


def _groups(project: Project, arguments: list[str], named: list[str]) -> list[Group]:
    wanted = [(argument, argument) for argument in arguments]
    for one in named:
        label, equals, names = one.partition("=")
        if not (label and equals and names):
            raise NotFound(f"{one!r} names no group", hint="write --group LABEL=RUN,RUN")
        wanted.append((label, names))
    known = [RELEASE, *run_folders(project)]
    return [
        Group(label, tuple(read_outcomes(project, name) for name in _names(text, known)))
        for label, text in wanted
    ]


def _names(text: str, known: list[str]) -> list[str]:
    found: list[str] = []
    for part in filter(None, text.split(",")):
        matching = [name for name in known if fnmatchcase(name, part)] if set("*?[") & set(part) else [part]
        if not matching:
            raise NotFound(f"no run is called like {part!r}", hint=f"available runs: {', '.join(known)}")
        found += matching
    if not found:
        raise NotFound("an empty name names no run", hint=f"available runs: {', '.join(known)}")
    return list(dict.fromkeys(found))
