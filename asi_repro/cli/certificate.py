"""`asi-repro certificate`: what the checks found."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from asi_repro.cli.options import ArchiveOption, CertificatesOption, JsonOption, hints_of, the_certificates
from asi_repro.cli.output import print_result, print_utf8
from asi_repro.errors import AsiReproError
from asi_repro.verify.certificate import find_certificate, read_certificates
from asi_repro.verify.markdown import certificate_markdown, overview_markdown


def certificate(
    name: Annotated[
        Optional[str],
        typer.Argument(metavar="[INDEX|NAME]", help="The architecture whose certificate to show."),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Show a table of all certificates.")] = False,
    certificates: CertificatesOption = None,
    archive: ArchiveOption = None,
    json_: JsonOption = False,
) -> None:
    """Show the certificate of one architecture, or a summary of all, as Markdown or JSON."""
    if (name is None) == (not all_):
        raise AsiReproError(
            "name an architecture, or pass --all",
            hint="`asi-repro certificate --all` lists every certificate",
        )
    folder = certificates or the_certificates(archive)
    with hints_of(archive):
        listed = read_certificates(folder) if name is None else [find_certificate(folder, name)]
    if name is None:
        records = (one.to_json() for one in listed)
        print_result(records, lambda: print_utf8(overview_markdown(listed)), as_json=json_)
        return
    [found] = listed
    print_result(found.to_json(), lambda: print_utf8(certificate_markdown(found)), as_json=json_)
