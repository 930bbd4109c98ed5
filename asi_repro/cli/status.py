"""`asi-repro status`, or `asi-repro` alone: what is there, what is stale and what is next."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.text import Text

from asi_repro.cli.options import JsonOption
from asi_repro.cli.output import console, print_json, safe
from asi_repro.doctor.inventory import Item, next_step, take_inventory
from asi_repro.doctor.stages import stale_stages
from asi_repro.errors import AsiReproError
from asi_repro.project import find_project


def status(json_: JsonOption = False) -> None:
    """Show what this project holds, what in it is stale, and the command to run next.

    `asi-repro` without a command does the same. A result is stale when the code, the data, a setting or a
    library that it was made from has changed. DVC says which stages are out of date; its answer is kept
    until a file of the project changes.
    """
    project, out = find_project(), console()
    items = take_inventory(project)
    if not json_:
        for item in items:
            _print(out, item)
    try:
        stale, unknown = stale_stages(project), None
    except AsiReproError as error:
        stale, unknown = [], str(error)
    step = next_step(items, stale)
    if json_:
        print_json(
            {"items": [vars(item) for item in items], "stale_stages": stale, "dvc": unknown, "next": step}
        )
        return
    found = unknown or (
        f"{len(stale)} not run or out of date: {_grouped(stale)}" if stale else "all up to date"
    )
    _print(out, Item("stages", not stale and unknown is None, found))
    out.print(f"{'next':<13}{step}", soft_wrap=True, highlight=False)


def _print(out: Console, item: Item) -> None:
    style = "yellow" if item.todo or not item.there else "default"
    out.print(Text(f"{item.name:<13}").append(safe(item.text), style=style), soft_wrap=True)


def _grouped(stages: list[str]) -> str:
    """The models of train@ and evaluate@ counted, every other stage by name."""
    counts = Counter(stage.partition("@")[0] for stage in stages)
    return ", ".join(f"{name} ({count} models)" if count > 1 else name for name, count in counts.items())
