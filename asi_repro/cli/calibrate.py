"""`asi-repro calibrate`: what the Judge's scores are worth."""

from __future__ import annotations

from typing import Annotated

import typer

from asi_repro.cli.options import JsonOption
from asi_repro.cli.output import print_result
from asi_repro.config.params import load_params
from asi_repro.discover.run.calibration import read_calibration
from asi_repro.project import RELEASE, find_project


def calibrate(
    run: Annotated[str, typer.Argument(metavar="[RUN]", help="Name of a run, or `release`.")] = RELEASE,
    json_: JsonOption = False,
) -> None:
    """Compare the Judge's scores with what was measured: agreement, repeated judging and order effects.

    Agreement is Spearman's rank correlation with a bootstrap interval. Of the release, only the total score
    was published, of which the Judge is one part of three.
    """
    project = find_project()
    params = load_params(project.root)
    found = read_calibration(project, run, seed=params.seed, resamples=params.claims.resamples)
    print_result(found.to_dict(), "\n".join(found.lines()).rstrip(), as_json=json_)
