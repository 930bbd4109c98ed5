"""`asi-repro ablate`: the loop with one part changed at a time, over seeds."""

from __future__ import annotations

from typing import Annotated, Optional, cast

import typer

from asi_repro.cli.executors import ExecutorOption, the_executor
from asi_repro.cli.options import JsonOption
from asi_repro.cli.output import print_result, progress_bar, safe
from asi_repro.config.discover import Arm
from asi_repro.config.params import load_params
from asi_repro.discover.ablation.cells import ablation_folder, plan_cells, read_cells, run_cells
from asi_repro.discover.ablation.table import ablation_of
from asi_repro.discover.session import ARMS
from asi_repro.errors import AsiReproError, MissingInput, NotFound
from asi_repro.executor.base import usable_cpus
from asi_repro.project import find_project


def ablate(
    run: Annotated[str, typer.Option(metavar="NAME", help="Name of the ablation.")] = "control",
    seeds: Annotated[
        Optional[int], typer.Option(min=1, help="Runs of each variant. The default is set in params.yaml.")
    ] = None,
    experiments: Annotated[
        Optional[int],
        typer.Option(
            "--experiments", "-n", min=2, help="Experiments of each run. The default is set in params.yaml."
        ),
    ] = None,
    jobs: Annotated[
        Optional[int],
        typer.Option("--jobs", "-j", min=1, help="Runs at the same time. The default is the number of CPUs."),
    ] = None,
    arm: Annotated[
        Optional[str], typer.Option(help="Arm: operators or llm. The default is set in params.yaml.")
    ] = None,
    executor: ExecutorOption = None,
    show: Annotated[
        bool, typer.Option("--show", help="Run nothing; show the table of the runs that are finished.")
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Measure what each part of the discovery loop contributes: a grid of variants over seeds.

    The grid is in params.yaml under ablation. Each variant is compared with the whole loop, paired by seed.
    Finished runs are kept in artifacts/ablations/NAME and are never run again; a run that was stopped is
    continued.
    """
    project = find_project()
    params = load_params(project.root)
    failed = []
    if not show:
        if arm not in (None, *ARMS):
            raise NotFound(f"unknown arm {arm!r}", hint=f"one of {', '.join(ARMS)}")
        cells = plan_cells(
            project.root, run, arm=cast("Arm | None", arm), seeds=seeds, experiments=experiments
        )
        where, needs = the_executor(executor, jobs, project.root, scale=params.ablation.exploration.scale)
        with progress_bar() as bar:
            task = bar.add_task("ablating", total=len(cells))
            failed = run_cells(
                cells,
                jobs=jobs or usable_cpus(),
                progress=lambda name: bar.update(task, advance=1, description=safe(name)[:40]),
                executor=where,
                resources=needs,
            )
    found = read_cells(project.root, run)
    if not found and not failed:
        raise MissingInput(
            f"no run of the ablation {run!r} is finished",
            where=str(ablation_folder(project.root, run)),
            hint="run `asi-repro ablate` without --show",
        )
    table = ablation_of(run, found, seed=params.seed, resamples=params.claims.resamples)
    if found:
        print_result(table.to_dict(), table.text(), as_json=json_)
    if failed:
        raise AsiReproError(
            f"{len(failed)} runs failed. The first is {failed[0].name}: {failed[0].reason}",
            where=str(ablation_folder(project.root, run)),
            hint="run the command again: finished runs are kept",
        )
