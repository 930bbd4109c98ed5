"""`asi-repro search`: ranked search in names and texts."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from asi_repro.archive.cognition import entry_title
from asi_repro.archive.reader import Archive
from asi_repro.archive.search import MARK_END, MARK_START, TITLES, Hit
from asi_repro.archive.search import search as find
from asi_repro.cli.options import ArchiveOption, JsonOption, the_archive
from asi_repro.cli.output import console, print_json, safe

_TITLES = {"experiment": "Experiments", "program": "Programs", "cognition": "Cognition base"}


def search(
    text: Annotated[
        list[str],
        typer.Argument(metavar="TEXT...", help='Words, "quoted phrases" or prefixes such as retent*.'),
    ],
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, help="Maximum number of results of each kind.")
    ] = 10,
    archive: ArchiveOption = None,
    json_: JsonOption = False,
) -> None:
    """Search names, summaries, motivations, programs and the cognition base. The best matches come first.

    To search for new architectures, see `asi-repro discover`.
    """
    run = the_archive(archive)
    hits = find(run, " ".join(text), limit=limit)
    if json_:
        print_json(
            {
                "query": " ".join(text),
                "experiments": [_experiment_json(run, hit) for hit in hits["experiment"]],
                "programs": [_experiment_json(run, hit) for hit in hits["program"]],
                "cognition": [cognition_json(hit) for hit in hits["cognition"]],
            }
        )
        return
    out = console()
    if not any(hits.values()):
        out.print("Nothing matches. Try fewer or shorter words, or a prefix such as retent*.")
    for kind, title in _TITLES.items():
        if hits[kind]:
            print_hits(out, run, title, hits[kind])


def _experiment_json(run: Archive, hit: Hit) -> dict[str, Any]:
    return {**run.get(int(hit.key)).to_dict(), **_hit_json(hit)}


def cognition_json(hit: Hit) -> dict[str, Any]:
    return {"id": hit.key, **_hit_json(hit)}


def _hit_json(hit: Hit) -> dict[str, Any]:

    snippet = hit.snippet.replace(MARK_START, "").replace(MARK_END, "")
    return {"relevance": hit.relevance, "field": hit.field, "snippet": snippet}


def print_hits(out: Console, run: Archive, title: str, hits: list[Hit]) -> None:

    out.print(Text(title, style="bold underline" if out.is_terminal else "bold"))
    for hit in hits:
        if hit.kind != "cognition":
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

    shown = Text(f"    {hit.field}: ", style="dim")
    for number, part in enumerate(" ".join(hit.snippet.split()).split(MARK_START)):
        found, _, rest = part.partition(MARK_END) if number else ("", "", part)
        shown.append(safe(found), style="not dim bold yellow")
        shown.append(safe(rest), style="not dim")
    return shown
