"""`asi-repro claims`: the ledger for a person or as JSON, and the stage that makes it."""

from __future__ import annotations

from typing import Annotated, Any, Optional

import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from asi_repro.claims.ledger import find_claim, read_ledger
from asi_repro.claims.page import cell
from asi_repro.cli.output import console, print_columns, print_json, safe
from asi_repro.project import find_project

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

    ledger = read_ledger(find_project().claims)
    chosen: list[dict[str, Any]] = ledger["claims"] if what is None else [find_claim(ledger, what)]
    if as_json:
        print_json(chosen)
    elif what is None:
        print_ledger(ledger)
    else:
        print_claim(chosen[0])


def _build(as_json: bool) -> None:
    # Reading the ledger needs none of these.
    from asi_repro.archive.reader import open_archive
    from asi_repro.claims.building import build_ledger
    from asi_repro.claims.context import Settings
    from asi_repro.claims.outputs import write_ledger
    from asi_repro.cli.output import console, print_json
    from asi_repro.config.params import load_params
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


_WIDE = 110  # columns from which the ledger is a table
_ROWS_SHOWN = 30
STYLES = {
    "reproduced": "green",
    "contradicted": "red",
    "not checkable": "yellow",
    "not yet run": "dim",
}


def print_ledger(ledger: dict[str, Any]) -> None:
    """All claims: a table where there is room, else a list."""
    out = console()
    entries = ledger["claims"]
    if out.width >= _WIDE:
        _print_table(out, entries)
    else:
        _print_list(out, entries)
    for entry in ledger.get("measured", ()):
        out.print(f"\n{safe(entry['id'])}  {safe(entry['where'])}\n  {safe(entry['statement'])}")
        out.print(f"  {safe(entry['found'])}")
    counts = ", ".join(f"{count} {verdict}" for verdict, count in ledger["summary"].items())
    out.print(f"\n{counts}\n`asi-repro claims ID` shows one with its evidence.")


def _print_table(out: Console, entries: list[dict[str, Any]]) -> None:
    header = ["claim", "verdict", "claimed", "found"]
    rows = [[safe(e[key]) for key in ("id", "verdict", "claimed", "found")] for e in entries]
    styles = [STYLES.get(e["verdict"], "") for e in entries]
    if not out.is_terminal:
        print_columns(out, header, rows)
        return

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for place, title in enumerate(header):
        table.add_column(title, no_wrap=place < 2, ratio=(None, None, 2, 3)[place])
    for row, style in zip(rows, styles, strict=True):
        first, verdict, *rest = row
        table.add_row(Text(first), Text(verdict, style=style), *map(Text, rest))
    out.print(table)


def _print_list(out: Console, entries: list[dict[str, Any]]) -> None:

    for e in entries:
        out.print(
            Text(f"{safe(e['id'])}  ", style="bold").append(
                safe(e["verdict"]), style=f"not bold {STYLES.get(e['verdict'], '')}"
            )
        )
        for label in ("claimed", "found"):
            out.print(Padding(Text(f"{label}: {safe(e[label])}"), (0, 0, 0, 2), expand=False))


def print_claim(claim: dict[str, Any]) -> None:
    """One claim in depth, with every row of its evidence up to a screenful of each table."""
    out = console()
    out.print(
        Text(f"{safe(claim['id'])}  ", style="bold").append(
            safe(claim["verdict"]), style=STYLES.get(claim["verdict"], "")
        )
    )
    out.print(Text(safe(claim["statement"])))
    for label, key in (
        ("where", "where"),
        ("claimed", "claimed"),
        ("found", "found"),
        ("method", "method"),
        ("criterion", "criterion"),
        ("would change it", "would_change"),
    ):
        out.print(Text(f"\n{label}", style="dim"))
        out.print(Padding(Text(safe(claim[key])), (0, 0, 0, 2), expand=False))
    if claim["parts"]:
        _print_rows(out, "parts", "", claim["parts"], len(claim["parts"]))
    for evidence in claim["evidence"]:
        _print_rows(out, evidence["what"], evidence["source"], evidence["rows"], evidence["total"])
    if claim["notes"]:
        out.print(Text("\nnotes", style="dim"))
        for note in claim["notes"]:
            out.print(Padding(Text(f"- {safe(note)}"), (0, 0, 0, 2), expand=False))


def _print_rows(out: Console, what: str, source: str, rows: list[dict[str, Any]], total: int) -> None:

    shown = rows[:_ROWS_SHOWN]
    count = "none" if not total else str(total) if len(shown) == total else f"{len(shown)} of {total}"
    out.print(Text(f"\n{safe(what)} ({count}{f'; {safe(source)}' if source else ''})", style="dim"))
    if not shown:
        return
    columns = list(dict.fromkeys(column for row in shown for column in row))
    header = [safe(column.replace("_", " ")) for column in columns]
    cells = [[safe(cell(row.get(column))) for column in columns] for row in shown]
    right = [p for p, c in enumerate(columns) if all(isinstance(row.get(c), int | float) for row in shown)]
    if not out.is_terminal:
        print_columns(out, header, cells, right=right)
    else:
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for place, title in enumerate(header):
            table.add_column(Text(title), justify="right" if place in right else "left")
        for line in cells:
            table.add_row(*map(Text, line))
        out.print(table)
    if len(shown) < len(rows):
        out.print(Text(f"--json has {len(rows)} of them", style="dim"))
