"""`asi-repro compare`: any runs, at equal budgets and beside luck."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from asi_repro.cli.options import JsonOption
from asi_repro.cli.output import console, print_result
from asi_repro.config.params import load_params
from asi_repro.errors import NotFound
from asi_repro.project import RELEASE, Project, find_project, run_folders

if TYPE_CHECKING:
    from asi_repro.discover.run.comparison import Group


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...",
            help="Names of runs, or `release`. A name with * or ?, or names joined by commas, form a group.",
        ),
    ],
    group: Annotated[
        Optional[list[str]],
        typer.Option(
            "--group", metavar="LABEL=RUN,RUN", help="Another group of runs, under a name of its own."
        ),
    ] = None,
    noise: Annotated[
        Optional[float],
        typer.Option(
            "--noise",
            metavar="SD",
            min=0.0,
            help="Assumed standard deviation of one score, for runs that scored no program twice.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Optional[Path],
        typer.Option("--csv", metavar="FILE", help="Write the cumulative curves to this file."),
    ] = None,
    report: Annotated[
        Optional[Path],
        typer.Option("--report", metavar="DIR", help="Write a page with figures to this folder."),
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Compare runs: discoveries and best scores at equal budgets, and beside what luck alone gives.

    A discovery is an experiment that beats its run's baseline. The release lacks those values for most
    experiments, so membership of the gallery is used instead, and the output says so. Differences are from
    the first run or group.
    """
    from asi_repro.discover.run.comparison import compare_groups, write_curves
    from asi_repro.discover.run.comparison_page import comparison_text, write_comparison

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


def _groups(project: Project, arguments: list[str], named: list[str]) -> list[Group]:
    from asi_repro.discover.run.comparison import Group, read_outcomes

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
