"""`asi-repro list` and `asi-repro show`: the run without a user interface."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from asi_repro.cli.options import (
    ArchiveOption,
    CertificatesOption,
    ExperimentArgument,
    JsonOption,
    the_archive,
)

# Columns of a terminal below which only index, score and name fit.
_NARROW = 60

if TYPE_CHECKING:
    from pathlib import Path

    from asi_repro.archive.facts import ArchiveFacts
    from asi_repro.archive.filters import Filter
    from asi_repro.archive.reader import Archive, Experiment


def list_(
    wanted: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="[FILTER]...",
            help="Terms that must all hold, such as score>2.4 gallery:yes has:program name:gate depth<=3. "
            "Quote > and < for the shell; after -- a term may begin with -, meaning not.",
            show_default=False,
        ),
    ] = None,
    sort: Annotated[
        str, typer.Option(help="index, name, display_name, parent, depth, children or score.")
    ] = "index",
    reverse: Annotated[bool, typer.Option("--reverse", "-r", help="Descending order.")] = False,
    limit: Annotated[Optional[int], typer.Option("--limit", "-n", min=0, help="At most that many.")] = None,
    gallery: Annotated[bool, typer.Option("--gallery", help="Only the verified architectures.")] = False,
    has_program: Annotated[
        bool, typer.Option("--has-program", help="Only those whose program was released.")
    ] = False,
    parent: Annotated[Optional[int], typer.Option(help="Only the children of that index.")] = None,
    min_score: Annotated[Optional[float], typer.Option(help="Only scores from there.")] = None,
    max_score: Annotated[Optional[float], typer.Option(help="Only scores up to there.")] = None,
    depth: Annotated[Optional[int], typer.Option(help="Only that many steps from the root.")] = None,
    name: Annotated[Optional[str], typer.Option(help="Only names that contain that.")] = None,
    certificates: CertificatesOption = None,
    archive: ArchiveOption = None,
    json_: JsonOption = False,
) -> None:
    """List experiments, one a line; '*' marks the verified architectures of the gallery."""
    from asi_repro.archive.filters import Filter, parse_filter
    from asi_repro.archive.selecting import select
    from asi_repro.cli.output import print_json_rows

    run = the_archive(archive)
    expression = Filter(tuple(term for text in wanted or [] for term in parse_filter(text).terms))
    expression &= _from_options(gallery, has_program, parent, min_score, max_score, depth, name)
    found = select(
        run.experiments.values(),
        expression,
        sort=sort,
        reverse=reverse,
        limit=limit,
        facts=_facts(run, expression, certificates),
    )
    if json_:
        print_json_rows(e.to_dict() for e in found)
        return
    _print_list(found)
    if sys.stdout.isatty():
        print(f"{len(found)} of {len(run.experiments)} experiments", file=sys.stderr)


def _facts(run: Archive, expression: Filter, certificates: Path | None) -> ArchiveFacts:
    from asi_repro.archive.facts import ArchiveFacts

    if not expression.asks("leak"):
        return ArchiveFacts(run)
    from asi_repro.project import find_project
    from asi_repro.verify.certificate import leaks, read_certificates

    return ArchiveFacts(run, leaks(read_certificates(certificates or find_project().certificates)))


def _from_options(
    gallery: bool,
    has_program: bool,
    parent: int | None,
    min_score: float | None,
    max_score: float | None,
    depth: int | None,
    name: str | None,
) -> Filter:
    from asi_repro.archive.filters import Filter, Term

    numbers = [("parent", "=", parent), ("score", ">=", min_score), ("score", "<=", max_score)]
    numbers.append(("depth", "=", depth))
    terms = [Term(field, sign, float(value)) for field, sign, value in numbers if value is not None]
    if gallery:
        terms.append(Term("gallery", ":", "yes"))
    if has_program:
        terms.append(Term("has", ":", "program"))
    if name:
        terms.append(Term("name", ":", name))
    return Filter(tuple(terms))


def _print_list(found: list[Experiment]) -> None:
    from asi_repro.cli.output import console, print_columns, safe

    out = console()
    narrow = out.width < _NARROW
    header = ("index", "score", *(() if narrow else ("depth", "parent")), "", "name")
    rows = []
    for e in found:
        name = e.label if e.label == e.name else f"{e.label} ({e.name})"
        score = "-" if e.score is None else f"{e.score:.4f}"
        place = () if narrow else (str(e.depth), "-" if e.parent is None else str(e.parent))
        rows.append((str(e.index), score, *place, "*" if e.in_gallery else "", safe(name)))
    styles = ["green" if e.in_gallery else "" for e in found]
    print_columns(out, header, rows, right=range(len(header) - 2), styles=styles)


def show(
    experiment: ExperimentArgument,
    program: Annotated[bool, typer.Option("--program", help="Print the program's source only.")] = False,
    archive: ArchiveOption = None,
    json_: JsonOption = False,
) -> None:
    """Show one experiment: facts, lineage, benchmarks, training curve, motivation.

    `--program` into a file or a pipe writes the source byte for byte; on a terminal, control
    characters are shown as escapes.
    """
    from asi_repro.archive.details import collect_details
    from asi_repro.cli.output import print_json

    run = the_archive(archive)
    found = run.find(experiment)
    if program and not json_:
        from asi_repro.cli.showing import print_source

        print_source(run.program(found.index))
        return
    details = collect_details(run, found)
    if json_:
        print_json(details.to_dict(with_source=program))
        return
    from asi_repro.cli.showing import print_details

    print_details(details)
