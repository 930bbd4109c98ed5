"""`asi-repro lineage`: where an experiment comes from and what came of it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Optional

import typer

from asi_repro.archive import lineage_formats as formats
from asi_repro.archive.lineage_formats import Branch, tree_lines
from asi_repro.archive.node_model import COPY, FAILED, GHOST, REJECTED
from asi_repro.archive.nodes import copies, statuses_of
from asi_repro.cli.options import ArchiveOption, the_archive
from asi_repro.cli.output import console, print_json_rows, print_lines, print_utf8, safe

_MERMAID_LIMIT = 500
_OTHERS = 5


class Format(str, Enum):
    """How to write a lineage."""

    text = "text"
    json = "json"
    mermaid = "mermaid"
    dot = "dot"
    newick = "newick"


def lineage(
    experiment: Annotated[
        Optional[str],
        typer.Argument(
            metavar="[INDEX|NAME]",
            help="The experiment whose lineage to show. Without it, the whole tree is shown.",
        ),
    ] = None,
    ancestors: Annotated[bool, typer.Option("--ancestors", help="Show only the path to the root.")] = False,
    descendants: Annotated[bool, typer.Option("--descendants", help="Show only the descendants.")] = False,
    depth: Annotated[
        Optional[int], typer.Option(min=0, help="Show at most this many generations up and down.")
    ] = None,
    format_: Annotated[Format, typer.Option("--format", "-f", help="Output format.")] = Format.text,
    archive: ArchiveOption = None,
    json_: Annotated[bool, typer.Option("--json", help="Same as --format json.")] = False,
) -> None:
    """Show the ancestors and descendants of an experiment, or the whole tree.

    An asterisk marks the architectures of the gallery. One that combines several parents stands below the
    first; the others are named beside it, and dashed in dot and mermaid. The formats other than text are
    for other tools: `--format dot | dot -Tsvg`, mermaid for Markdown, newick for phylogenetics software.
    """
    run = the_archive(archive)
    focus = None if experiment is None else run.find(experiment).index
    both = ancestors == descendants
    branch = formats.cut_branch(
        run, focus, ancestors=ancestors or both, descendants=descendants or both, depth=depth
    )
    wanted = Format.json if json_ else format_
    if wanted is Format.json:
        print_json_rows(formats.to_rows(branch))
    elif wanted is Format.text:
        _print_tree(branch, statuses_of(run) | dict.fromkeys(copies(run), COPY))
    else:
        if wanted is Format.mermaid and len(branch.nodes) > _MERMAID_LIMIT:
            print(
                f"note: Mermaid draws {_MERMAID_LIMIT} edges unless its setting maxEdges says otherwise; "
                f"these are {len(branch.nodes) - len(branch.roots)}. Use --depth, or --format dot.",
                file=sys.stderr,
            )
        write = {
            Format.mermaid: formats.to_mermaid,
            Format.dot: formats.to_dot,
            Format.newick: formats.to_newick,
        }[wanted]
        print_utf8(write(branch))


def _print_tree(branch: Branch, statuses: Mapping[int, str]) -> None:
    scores = {e.index: e.score for e in branch.nodes}
    lines, styles = [], []
    for lead, e in tree_lines(branch):
        score = "" if e.score is None else f"  {e.score:.4f}"
        before = None if e.parent is None else scores.get(e.parent)
        if e.score is not None and before is not None:
            score += f" ({e.score - before:+.4f})"
        if statuses.get(e.index) in (COPY, FAILED, REJECTED, GHOST):
            score += f"  {statuses[e.index]}"
        if others := branch.others.get(e.index):
            rest = f" and {len(others) - _OTHERS} more" if len(others) > _OTHERS else ""
            score += f"  also of {', '.join(map(str, others[:_OTHERS]))}{rest}"
        hidden = branch.hidden.get(e.index)
        more = f"  … {hidden} {'child' if hidden == 1 else 'children'}" if hidden else ""
        lines.append(f"{lead}{e.index} {safe(e.label)}{score}{' *' if e.in_gallery else ''}{more}")
        styles.append("bold" if e.index == branch.focus else "green" if e.in_gallery else "")
    print_lines(console(), lines, styles)
