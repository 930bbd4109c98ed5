"""`asi-repro plan`: what all architectures, or a discovery run, would take on a cluster."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from asi_repro.cli.options import JsonOption
from asi_repro.cli.output import print_result
from asi_repro.errors import AsiReproError
from asi_repro.planning.plan import PlanRequest, make_plan, plan_markdown
from asi_repro.planning.times import Assumptions
from asi_repro.project import find_project
from asi_repro.store.records import first_fault

_GPUS = "8,64,512"
_WORKERS = "1,2,4,8,16,32,50,64,100,200,512"


class _Source(str, Enum):
    sweep = "sweep"
    verify = "verify"


def plan(
    gpus: Annotated[str, typer.Option(help="Comma-separated numbers of GPUs for the sweep.")] = _GPUS,
    workers: Annotated[
        str, typer.Option(help="Comma-separated numbers of workers for the discovery run.")
    ] = _WORKERS,
    experiments: Annotated[
        int, typer.Option(min=1, help="Number of experiments of the discovery run.")
    ] = 1773,
    batch: Annotated[
        int, typer.Option(min=1, help="Number of experiments between refreshes of the pool.")
    ] = 50,
    times: Annotated[
        _Source,
        typer.Option(
            help="Where the time per architecture comes from: sweep (the recorded sweep, tracked by "
            "Git) or verify (this machine's certificates and forward times)."
        ),
    ] = _Source.sweep,
    assume: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=NUMBER",
            help="Override an assumption. All assumptions are printed. May be repeated.",
        ),
    ] = [],  # noqa: B006  # Typer copies it
    json_: JsonOption = False,
) -> None:
    """Estimate a sweep at 340M and a discovery run by running the drivers' code on a simulated clock.

    The spread between architectures comes from recorded times and the mean from FLOPs. GPU throughput,
    prices and LLM latency are assumptions. Neither the release nor a GPU is needed.
    """
    request = PlanRequest(
        gpus=_numbers(gpus),
        workers=_numbers(workers),
        experiments=experiments,
        batch=batch,
        source=times.value,
        assumed=_assumptions(assume),
    )
    found = make_plan(find_project(), request)
    print_result(found.to_json(), plan_markdown(found), as_json=json_)


def _assumptions(given: list[str]) -> Any:

    values: dict[str, Any] = {}
    for one in given:
        name, _, number = one.partition("=")
        if name not in Assumptions.model_fields:
            raise AsiReproError(
                f"unknown assumption {name!r}", hint=f"use one of: {', '.join(Assumptions.model_fields)}"
            )
        try:
            values[name] = float(number)
        except ValueError:
            raise AsiReproError(f"{number!r} is not a number", where=f"--assume {one}") from None
    try:
        return Assumptions(**values)
    except ValidationError as error:
        raise AsiReproError(first_fault(error), where="--assume") from None


def _numbers(text: str) -> list[int]:

    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(part.isdigit() and int(part) > 0 for part in parts):
        raise AsiReproError(
            f"{text!r} is not a comma-separated list of positive integers", hint="for example 8,64,512"
        )
    return sorted({int(part) for part in parts})
