"""`asi-repro diff`: what changed between two programs."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from asi_repro.archive.program_diff import ProgramDiff, diff_programs
from asi_repro.cli.options import ArchiveOption, ExperimentArgument, JsonOption, the_archive
from asi_repro.cli.output import console, print_lines, print_result, safe
from asi_repro.text import counted, terminal_safe


def diff(
    experiment: ExperimentArgument,
    other: Annotated[
        Optional[str],
        typer.Argument(
            metavar="[OTHER]",
            help="Program to compare with. The default is the nearest ancestor whose program was released.",
        ),
    ] = None,
    context: Annotated[
        int, typer.Option("--context", "-U", min=0, help="Number of unchanged lines of context.")
    ] = 3,
    stat: Annotated[bool, typer.Option("--stat", help="Show only the number of changed lines.")] = False,
    archive: ArchiveOption = None,
    json_: JsonOption = False,
) -> None:
    """Show how the program of EXPERIMENT differs from another, as a unified diff.

    The other program is OTHER, or that of the nearest ancestor whose program was released. Control
    characters are shown as escape sequences.
    """
    run = the_archive(archive)
    new = run.find(experiment).index
    old = None if other is None else run.find(other).index
    found = diff_programs(run, new, old, context=context)
    lines = not stat
    print_result(found.to_dict(with_lines=lines), lambda: _print_diff(found, with_lines=lines), as_json=json_)


def _print_diff(found: ProgramDiff, *, with_lines: bool) -> None:

    out = console()
    old, new = found.old, found.new
    steps = "another branch" if found.steps is None else f"{found.steps} step{'s' * (found.steps != 1)} up"
    head = [
        f"{old.index} {safe(old.display_name or old.name)} ({steps}) → "
        f"{new.index} {safe(new.display_name or new.name)}",
        f"{counted(found.added, 'line')} added, {found.removed} removed; "
        f"{found.similarity:.0%} of lines shared",
    ]
    if not with_lines:
        print_lines(out, head, ["bold", ""])
        return
    # A pipe gets a plain unified diff, which other tools read; a person gets the two lines before it.
    lines, styles = (head, ["bold", ""]) if out.is_terminal else ([], [])
    for number, line in enumerate(found.lines):
        lines.append(safe_code(line))
        styles.append("bold" if number < 2 else _STYLES.get(line[:1], ""))
    out.width = max(out.width, max(map(len, lines), default=0) * 2)  # code is wrapped, never cut
    print_lines(out, lines, styles)


_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def safe_code(line: str) -> str:
    """A line of code with tabs kept and every other control character shown."""
    return terminal_safe(line, keep="\t")
