"""`asi-repro claims`: the ledger for a person or as JSON, and the stage that makes it."""

from __future__ import annotations

from typing import Annotated, Any, Optional

import typer

BUILD = "build"


def claims(
    what: Annotated[
        Optional[str],
        typer.Argument(metavar="[ID | build]", help="One claim, in depth; or `build`, to check them all."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list of claims.")] = False,
) -> None:
    """Which of the paper's claims hold on what was released, and the rows that show it.

    `asi-repro claims build` (stage `claims`) checks every claim and writes artifacts/claims.json,
    claims.md and claims_metrics.json. Without it, the claims are read from there.
    """
    if what == BUILD:
        _build(as_json)
        return
    from asi_repro.claims.ledger import find_claim, read_ledger
    from asi_repro.cli.claim_view import print_claim, print_ledger
    from asi_repro.cli.output import print_json
    from asi_repro.project import find_project

    ledger = read_ledger(find_project().claims)
    chosen: list[dict[str, Any]] = ledger["claims"] if what is None else [find_claim(ledger, what)]
    if as_json:
        print_json(chosen)
    elif what is None:
        print_ledger(ledger)
    else:
        print_claim(chosen[0])


def _build(as_json: bool) -> None:
    from asi_repro.archive.reader import open_archive
    from asi_repro.claims.building import build_ledger
    from asi_repro.claims.context import Settings
    from asi_repro.claims.outputs import write_ledger
    from asi_repro.cli.output import console, print_json
    from asi_repro.config import load_params
    from asi_repro.project import find_project
    from asi_repro.results.table import SWEEPS_FOLDER

    project = find_project()
    params = load_params(project.root)
    settings = Settings(seed=params.seed, resamples=params.claims.resamples)
    with console(stderr=True).status("checking the claims") as status:
        ledger = build_ledger(
            open_archive(project.archive),
            settings,
            certificates=project.certificates if project.certificates.is_dir() else None,
            sweeps=project.artifacts / SWEEPS_FOLDER,
            progress=lambda identifier: status.update(f"checking {identifier}"),
        )
    written = write_ledger(ledger, project.claims)
    if as_json:
        print_json(ledger["claims"])
        return
    counts = ", ".join(f"{count} {verdict}" for verdict, count in ledger["summary"].items())
    console().print(f"claims: {counts}\nwritten: {', '.join(str(path) for path in written)}")
