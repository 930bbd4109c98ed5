"""`asi-repro discover`: the discovery loop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Optional

import typer

from asi_repro.cli.executors import ExecutorOption
from asi_repro.cli.failures import interrupted_status
from asi_repro.cli.options import JsonOption
from asi_repro.cli.output import console, print_result, progress_bar, safe
from asi_repro.discover.loop.events import Event, ExperimentFinished, OnEvent, RunBegun
from asi_repro.discover.session import RunOptions, reproduce_recorded, run_live
from asi_repro.errors import AsiReproError
from asi_repro.project import find_project


def discover(
    run: Annotated[
        Optional[str],
        typer.Option(
            metavar="NAME", help="Name of the run. The default is the name of the scale or of the arm."
        ),
    ] = None,
    experiments: Annotated[
        Optional[int],
        typer.Option(
            "--experiments",
            "-n",
            min=1,
            help="Total number of experiments, including the first program. The default is set in "
            "params.yaml.",
        ),
    ] = None,
    workers: Annotated[
        int, typer.Option("--workers", "-w", min=1, help="Number of experiments to run in parallel.")
    ] = 1,
    arm: Annotated[
        Optional[str], typer.Option(help="Arm: operators or llm. The default is set in params.yaml.")
    ] = None,
    scale: Annotated[
        Optional[str],
        typer.Option(
            help="Train models of this scale, with the settings under discover.scales in params.yaml."
        ),
    ] = None,
    lab: Annotated[
        str, typer.Option(help="live trains each program; recorded takes every result from the run's record.")
    ] = "live",
    llm: Annotated[
        str,
        typer.Option(
            help="live calls the model; record also saves each call and reuses saved ones; replay "
            "only uses saved calls."
        ),
    ] = "record",
    recorded: Annotated[
        Optional[str],
        typer.Option(
            metavar="NAME", help="Reproduce artifacts/recorded/NAME and check every commit against it."
        ),
    ] = None,
    record: Annotated[
        bool,
        typer.Option(
            "--record",
            help="When the run is finished, copy its record to artifacts/recorded/NAME, which Git tracks.",
        ),
    ] = False,
    renew: Annotated[
        bool,
        typer.Option(
            "--renew",
            help="If the settings, code or library versions have changed, delete the run and start again.",
        ),
    ] = False,
    executor: ExecutorOption = None,
    json_: JsonOption = False,
) -> None:
    """Run the discovery loop in artifacts/runs/NAME, one commit per experiment (stage `discover`).

    An existing run is resumed: after Ctrl-C, after a crash, or with a larger --experiments. When it ends,
    its archive is written, and `list`, `show`, `lineage` and `verify` can read it with --run NAME.
    """
    if recorded is not None and (run or experiments or scale or record or executor):
        raise AsiReproError(
            "--recorded repeats a run exactly and cannot be combined with --run, --experiments,"
            " --scale, --record or --executor"
        )
    options = RunOptions(
        run=run,
        experiments=experiments,
        workers=workers,
        arm=arm,
        scale=scale,
        lab=lab,
        llm=llm,
        record=record,
        renew=renew,
        executor=executor,
    )
    project = find_project()
    try:
        with discovery_progress() as on_event:
            if recorded is not None:
                summary = reproduce_recorded(project, recorded, workers, on_event)
            else:
                summary = run_live(project, options, on_event)
    except KeyboardInterrupt as error:
        again = "run the same command again to resume"
        console(stderr=True).print(f"stopped; what is finished is kept. {again}", soft_wrap=True)
        raise typer.Exit(interrupted_status(error)) from None
    print_result(summary.to_dict(), summary.text(), as_json=json_)


@contextmanager
def discovery_progress() -> Iterator[OnEvent]:
    """A bar while experiments come in, each with its line."""
    with progress_bar() as bar:
        task = bar.add_task("discovering", total=None)

        def on_event(event: Event) -> None:
            if isinstance(event, RunBegun):
                bar.update(task, total=event.experiments, completed=event.finished)
                return
            bar.console.print(safe(event.text))
            if isinstance(event, ExperimentFinished):
                bar.update(task, advance=1)
            else:
                bar.update(task, description="verifying")

        yield on_event
