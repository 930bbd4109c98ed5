"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Optional

import typer

from asi_repro.archive.reader import Archive
from asi_repro.errors import AsiReproError, MissingInput, of_run
from asi_repro.project import RELEASE, archive_of, find_project, run_folder

ArchiveOption = Annotated[
    Optional[Path],
    typer.Option(
        "--archive",
        "--run",
        metavar="DIR|RUN",
        envvar=["ASI_REPRO_ARCHIVE", "ASI_REPRO_RUN"],
        help="A folder of Parquet tables, or the name of a run (`asi-repro runs` lists them). "
        "The default is the release.",
    ),
]
CertificatesOption = Annotated[
    Optional[Path],
    typer.Option(
        "--certificates", metavar="DIR", help="Folder of certificates. The default is artifacts/certificates."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON (see docs/reference/json.md).")]
ScaleOption = Annotated[
    Optional[str],
    typer.Option(
        "--scale", help="Model size: smoke, laptop, 20m or 340m. The default is set in params.yaml."
    ),
]
SeedsOption = Annotated[
    Optional[int],
    typer.Option("--seeds", min=1, help="Use seeds 0 to N-1. The default is set in params.yaml."),
]
JobsOption = Annotated[
    Optional[int],
    typer.Option(
        "--jobs", "-j", min=1, help="How many to run in parallel. The default is the number of CPUs."
    ),
]
DeviceOption = Annotated[
    str,
    typer.Option("--device", help="cpu or cuda. Several GPUs in one training require --unsafe-no-sandbox."),
]
UnsafeOption = Annotated[
    bool,
    typer.Option(
        "--unsafe-no-sandbox", help="Run the program outside the sandbox, with all of your permissions."
    ),
]
ClassOption = Annotated[
    Optional[str],
    typer.Option("--class", metavar="NAME", help="Of a file: the mixer's class, if there are several."),
]
SetOption = Annotated[
    Optional[list[str]],
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Of a file: an argument of the class's constructor, as JSON or a Python literal.",
    ),
]
ExperimentArgument = Annotated[
    str,
    typer.Argument(
        metavar="INDEX|NAME",
        help="Index, name or display name. Several experiments may share a name; an index is unique.",
    ),
]


def names_a_run(place: Path) -> bool:
    """Whether a value of --archive is the name of a run: a plain name that is no folder here."""
    return len(place.parts) == 1 and not place.is_dir()


def the_archive(folder: Path | None) -> Archive:
    """The archive at `folder`, or of the run of that name, or the project's.

    Raises:
        NotFound: for a plain name that is neither a folder here nor a run.
        MissingInput: where there is none, or no project around the working folder.
    """
    if folder is not None:
        return Archive(archive_of(find_project(), folder.name) if names_a_run(folder) else folder)
    try:
        project = find_project()
    except MissingInput as error:
        raise MissingInput(
            error.what,
            hint="change to the checkout, set ASI_REPRO_HOME to its path, or name the tables with "
            "--archive DIR",
        ) from None
    return Archive(project.archive)


@contextmanager
def hints_of(archive: Path | None) -> Iterator[None]:
    """Errors whose hints name commands about the run whose archive was named, if one was."""
    try:
        yield
    except AsiReproError as error:
        if archive is None:
            raise
        raise of_run(error, str(archive)) from error


def the_certificates(archive: Path | None) -> Path:
    """The project's folder, or that of the run whose archive was named.

    Raises:
        NotFound: for a plain name that is neither a folder here nor a run.
        MissingInput: where there is no project around the working folder.
    """
    project = find_project()
    if archive is None or not names_a_run(archive) or archive.name == RELEASE:
        return project.certificates
    return run_folder(project, archive.name) / "certificates"
