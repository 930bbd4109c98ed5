"""`asi-repro provenance`: what a result was made from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from asi_repro.cli.options import JsonOption
from asi_repro.cli.output import print_result, safe
from asi_repro.project import find_project
from asi_repro.provenance.origin import Origin, find_origin

_SHOWN = ("programs", "data", "settings", "seed", "versions", "code", "sandbox", "machine")
_MOST = 12  # entries of a long list of hashes


def provenance(
    path: Annotated[Path, typer.Argument(help="A file or folder below artifacts/.")],
    json_: JsonOption = False,
) -> None:
    """Show what a result was made from, and whether that is still what is here.

    Programs, data and code are named by their hashes. A result of a measurement (a training, scores,
    certificates, a run of the loop) has its own record; of other outputs dvc.lock says what the stage read.
    """
    origin = find_origin(path, find_project().root)
    print_result(origin.to_json(), "\n".join(map(safe, _lines(origin))), as_json=json_)


def _lines(origin: Origin) -> Iterator[str]:
    yield f"{origin.path}: {origin.kind}"
    for name in _SHOWN:
        value = getattr(origin, name)
        if value is None or value == {}:
            yield f"  {name:<9} not recorded"
        elif isinstance(value, dict):
            yield f"  {name:<9}"
            items = list(value.items())
            yield from (f"    {key}: {_plain(entry)}" for key, entry in items[:_MOST])
            if len(items) > _MOST:
                yield f"    ... and {len(items) - _MOST} more; --json shows all"
        else:
            yield f"  {name:<9} {value}"
    if origin.kind in ("training", "scores", "certificates", "run"):
        said = (
            f"no, changed: {', '.join(origin.changed)}" if origin.changed else "yes: same code and libraries"
        )
        yield f"  current   {said}"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=True)
