"""`asi-repro history`: the run as a git repository (stage `history`), and a clone of it to look at."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Optional

import typer
from rich.progress import Progress

from asi_repro.archive.history.clone import OpenedHistory, open_history
from asi_repro.archive.history.writing import write_history
from asi_repro.cli.options import ArchiveOption, JsonOption, the_archive
from asi_repro.cli.output import console, print_result
from asi_repro.imports.layout import HISTORY
from asi_repro.project import archive_of, find_project
from asi_repro.text import counted

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The run as a Git repository: one commit per experiment, whose parent is the parent"
    " experiment's commit.",
)


@app.command("build")
def build(
    archive: ArchiveOption = None,
    output: Annotated[
        Optional[Path],
        typer.Option(metavar="FILE", help="File to write. The default is artifacts/history.bundle."),
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Write the Git bundle (stage `history`). The same archive always gives the same bytes."""
    source = the_archive(archive)
    bundle = output or find_project().history
    with _progress() as progress:
        summary = write_history(source, bundle, progress)
    text = (
        f"history: {summary.experiments} commits, {summary.programs} with a program, {summary.tags} tags, "
        f"{summary.roots} root{'' if summary.roots == 1 else 's'}; main is experiment {summary.main}; "
        f"{summary.bytes / 1e6:.1f} MB, SHA-256 {summary.sha256}"
    )
    print_result({**summary.to_dict(), "bundle": str(bundle)}, text, as_json=json_)


@app.command("open")
def open_(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder for the clone.")],
    bundle: Annotated[
        Optional[Path],
        typer.Option(metavar="FILE", help="Bundle to read. The default is artifacts/history.bundle."),
    ] = None,
    run: Annotated[
        Optional[str], typer.Option(metavar="NAME", help="Open the history of this imported run.")
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Clone the history into DIR, with a ref for every experiment, and suggest commands to try next."""
    if bundle is None and run is not None:
        bundle = archive_of(find_project(), run).parent / HISTORY
    opened = open_history(bundle or find_project().history, folder)
    size = f"{counted(opened.experiments, 'experiment')}, {counted(len(opened.tags), 'tag')}"
    head = f"history: {size} in {folder}"
    lines = [head, "Some commands to try next:", *(f"  {command}" for command in _suggestions(opened))]
    print_result(opened.to_dict(), "\n".join(lines), as_json=json_)


def _suggestions(opened: OpenedHistory) -> list[str]:
    commands = [
        f"cd {shlex.quote(str(opened.folder))}",
        "git log --graph --oneline --all",
        f"git log --oneline {opened.main}    # an experiment and its ancestors",
        f"git show {opened.main}:experiment.json",
    ]
    if opened.tags:
        commands.append("git tag --list")
    if len(opened.tags) > 1:
        commands.append(f"git diff {opened.tags[0]} {opened.tags[-1]} -- program.py")
    return commands


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error, where that is a terminal; called with what is done and the total."""
    err = console(stderr=True)
    with Progress(console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("history", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
