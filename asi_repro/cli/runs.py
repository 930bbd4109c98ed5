"""`asi-repro runs`: the runs at hand."""

from __future__ import annotations

from asi_repro.cli.options import JsonOption
from asi_repro.cli.output import console, print_columns, print_result, safe
from asi_repro.discover.run.listing import list_runs
from asi_repro.project import find_project


def runs(json_: JsonOption = False) -> None:
    """List the runs on this machine: the release, your own runs and the recorded ones."""
    found = list_runs(find_project())
    header = ("name", "kind", "arm", "experiments", "failed", "beat baseline", "verified", "archive")
    rows = [[safe("-" if cell is None else str(cell)) for cell in row.cells()] for row in found]
    print_result(
        (row.to_dict() for row in found),
        lambda: print_columns(console(), header, rows, right=range(3, 7)),
        as_json=json_,
    )
