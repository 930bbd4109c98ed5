"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

if TYPE_CHECKING:
    from asi_repro.archive.store import Archive

ArchiveOption = Annotated[
    Optional[Path],
    typer.Option(
        "--archive",
        metavar="DIR",
        envvar="ASI_REPRO_ARCHIVE",
        help="Folder of Parquet tables to read; the project's artifacts/archive by default.",
        show_default=False,
    ),
]
CertificatesOption = Annotated[
    Optional[Path],
    typer.Option(
        "--certificates",
        metavar="DIR",
        help="Folder of certificates; the project's artifacts/certificates by default.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document (docs/reference/json.md).")]
ExperimentArgument = Annotated[
    str,
    typer.Argument(metavar="INDEX|NAME", help="Index, name or display name; names repeat, indices do not."),
]


def the_archive(folder: Path | None) -> Archive:
    """The archive at `folder`, or the project's.

    Raises:
        MissingInput: where there is none, or no project around the working folder.
    """
    from asi_repro.archive.store import open_archive
    from asi_repro.errors import MissingInput
    from asi_repro.project import find_project

    if folder is not None:
        return open_archive(folder)
    try:
        project = find_project()
    except MissingInput as error:
        raise MissingInput(
            error.what,
            hint="cd into the checkout, set ASI_REPRO_HOME to it, or name the tables: --archive DIR",
        ) from None
    return open_archive(project.archive)
