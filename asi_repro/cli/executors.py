"""Where a verb runs its tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from asi_repro.config.executor import ExecutorSettings
from asi_repro.config.params import load_params
from asi_repro.errors import MissingInput
from asi_repro.executor.base import ONE_CPU, Executor, Resources
from asi_repro.executor.choose import make_executor, resources_of
from asi_repro.project import find_project

ExecutorOption = Annotated[
    Optional[str],
    typer.Option(
        "--executor",
        metavar="local|ray",
        help="Where to run the tasks. The default is set in params.yaml. Ray connects to "
        "RAY_ADDRESS, or starts a cluster on this machine.",
    ),
]


def the_executor(
    name: str | None,
    workers: int | None,
    shared: Path | None = None,
    *,
    scale: str | None = None,
    device: str = "cpu",
) -> tuple[Executor | None, Resources]:
    """The executor that a person chose, and what a task of a scale needs there; None for the default here.

    Args:
        name: of the command line; params.yaml's where None.
        workers: tasks at a time.
        shared: folder that every node must see; the project's where None.
        scale: of the models; None for what runs at no scale, which needs what smoke does.
        device: cpu or cuda; on the CPU no GPU is asked for.
    """
    try:
        root = find_project().root
        settings = load_params(root).executor
    except MissingInput:  # a folder of certificates anywhere
        root, settings = shared or Path.cwd(), ExecutorSettings()
    if (name or settings.name) == "local":
        return None, ONE_CPU
    chosen = make_executor(settings, root, name=name, workers=workers)
    return chosen, resources_of(settings.needs(scale), device)
