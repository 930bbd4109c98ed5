"""`asi-repro discover`, `runs` and `compare`: runs of our own loop, live or replayed, beside the release."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from asi_repro.cli.options import ExecutorOption, JsonOption

if TYPE_CHECKING:
    from asi_repro.discover.loop.workers import Told


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
        str, typer.Option("--lab", help="live trains; replay takes every result from the run's record.")
    ] = "live",
    llm: Annotated[
        str, typer.Option("--llm", help="live, record (what is recorded is not asked again) or replay.")
    ] = "record",
    recorded: Annotated[
        Optional[str],
        typer.Option(
            "--recorded",
            metavar="NAME",
            help="Replay artifacts/recorded/NAME and compare every commit with it.",
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
    from asi_repro.cli.failures import interrupted_status
    from asi_repro.cli.output import console, print_json
    from asi_repro.discover.session import Wanted, replay_recorded, run_live
    from asi_repro.errors import AsiReproError
    from asi_repro.project import find_project

    if recorded is not None and (run or experiments or record or executor):
        raise AsiReproError(
            "--recorded repeats a run as it was: it takes no --run, --experiments, --record, --executor"
        )
    wanted = Wanted(
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
        with _progress() as told:
            if recorded is not None:
                summary = replay_recorded(project, recorded, workers, told)
            else:
                summary = run_live(project, wanted, told)
    except KeyboardInterrupt as error:
        again = "run the same command again: it goes on where it was"
        console(stderr=True).print(f"stopped; what is finished is kept. {again}", soft_wrap=True)
        raise typer.Exit(interrupted_status(error)) from None
    if json_:
        print_json(summary.to_dict())
        return
    console().print(summary.text(), soft_wrap=True)


def runs(json_: JsonOption = False) -> None:
    """List the runs at hand: the release, our own runs, the recorded ones."""
    from asi_repro.cli.output import console, print_columns, print_json_rows, safe
    from asi_repro.discover.run.listing import list_runs
    from asi_repro.project import find_project

    found = list_runs(find_project())
    if json_:
        print_json_rows(row.to_dict() for row in found)
        return
    header = ("name", "kind", "arm", "experiments", "failed", "beat baseline", "verified", "archive")
    rows = [[safe("-" if cell is None else str(cell)) for cell in row.cells()] for row in found]
    print_columns(console(), header, rows, right=range(3, 7))


def compare(
    run_a: Annotated[str, typer.Argument(metavar="RUN_A", help="Name of a run, or release.")],
    run_b: Annotated[str, typer.Argument(metavar="RUN_B", help="Name of a run, or release.")],
    out: Annotated[
        Optional[Path],
        typer.Option("--csv", metavar="FILE", help="Write the cumulative curves there.", show_default=False),
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Discoveries per unit of compute of two runs, with bootstrap intervals.

    A discovery beats its run's baseline in loss and in benchmark. For the release, which lacks both for most
    experiments, membership of the gallery stands in, and the answer says so.
    """
    from asi_repro.cli.output import console, print_json
    from asi_repro.config import load_params
    from asi_repro.discover.run.comparison import compare_runs, read_outcomes, write_curves
    from asi_repro.project import find_project

    project = find_project()
    params = load_params(project.root)
    first, second = read_outcomes(project, run_a), read_outcomes(project, run_b)
    found = compare_runs(first, second, seed=params.seed, resamples=params.claims.resamples)
    if out is not None:
        write_curves([first, second], out)
    if json_:
        print_json(found.to_dict())
        return
    console().print(found.text(), soft_wrap=True)


class _progress:  # noqa: N801  # reads as the function that it is
    """A bar while experiments come in, each with its line; `with _progress() as told`."""

    def __enter__(self) -> Told:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        from asi_repro.cli.output import console, safe

        columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
        self._bar = Progress(*columns, TimeElapsedColumn(), console=console(stderr=True))
        task = self._bar.add_task("discovering", total=None)
        bar = self._bar

        def told(stage: str, index: int, text: str) -> None:
            if stage == "total":
                bar.update(task, total=index, completed=int(text))
                return
            bar.console.print(safe(text))
            bar.update(task, advance=1 if stage == "experiment" else 0, description=stage)

        self._bar.start()
        return told

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
