"""`asi-repro fsck`: do the files agree with each other."""

from __future__ import annotations

from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from asi_repro.archive.fsck.checks import CHECKS, run_checks, summarise
from asi_repro.archive.fsck.place import Place, Result
from asi_repro.cli.options import ArchiveOption, JsonOption, names_a_run
from asi_repro.cli.output import console, print_json, safe
from asi_repro.errors import MissingInput
from asi_repro.imports.checks import run_checks as run_checks_of
from asi_repro.imports.layout import is_import
from asi_repro.project import archive_of, find_project
from asi_repro.sweep.result_checks import check_measured
from asi_repro.text import counted


def fsck(archive: ArchiveOption = None, json_: JsonOption = False) -> None:
    """Check that the release, the pinned checksums, the archive, the history and dvc.lock agree.

    With the name of a run, check that run: its tables, history and records, parents that no file describes,
    ids and scores that repeat, equal programs, changes of a seed alone, gaps, and counts that differ.

    Nothing is changed. Each problem is reported with a remedy. The exit status is 1 if there is a problem
    and 4 if there was nothing to check.
    """
    try:
        project = find_project()
    except MissingInput:
        if archive is None:
            raise
        project = None
    if archive is not None and project is not None and names_a_run(archive):
        archive = archive_of(project, archive.name)
    folder = archive or (project.archive if project else None)
    assert folder is not None
    place = Place(project, folder)
    of_a_run = project is None or folder.resolve() != project.archive.resolve()
    checks = run_checks_of(place) if archive is not None and of_a_run and _has_run(folder) else _ALL
    results: list[Result] = []
    out = console()
    for result in run_checks(place, checks):
        results.append(result)
        if not json_:
            _print_result(out, result)
    good = summarise(results)
    if json_:
        print_json({"ok": good, "checks": [result.to_dict() for result in results]})
    else:
        _print_sum(out, results)
    if not good:
        raise typer.Exit(1 if any(result.problems for result in results) else 4)


_ALL = {**CHECKS, "measured": check_measured}


def _has_run(folder: Path) -> bool:
    return is_import(folder.parent) or (folder.parent / "settings.json").is_file()


_STYLES = {"ok": "green", "problem": "red", "not run": "yellow"}


def _print_result(out: Console, result: Result) -> None:

    line = Text(f"{result.status:<8}", style=_STYLES[result.status])
    out.print(line.append(f"{result.check:<9} {safe(result.detail)}", style="default"))
    for problem in result.problems:
        out.print(Text(f"    {safe(problem.what)}\n        → {safe(problem.todo)}"))


def _print_sum(out: Console, results: list[Result]) -> None:
    problems = sum(len(result.problems) for result in results)
    idle = sum(result.status == "not run" for result in results)
    said = counted(problems, "problem") if problems else "no problems"
    out.print(f"\n{said}; {len(results) - idle} of {len(results)} checks ran")
