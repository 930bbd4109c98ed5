"""`asi-repro cognition`: the entries that agents recall; search, recall, add."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Optional

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from asi_repro.archive import cognition as released
from asi_repro.archive.cognition import TEXTS, find_entry
from asi_repro.archive.search import search
from asi_repro.cli.options import ArchiveOption, JsonOption, the_archive
from asi_repro.cli.output import console, print_columns, print_json, print_prose, print_result, safe
from asi_repro.cli.search import cognition_json, print_hits
from asi_repro.config.params import load_params
from asi_repro.config.roles import BASES, RolesSettings
from asi_repro.discover.cognition.adding import add_file
from asi_repro.discover.cognition.base import CognitionBase, Note
from asi_repro.discover.roles.distil import distiller
from asi_repro.discover.roles.team import ADDED_ENTRIES, read_notes
from asi_repro.errors import NotFound
from asi_repro.llm.client import LLM
from asi_repro.project import find_project


class FindByDefault(TyperGroup):
    """A group that takes what names no verb of its own as words for `find`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        named = bool(args) and (args[0] in self.commands or args[0] in ctx.help_option_names)
        if not named and not ctx.resilient_parsing:
            args = ["find", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=FindByDefault,
    add_completion=False,
    rich_markup_mode=None,
    help="Search or extend the cognition base. Words that are not a subcommand search the "
    "release's entries, as in `asi-repro cognition delta rule`.",
)


@app.command("find")
def find(
    query: Annotated[
        Optional[list[str]],
        typer.Argument(metavar="[QUERY|ID]...", help="Words to search for, or the id of an entry."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Maximum number of results.")] = 5,
    archive: ArchiveOption = None,
    json_: JsonOption = False,
) -> None:
    """Search the cognition base, or show one entry by its id. Without arguments, list all entries."""
    run = the_archive(archive)
    text = " ".join(query or [])
    if not text:
        every = released.entries(run)
        index = ({"id": entry["id"], "title": entry["title"]} for entry in every)
        print_result(index, lambda: _print_index("title", every), as_json=json_)
        return
    entry = find_entry(run, text)
    if entry is not None:
        print_result(entry, lambda: _print_entry(console(), entry), as_json=json_)
        return
    hits = search(run, text, kinds=("cognition",), limit=limit)["cognition"]
    if json_:
        print_json({"query": text, "cognition": [cognition_json(hit) for hit in hits]})
        return
    out = console()
    if not hits:
        out.print("No entry matches. `asi-repro cognition` lists all entries.")
        return
    print_hits(out, run, "Cognition base", hits)


_BASE = Annotated[
    Optional[list[str]],
    typer.Option(
        "--base",
        metavar="NAME",
        help="Which entries to use: own, added or release. May be repeated. The default is own and added.",
    ),
]


@app.command("entries")
def entries(base: _BASE = None, json_: JsonOption = False) -> None:
    """List the entries available to the discovery loop: the project's own and those you added."""
    notes = [asdict(note) for note in _notes(base)]
    print_result(iter(notes), lambda: _print_index("source", notes), as_json=json_)


@app.command("recall")
def recall(
    text: Annotated[
        list[str], typer.Argument(metavar="TEXT...", help="A description of a shortcoming, in plain words.")
    ],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Maximum number of results.")] = 3,
    base: _BASE = None,
    json_: JsonOption = False,
) -> None:
    """Retrieve the entries whose trigger is closest to a shortcoming, as the agents do."""
    query = " ".join(text)
    found = CognitionBase(_notes(base)).recall(query, limit)
    if json_:
        rows = [{**asdict(each.note), "similarity": each.similarity} for each in found]
        print_json({"query": query, "recalled": rows})
        return
    out = console()
    for each in found:
        out.print(Text(f"{safe(each.note.id)}  {each.similarity:.3f}", style="bold"))
        out.print(Text(safe(each.note.source), style="dim"))
        for title in ("insight", "mechanism", "guidance"):
            print_prose(out, title.capitalize(), getattr(each.note, title))
    if not found:
        out.print("There are no entries to search. `asi-repro cognition entries` lists those available.")


@app.command("add")
def add(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A file of entries (.md or .yaml) or, with --llm, the text of a paper."
        ),
    ],
    into: Annotated[
        Optional[Path],
        typer.Option(metavar="DIR", help="Folder to write to. The default is cognition/ in the project."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace entries you added earlier under the same id.")
    ] = False,
    llm: Annotated[
        bool,
        typer.Option(
            "--llm",
            help="Let the language model with the role `cognition` extract entries from the text of a paper.",
        ),
    ] = False,
    about: Annotated[
        str, typer.Option(metavar="TEXT", help="With --llm: the paper's title, authors, year and arXiv id.")
    ] = "",
    json_: JsonOption = False,
) -> None:
    """Add entries to the cognition base, one Markdown file each. Either all are added or none."""
    folder = into or find_project().root / ADDED_ENTRIES
    distil = distiller(LLM(load_params(find_project().root).llm, mode="live"), about) if llm else None
    written = add_file(file, folder, distil=distil, replace=replace)
    paths = [str(path) for path in written]
    print_result({"written": paths}, "\n".join(f"added {safe(path)}" for path in paths), as_json=json_)


def _notes(base: list[str] | None) -> list[Note]:
    for name in base or ():
        if name not in BASES:
            raise NotFound(f"unknown cognition base {name!r}", hint=f"use one of: {', '.join(BASES)}")
    return read_notes(base or RolesSettings().cognition, find_project().root)


def _print_index(column: str, listed: list[dict[str, Any]]) -> None:
    print_columns(console(), ("id", column), [(safe(e["id"]), safe(e[column])) for e in listed])


def _print_entry(out: Console, entry: dict[str, Any]) -> None:
    out.print(Text(safe(entry["id"]), style="bold"))
    out.print(Text(f"{safe(entry['file'])}, entry {entry['position']}", style="dim"))
    for field in TEXTS:
        print_prose(out, field.replace("_", " ").capitalize(), entry[field])
