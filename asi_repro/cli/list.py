"""`asi-repro list`: experiments, filtered and sorted."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from asi_repro.archive.filters import ArchiveFacts, Filter, Term, parse_filter, select
from asi_repro.archive.nodes import statuses_of
from asi_repro.archive.reader import Archive, Experiment
from asi_repro.cli.options import (
    ArchiveOption,
    CertificatesOption,
    JsonOption,
    hints_of,
    the_archive,
    the_certificates,
)
from asi_repro.cli.output import console, print_columns, print_result, safe
from asi_repro.verify.certificate import leaks, read_certificates

# Columns of a terminal below which only index, score and name fit.
_NARROW = 60


def list_(
    wanted: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="[FILTER]...",
            help="Conditions that must all hold, such as score>2.4 gallery:yes has:program name:gate"
            " depth<=3. Quote > and < for the shell. After --, a leading - negates a condition.",
        ),
    ] = None,
    sort: Annotated[
        str, typer.Option(help="Sort by index, name, display_name, parent, depth, children or score.")
    ] = "index",
    reverse: Annotated[bool, typer.Option("--reverse", "-r", help="Sort in descending order.")] = False,
    limit: Annotated[
        Optional[int], typer.Option("--limit", "-n", min=0, help="Maximum number of experiments.")
    ] = None,
    gallery: Annotated[
        bool, typer.Option("--gallery", help="Only the verified architectures of the gallery.")
    ] = False,
    has_program: Annotated[
        bool, typer.Option("--has-program", help="Only experiments whose program was released.")
    ] = False,
    parent: Annotated[Optional[int], typer.Option(help="Only the children of this index.")] = None,
    min_score: Annotated[Optional[float], typer.Option(help="Minimum score.")] = None,
    max_score: Annotated[Optional[float], typer.Option(help="Maximum score.")] = None,
    depth: Annotated[
        Optional[int], typer.Option(help="Only experiments this many generations from the root.")
    ] = None,
    name: Annotated[
        Optional[str], typer.Option(help="Only experiments whose name contains this text.")
    ] = None,
    certificates: CertificatesOption = None,
    archive: ArchiveOption = None,
    json_: JsonOption = False,
) -> None:
    """List experiments, one per line. An asterisk marks the verified architectures of the gallery."""
    run = the_archive(archive)
    expression = Filter(tuple(term for text in wanted or [] for term in parse_filter(text).terms))
    expression &= _from_options(gallery, has_program, parent, min_score, max_score, depth, name)
    found = select(
        run.experiments.values(),
        expression,
        sort=sort,
        reverse=reverse,
        limit=limit,
        facts=_facts(run, expression, archive, certificates),
    )
    statuses = statuses_of(run)
    print_result((e.to_dict() for e in found), lambda: _print_list(found, statuses), as_json=json_)
    if sys.stdout.isatty() and not json_:
        print(f"{len(found)} of {len(run.experiments)} experiments", file=sys.stderr)


def _facts(run: Archive, expression: Filter, archive: Path | None, certificates: Path | None) -> ArchiveFacts:
    if not expression.uses("leak"):
        return ArchiveFacts(run)
    # Certificates are read only where a filter asks for them: a list starts in half the time without.
    with hints_of(archive):
        return ArchiveFacts(run, leaks(read_certificates(certificates or the_certificates(archive))))


def _from_options(
    gallery: bool,
    has_program: bool,
    parent: int | None,
    min_score: float | None,
    max_score: float | None,
    depth: int | None,
    name: str | None,
) -> Filter:

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


def _print_list(found: list[Experiment], statuses: dict[int, str]) -> None:

    out = console()
    narrow = out.width < _NARROW
    header = (
        "index",
        "score",
        *(() if narrow else ("depth", "parent")),
        "status" if statuses else "",
        "name",
    )
    rows = []
    for e in found:
        name = e.label if e.label == e.name else f"{e.label} ({e.name})"
        score = "-" if e.score is None else f"{e.score:.4f}"
        place = () if narrow else (str(e.depth), "-" if e.parent is None else str(e.parent))
        rows.append(
            (str(e.index), score, *place, "*" if e.in_gallery else statuses.get(e.index, ""), safe(name))
        )
    styles = ["green" if e.in_gallery else "" for e in found]
    print_columns(out, header, rows, right=range(len(header) - 2), styles=styles)
