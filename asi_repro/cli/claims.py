"""`asi-repro claims`: the ledger for a person or as JSON, and the stage that makes it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from asi_repro.archive.reader import Archive
from asi_repro.claims.criteria import Criteria, criteria_text, read_criteria
from asi_repro.claims.ledger import Entry, Ledger, find_claim, read_ledger
from asi_repro.claims.outputs import write_ledger
from asi_repro.claims.page import SHOWN, by_theme
from asi_repro.claims.texts import THEMES
from asi_repro.cli.options import JsonOption
from asi_repro.cli.output import console, print_json, print_records, print_utf8, safe
from asi_repro.config.params import load_params
from asi_repro.project import Project, find_project
from asi_repro.results.table import SWEEPS_FOLDER

BUILD = "build"
CHECK = "check"
CRITERIA = "criteria"


def claims(
    what: Annotated[
        Optional[str],
        typer.Argument(
            metavar="[ID | check | build | criteria]",
            help="The id of a claim to show in full; `check` to check all claims on what is here "
            "now; `build` to write the result too; `criteria` to print their criteria as YAML.",
        ),
    ] = None,
    paper: Annotated[
        Optional[str],
        typer.Option(metavar="PAPER", help="Show only the claims of one paper, such as asi-evolve."),
    ] = None,
    criteria: Annotated[
        Optional[Path],
        typer.Option(
            metavar="FILE",
            help="Check the claims again with the criteria in this file, and print what changes.",
        ),
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Show which of the papers' claims hold on the released data, with the evidence.

    The claims are read from artifacts/claims.json. `asi-repro claims build` (stage `claims`) checks every
    claim and writes that file, claims.csv, claims.md and claims_metrics.json. `asi-repro claims check` writes
    nothing: it shows the verdicts found now, and which of them differ from those in the file.
    """
    if what == CHECK:
        _check(json_)
        return
    if what == BUILD:
        _build(json_)
        return
    if what == CRITERIA:
        print_utf8(criteria_text())
        return
    if criteria is not None:
        _disagree(criteria, what, json_)
        return

    ledger = read_ledger(find_project().claims)
    chosen = ledger.of_paper(paper) if what is None else [find_claim(ledger, what)]
    if json_:
        print_json([entry.model_dump() for entry in chosen])
    elif what is None:
        print_ledger(ledger, paper)
    else:
        print_claim(chosen[0])


def _build(json_: bool) -> None:
    project = find_project()
    ledger = _checked(project)
    written = write_ledger(ledger, project.claims)
    if json_:
        print_json([entry.model_dump() for entry in ledger.claims])
        return
    counts = ", ".join(f"{count} {verdict}" for verdict, count in ledger.summary.items())
    console().print(f"claims: {counts}\nwritten: {', '.join(str(path) for path in written)}")


def _check(json_: bool) -> None:
    project = find_project()
    recorded = {claim.id: claim.verdict for claim in read_ledger(project.claims).claims}
    ledger = _checked(project, sensitivity=False)
    if json_:
        print_json([entry.model_dump() for entry in ledger.claims])
        return
    print_ledger(ledger)
    out = console()
    differ = [claim for claim in ledger.claims if claim.verdict != recorded.get(claim.id)]
    for claim in differ:
        out.print(f"{claim.id}: recorded as {safe(str(recorded.get(claim.id)))}, now {safe(claim.verdict)}")
    same = len(ledger.claims) - len(differ)
    out.print(f"{same} of {len(ledger.claims)} verdicts are those recorded in {project.claims.name}.")


def _disagree(path: Path, what: str | None, json_: bool) -> None:
    """Check the claims that the file names with its limits, beside the ledger; nothing is written."""
    changes = read_criteria(path)
    project = find_project()
    before = {claim.id: claim for claim in read_ledger(project.claims).claims}
    named = [identifier for identifier in changes if what in (None, identifier)]
    after = _checked(project, changes, set(named)).claims if named else []
    rows: list[dict[str, Any]] = [
        {
            "id": claim.id,
            "before": before[claim.id].verdict if claim.id in before else None,
            "after": claim.verdict,
            "effect": claim.effect,
            "criterion": changes[claim.id],
        }
        for claim in after
    ]
    if json_:
        print_json(rows)
        return
    out = console()
    changed = [row for row in rows if row["before"] != row["after"]]
    for row in changed:
        out.print(f"{row['id']}: {row['before']} -> {row['after']} ({safe(row['effect'])})")
    out.print(f"{len(changed)} of {len(before)} verdicts change; {len(rows)} were checked again.")


def _checked(
    project: Project,
    criteria: Criteria | None = None,
    only: set[str] | None = None,
    *,
    sensitivity: bool = True,
) -> Ledger:
    # Reading the ledger needs none of these.
    from asi_repro.claims.building import build_ledger
    from asi_repro.claims.context import Settings

    params = load_params(project.root)
    settings = Settings(seed=params.seed, resamples=params.claims.resamples)
    with console(stderr=True).status("checking the claims") as status:
        return build_ledger(
            Archive(project.archive),
            settings,
            certificates=project.certificates if project.certificates.is_dir() else None,
            sweeps=project.artifacts / SWEEPS_FOLDER,
            only=only,
            criteria=criteria,
            sensitivity=sensitivity and criteria is None,
            progress=lambda identifier: status.update(f"checking {identifier}"),
        )


WIDTH = 100  # columns that the table of claims takes
STYLES = {
    "reproduced": "green",
    "contradicted": "red",
    "undecided": "yellow",
    "not checkable": "magenta",
    "not yet run": "dim",
}


def print_ledger(ledger: Ledger, paper: str | None = None) -> None:
    """The claims by paper and theme, each verdict with its number; a table where there is room, else a list.

    Raises:
        NotFound: where the ledger has no such paper.
    """
    out = console()
    claims = ledger.of_paper(paper)
    for item in ledger.papers:
        if not (mine := [claim for claim in claims if claim.paper == item.id]):
            continue
        out.print(Text(f"{safe(item.name)} (arXiv {safe(item.arxiv)})", style="bold"))
        for theme, group in by_theme(mine).items():
            out.print(Text(f"\n{safe(THEMES.get(theme, theme))}", style="dim"))
            _print_group(out, group)
        out.print()
    for entry in ledger.measured if paper is None else []:
        out.print(
            f"{safe(entry.id)}  {safe(entry.where)}\n  {safe(entry.statement)}\n  {safe(entry.found)}\n"
        )
    counts = {verdict: sum(c.verdict == verdict for c in claims) for verdict in STYLES}
    shown = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    out.print(f"{shown}, {len(claims)} claims\n`asi-repro claims ID` shows one with its evidence.")


def _print_group(out: Console, claims: list[Entry]) -> None:
    for claim in claims:
        verdict = Text(safe(claim.verdict), style=STYLES.get(claim.verdict, ""))
        if out.width < WIDTH:
            out.print(Text(f"{safe(claim.id)}  ", style="bold").append_text(verdict))
            out.print(Padding(Text(safe(claim.effect)), (0, 0, 0, 2), expand=False))
            continue
        line = Text(f"{safe(claim.id):<23} ").append_text(verdict)
        line.pad_right(max(0, 38 - len(line)))
        out.print(line.append(safe(claim.effect)[: WIDTH - 38]))


def print_claim(claim: Entry) -> None:
    """One claim in depth, with every row of its evidence up to a screenful of each table."""
    out = console()
    verdict = Text(safe(claim.verdict), style=STYLES.get(claim.verdict, ""))
    out.print(
        Text(f"{safe(claim.id)}  ", style="bold").append_text(verdict).append(f"  {safe(claim.effect)}")
    )
    out.print(Text(safe(claim.statement)))
    for label, key in SHOWN:
        out.print(Text(f"\n{label.lower()}", style="dim"))
        out.print(Padding(Text(safe(getattr(claim, key))), (0, 0, 0, 2), expand=False))
    for what, rows in (
        ("readings", [{"reading": r.reading, "verdict": r.verdict} for r in claim.readings]),
        ("parts", [part.model_dump() for part in claim.parts]),
        ("were the criterion another", [item.model_dump() for item in claim.sensitivity]),
    ):
        if rows:
            print_records(out, what, "", rows, len(rows))
    for evidence in claim.evidence:
        print_records(out, evidence.what, evidence.source, evidence.rows, evidence.total)
    if claim.notes:
        out.print(Text("\nnotes", style="dim"))
        for note in claim.notes:
            out.print(Padding(Text(f"- {safe(note)}"), (0, 0, 0, 2), expand=False))
