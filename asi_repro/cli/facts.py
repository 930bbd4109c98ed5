"""`asi-repro facts`: what the released data show that the papers do not say, and the stage that finds it."""

from __future__ import annotations

from typing import Annotated, Optional

import typer
from rich.padding import Padding
from rich.text import Text

from asi_repro.archive.reader import Archive
from asi_repro.claims.data import Data
from asi_repro.cli.options import JsonOption
from asi_repro.cli.output import console, print_heading, print_json, print_records, safe
from asi_repro.config.params import load_params
from asi_repro.facts.ledger import ANSWERS, THEMES, Entry, Facts, read_facts
from asi_repro.project import Project, find_project
from asi_repro.results.table import SWEEPS_FOLDER
from asi_repro.store.records import write_record

BUILD = "build"


def facts(
    names: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="[NAME... | build]",
            help="Names of the facts to show in full; `build` to find all of them anew.",
        ),
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Show what the released data say beyond the papers: each fact with its test and noise.

    The facts are read from artifacts/facts.json. `asi-repro facts build` (stage `facts`) answers every
    question from the archive, the certificates and the recorded sweeps, and writes that file.
    """
    project = find_project()
    if names == [BUILD]:
        found = _built(project)
        write_record(project.facts, found)
        chosen: list[Entry] = []
    else:
        found = read_facts(project.facts)
        chosen = found.named(names or [])
    if json_:
        print_json([entry.model_dump() for entry in (chosen or found.facts)])
    elif names == [BUILD]:
        console().print(f"facts: {_counted(found)}\nwritten: {project.facts}")
    elif names:
        for entry in chosen:
            _print_fact(entry)
    else:
        _print_all(found)


def _built(project: Project) -> Facts:
    # Reading the facts needs none of these.
    from asi_repro.claims.context import Settings
    from asi_repro.facts.building import build_facts
    from asi_repro.facts.context import Context

    params = load_params(project.root)
    context = Context(
        Data(Archive(project.archive)),
        settings=Settings(seed=params.seed, resamples=params.claims.resamples),
        folder=project.certificates,
        sweeps=project.artifacts / SWEEPS_FOLDER,
    )
    with console(stderr=True).status("answering the questions") as status:
        return build_facts(context, progress=lambda name: status.update(f"answering {name}"))


def _counted(found: Facts) -> str:
    """The facts by answer, in the order of `ANSWERS`."""
    return ", ".join(f"{found.summary.get(answer, 0)} {answer}" for answer in ANSWERS)


def _print_all(found: Facts) -> None:
    out = console()
    for theme, title in THEMES.items():
        entries = [entry for entry in found.facts if entry.theme == theme]
        if entries:
            print_heading(out, title)
            for entry in entries:
                out.print(Text(f"{safe(entry.id)}  ").append(entry.answer, style="bold"))
                out.print(Padding(Text(safe(entry.question), style="dim"), (0, 0, 0, 2), expand=False))
                out.print(Padding(Text(safe(entry.sentence)), (0, 0, 0, 2), expand=False))
    out.print(f"\n{_counted(found)}; `asi-repro facts NAME` shows one in full.")


def _print_fact(entry: Entry) -> None:
    out = console()
    out.print(Text(f"{safe(entry.id)}  ", style="bold").append(safe(entry.answer)))
    out.print(Text(safe(entry.question)))
    for label, text in (
        ("answer", entry.sentence),
        ("noise", entry.noise),
        ("method", entry.method),
        ("number", entry.number),
        ("p-value", entry.test),
        ("code", entry.where),
    ):
        out.print(Text(f"\n{label}", style="dim"))
        out.print(Padding(Text(safe(text)), (0, 0, 0, 2), expand=False))
    if entry.rows:
        print_records(out, "rows", "", entry.rows, len(entry.rows))
    out.print()
