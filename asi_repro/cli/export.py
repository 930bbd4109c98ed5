"""`asi-repro export`: the files that an imported run was made from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asi_repro.cli.options import JsonOption
from asi_repro.cli.output import print_result
from asi_repro.imports.export import export_records
from asi_repro.project import archive_of, find_project
from asi_repro.text import counted


def export(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Name of an imported run.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is not there yet.")],
    json_: JsonOption = False,
) -> None:
    """Write the files that an imported run was made from, byte for byte as its system wrote them.

    Of a database, whose bytes are not kept, its rows are written as JSON lines.
    """
    names = export_records(archive_of(find_project(), run).parent, folder)
    print_result(
        {"folder": str(folder), "files": names}, f"{counted(len(names), 'file')} in {folder}", as_json=json_
    )
