"""`asi-repro discover`: the discovery loop."""

from __future__ import annotations

from typing import Annotated, Optional

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from asi_repro.cli.failures import interrupted_status
from asi_repro.cli.options import ExecutorOption, JsonOption
from asi_repro.cli.output import console, print_json, safe
from asi_repro.discover.loop.events import Event, ExperimentFinished, OnEvent, RunBegun
from asi_repro.discover.session import RunOptions, reproduce_recorded, run_live
from asi_repro.errors import AsiReproError
from asi_repro.project import find_project


def discover(
    run: Annotated[
        Optional[str],
        typer.Option(
            "--run", metavar="NAME", help="Name of the run; the arm's by default.", show_default=False
        ),
    ] = None,
    experiments: Annotated[
        Optional[int],
        typer.Option(
            "--experiments",
            "-n",
            min=1,
            help="How many there are to be in all, the first program included; params.yaml's by default.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[int, typer.Option("--workers", "-w", min=1, help="Experiments at a time.")] = 1,
    arm: Annotated[
        Optional[str],
        typer.Option("--arm", help="operators or llm; params.yaml's by default.", show_default=False),
    ] = None,
    lab: Annotated[
        str, typer.Option("--lab", help="live trains; recorded takes every result from the run's record.")
    ] = "live",
    llm: Annotated[
        str, typer.Option("--llm", help="live, record (what is recorded is not asked again) or replay.")
    ] = "record",
    recorded: Annotated[
        Optional[str],
        typer.Option(
            "--recorded",
            metavar="NAME",
            help="Reproduce artifacts/recorded/NAME and compare every commit with it.",
            show_default=False,
        ),
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Keep the finished run in artifacts/recorded/NAME, for Git.")
    ] = False,
    renew: Annotated[
        bool,
        typer.Option(
            "--renew",
            help="Begin anew, and drop the run, where its settings, code or versions are others now.",
        ),
    ] = False,
    executor: ExecutorOption = None,
    json_: JsonOption = False,
) -> None:
    """Run the discovery loop in artifacts/runs/NAME, one commit an experiment (stage `discover`).

    A run goes on where it was: after Ctrl-C, after a kill, or with a larger --experiments. At its end its
    archive is made, which `list`, `show`, `lineage`, `verify` read with --run NAME.
    """
    if recorded is not None and (run or experiments or record or executor):
        raise AsiReproError(
            "--recorded repeats a run as it was: it takes no --run, --experiments, --record, --executor"
        )
    options = RunOptions(
        run=run,
        experiments=experiments,
        workers=workers,
        arm=arm,
        lab=lab,
        llm=llm,
        record=record,
        renew=renew,
        executor=executor,
    )
    project = find_project()
    try:
        with _progress() as on_event:
            if recorded is not None:
                summary = reproduce_recorded(project, recorded, workers, on_event)
            else:
                summary = run_live(project, options, on_event)
    except KeyboardInterrupt as error:
        again = "run the same command again: it goes on where it was"
        console(stderr=True).print(f"stopped; what is finished is kept. {again}", soft_wrap=True)
        raise typer.Exit(interrupted_status(error)) from None
    if json_:
        print_json(summary.to_dict())
        return
    console().print(summary.text(), soft_wrap=True)


class _progress:  # noqa: N801  # reads as the function that it is
    """A bar while experiments come in, each with its line; `with _progress() as on_event`."""

    def __enter__(self) -> OnEvent:
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
        self._bar = Progress(*columns, TimeElapsedColumn(), console=console(stderr=True))
        task = self._bar.add_task("discovering", total=None)
        bar = self._bar

        def on_event(event: Event) -> None:
            if isinstance(event, RunBegun):
                bar.update(task, total=event.experiments, completed=event.finished)
                return
            bar.console.print(safe(event.text))
            if isinstance(event, ExperimentFinished):
                bar.update(task, advance=1)
            else:
                bar.update(task, description="verifying")

        self._bar.start()
        return on_event

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
