"""`asi-repro compare`: two runs, discoveries per unit of compute."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from asi_repro.cli.options import JsonOption
from asi_repro.cli.output import print_result
from asi_repro.config.params import load_params
from asi_repro.project import find_project


def compare(
    run_a: Annotated[str, typer.Argument(metavar="RUN_A", help="Name of a run, or `release`.")],
    run_b: Annotated[str, typer.Argument(metavar="RUN_B", help="Name of a run, or `release`.")],
    out: Annotated[
        Optional[Path],
        typer.Option(
            "--csv",
            metavar="FILE",
            help="Write the cumulative discovery curves to this file.",
            show_default=False,
        ),
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Compare the discoveries per unit of compute of two runs, with bootstrap intervals.

    A discovery is an experiment that beats its run's baseline in both training loss and benchmark score.
    The release lacks those values for most experiments, so membership of the gallery is used instead, and
    the output says so.
    """
    from asi_repro.discover.run.comparison import compare_runs, write_curves
    from asi_repro.discover.run.outcomes import read_outcomes

    project = find_project()
    params = load_params(project.root)
    first, second = read_outcomes(project, run_a), read_outcomes(project, run_b)
    found = compare_runs(first, second, seed=params.seed, resamples=params.claims.resamples)
    if out is not None:
        write_curves([first, second], out)
    print_result(found.to_dict(), found.text(), as_json=json_)
