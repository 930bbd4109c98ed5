"""`asi-repro import`: a run of another system."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Optional

import typer

from asi_repro.cli.options import JsonOption
from asi_repro.cli.output import print_result, safe
from asi_repro.discover.run.folder import check_name
from asi_repro.imports.folder import write_import
from asi_repro.imports.formats import read_run
from asi_repro.project import find_project

_SHOWN = 12


def import_(
    place: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="The folder that the system wrote, or a file of neutral JSON lines."
        ),
    ],
    format_: Annotated[
        Optional[str],
        typer.Option(
            "--format", metavar="F", help="The system. By default it is found by looking at the folder."
        ),
    ] = None,
    run: Annotated[
        Optional[str], typer.Option(metavar="NAME", help="Name of the run here. The default is the folder's.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace an imported run of that name that is another run.")
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Import a run of another discovery system: OpenEvolve, ShinkaEvolve, ASI-Evolve, AIDE, autoresearch, ….

    The run becomes tables and a Git history in artifacts/runs/NAME; `list`, `show`, `lineage`, `browse`,
    `fsck` and the others read it with --run NAME. Nothing of it is executed, and importing it again changes
    nothing. What the run's own files say wrongly or not at all is listed.
    """
    name = check_name(run or place.resolve().name.removesuffix(".jsonl"))
    imported = write_import(read_run(place, format_), find_project().runs / name, replace=replace)
    record = imported.record
    counts = ", ".join(f"{count} {status}" for status, count in record.statuses.items())
    number = f"{record.experiments} experiment{'s' * (record.experiments != 1)}"
    lines = [
        f"run {name}: {number} of {safe(record.system)} ({counts})",
        f"score: {safe(record.score)}, {record.direction} ({safe(record.direction_from)})",
        *(f"notice ({n.kind}): {safe(n.text)}" for n in record.notices[:_SHOWN]),
    ]
    if len(record.notices) > _SHOWN:
        kinds = Counter(n.kind for n in record.notices[_SHOWN:])
        more = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        lines.append(f"and {len(record.notices) - _SHOWN} more notices: {more}")
    lines.append("written" if imported.changed else "nothing has changed")
    lines.append(
        f"next: asi-repro fsck --run {name}; asi-repro lineage --run {name}; asi-repro browse --run {name}"
    )
    document = {"run": name, "folder": str(imported.folder), "changed": imported.changed}
    print_result({**document, **record.model_dump(by_alias=True)}, "\n".join(lines), as_json=json_)
