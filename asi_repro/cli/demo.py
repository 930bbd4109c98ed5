"""`asi-repro demo`: something to browse before anything was downloaded."""

from __future__ import annotations

from pathlib import Path

from asi_repro.cli.browse import browse
from asi_repro.cli.discover import discovery_progress
from asi_repro.cli.output import console
from asi_repro.discover.session import reproduce_recorded
from asi_repro.project import find_project

RUN = "control"


def demo() -> None:
    """Browse a small run that comes with the project: no download, no model, about ten seconds.

    It is the recorded run of the control arm, which changes programs at random without a language model,
    at the smoke scale: it shows how the interface works and says nothing about the paper. The first call
    rebuilds it from its record, commit by commit.
    """
    project = find_project()
    if not (project.recorded / RUN / "archive" / "experiments.parquet").is_file():
        console().print(
            f"Rebuilding the recorded run '{RUN}' (our control arm at the smoke scale, not the paper's run)."
        )
        with discovery_progress() as on_event:
            reproduce_recorded(project, RUN, 1, on_event)
    browse(archive=Path(RUN))
