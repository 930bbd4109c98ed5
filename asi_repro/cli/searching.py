"""`asi-repro search` and `asi-repro cognition`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from asi_repro.cli.options import ArchiveOption, JsonOption, the_archive

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from asi_repro.archive.reader import Archive
    from asi_repro.archive.search import Hit

_LIMIT = Annotated[int, typer.Option("--limit", "-n", min=1, help="At most that many of each kind.")]


def search(
    text: Annotated[
        list[str],
        typer.Argument(metavar="TEXT...", help='Words, "quoted phrases", or beginnings such as retent*.'),
    ],
    limit: _LIMIT = 10,
    archive: ArchiveOption = None,
    json_: JsonOption = False,
) -> None:
    """Search names, summaries, motivations and the cognition base, best matches first."""
    from asi_repro.archive.search import search as find
    from asi_repro.cli.output import console, print_json

    run = the_archive(archive)
    hits = find(run, " ".join(text), limit=limit)
    if json_:
        print_json(
            {
                "query": " ".join(text),
                "experiments": [_experiment_json(run, hit) for hit in hits["experiment"]],
                "cognition": [_cognition_json(hit) for hit in hits["cognition"]],
            }
        )
        return
    out = console()
    if not any(hits.values()):
        out.print("nothing found; try fewer or shorter words, or a beginning such as retent*")
    for kind, title in (("experiment", "Experiments"), ("cognition", "Cognition base")):
        if hits[kind]:
            _print_hits(out, run, title, hits[kind])


def cognition(
    query: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="[QUERY|ID]...", help="Words to search for, or an entry's id.", show_default=False
        ),
    ] = None,
    limit: _LIMIT = 5,
    archive: ArchiveOption = None,
    json_: JsonOption = False,
) -> None:
    """Search the cognition base, or show one entry by its id; without an argument, list the entries."""
    from asi_repro.archive.cognition import entries, find_entry
    from asi_repro.archive.search import search as find
    from asi_repro.cli.output import console, print_json, print_json_rows

    run = the_archive(archive)
    text = " ".join(query or [])
    if not text:
        every = entries(run)
        if json_:
            print_json_rows({"id": entry["id"], "title": entry["title"]} for entry in every)
        else:
            _print_index(console(), every)
        return
    entry = find_entry(run, text)
    if entry is not None:
        if json_:
            print_json(entry)
        else:
            _print_entry(console(), entry)
        return
    hits = find(run, text, kinds=("cognition",), limit=limit)["cognition"]
    if json_:
        print_json({"query": text, "cognition": [_cognition_json(hit) for hit in hits]})
        return
    out = console()
    if not hits:
        out.print("nothing found; `asi-repro cognition` lists every entry")
        return
    _print_hits(out, run, "Cognition base", hits)


def _experiment_json(run: Archive, hit: Hit) -> dict[str, Any]:
    return {**run.get(int(hit.key)).to_dict(), **_hit_json(hit)}


def _cognition_json(hit: Hit) -> dict[str, Any]:
    return {"id": hit.key, **_hit_json(hit)}


def _hit_json(hit: Hit) -> dict[str, Any]:
    from asi_repro.archive.search import MARK_END, MARK_START

    snippet = hit.snippet.replace(MARK_START, "").replace(MARK_END, "")
    return {"relevance": hit.relevance, "field": hit.field, "snippet": snippet}


def _print_hits(out: Console, run: Archive, title: str, hits: list[Hit]) -> None:
    from rich.text import Text

    from asi_repro.archive.cognition import entry_title
    from asi_repro.archive.search import TITLES
    from asi_repro.cli.output import safe

    out.print(Text(title, style="bold underline" if out.is_terminal else "bold"))
    for hit in hits:
        if hit.kind == "experiment":
            e = run.get(int(hit.key))
            score = "" if e.score is None else f"  {e.score:.4f}"
            line = Text(f"{e.index} {safe(e.label)}", style="bold")
            line.append(f" ({safe(e.name)}){score}{' *' if e.in_gallery else ''}", style="not bold")
        else:
            line = Text(safe(str(hit.key)), style="bold")
            line.append(f"  {safe(entry_title(run, str(hit.key)))}", style="not bold")
        out.print(line)
        if hit.field not in TITLES:
            out.print(_snippet(hit))
    out.print()


def _snippet(hit: Hit) -> Text:
    from rich.text import Text

    from asi_repro.archive.search import MARK_END, MARK_START
    from asi_repro.cli.output import safe

    shown = Text(f"    {hit.field}: ", style="dim")
    for number, part in enumerate(" ".join(hit.snippet.split()).split(MARK_START)):
        found, _, rest = part.partition(MARK_END) if number else ("", "", part)
        shown.append(safe(found), style="not dim bold yellow")
        shown.append(safe(rest), style="not dim")
    return shown


def _print_index(out: Console, every: list[dict[str, Any]]) -> None:
    from asi_repro.cli.output import print_columns, safe

    print_columns(out, ("id", "title"), [(safe(e["id"]), safe(e["title"])) for e in every])


def _print_entry(out: Console, entry: dict[str, Any]) -> None:
    from rich.text import Text

    from asi_repro.archive.cognition import TEXTS
    from asi_repro.cli.output import safe
    from asi_repro.cli.showing import print_prose

    out.print(Text(safe(entry["id"]), style="bold"))
    out.print(Text(f"{safe(entry['file'])}, entry {entry['position']}", style="dim"))
    for field in TEXTS:
        print_prose(out, field.replace("_", " ").capitalize(), entry[field])
