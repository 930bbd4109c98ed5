"""`asi-repro plan`: what all architectures, or a discovery run, would take on a cluster."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from asi_repro.cli.options import JsonOption

_GPUS = "8,64,512"
_WORKERS = "1,8,16,32,50,64,100,256,512"


def plan(
    gpus: Annotated[str, typer.Option("--gpus", help="Sizes of cluster for the sweep.")] = _GPUS,
    workers: Annotated[str, typer.Option("--workers", help="Workers of a discovery run.")] = _WORKERS,
    experiments: Annotated[int, typer.Option("--experiments", min=1, help="Of a discovery run.")] = 1773,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Experiments between refreshes.")] = 50,
    assume: Annotated[
        list[str],
        typer.Option("--assume", metavar="NAME=NUMBER", help="Another assumption; all are printed."),
    ] = [],  # noqa: B006  # Typer copies it
    json_: JsonOption = False,
) -> None:
    """Simulate a sweep at 340M and a discovery run: the drivers' code on a virtual clock.

    FLOPs come from the certificates, the spread between architectures from forward times measured here; what
    a GPU does, costs, and waits for an LLM are assumptions.
    """
    from asi_repro.cli.output import console, print_json
    from asi_repro.planning.pages import make_plan, plan_markdown
    from asi_repro.project import find_project

    found = make_plan(
        find_project(),
        assumed=_assumptions(assume),
        gpus=_numbers(gpus),
        workers=_numbers(workers),
        experiments=experiments,
        batch=batch,
    )
    if json_:
        print_json(found.to_json())
    else:
        console().print(plan_markdown(found), markup=False, highlight=False, soft_wrap=True)


def _assumptions(given: list[str]) -> Any:
    from pydantic import ValidationError

    from asi_repro.errors import AsiReproError
    from asi_repro.planning.inputs import Assumptions

    values: dict[str, float] = {}
    for one in given:
        name, _, number = one.partition("=")
        if name not in Assumptions.model_fields:
            raise AsiReproError(
                f"no assumption {name!r}", hint=f"one of {', '.join(Assumptions.model_fields)}"
            )
        try:
            values[name] = float(number)
        except ValueError:
            raise AsiReproError(f"{number!r} is no number", where=f"--assume {one}") from None
    try:
        return Assumptions(**values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise AsiReproError(f"{first['loc'][0]}: {first['msg']}", where="--assume") from None


def _numbers(text: str) -> list[int]:
    from asi_repro.errors import AsiReproError

    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(part.isdigit() and int(part) > 0 for part in parts):
        raise AsiReproError(f"{text!r} is not a list of whole numbers above 0", hint="such as 8,64,512")
    return sorted({int(part) for part in parts})
