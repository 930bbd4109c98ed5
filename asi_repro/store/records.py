"""Records that are written as JSON and read back: a strict model each, one error for each way to be wrong."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from asi_repro.errors import DataError, MissingInput, NotFound
from asi_repro.store.files import atomic_write
from asi_repro.store.json_text import dump_json


class Record(BaseModel):
    """No unknown key, no coerced type, no NaN."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


Read = TypeVar("Read", bound=BaseModel)
NOT_ONE = "the file is not a result"


def read_record(
    path: Path,
    model: type[Read],
    *,
    missing: str,
    make: str,
    remake: str | None = None,
    damaged: str = NOT_ONE,
) -> Read:
    """The record in a JSON file.

    Args:
        missing: what to say where there is no file.
        make: the command that makes it.
        remake: the command that makes it again where it is damaged; None takes `make`.
        damaged: what to say first where it is damaged.

    Raises:
        MissingInput: where it is not there.
        DataError: where it is not such a record.
    """
    hint = remake or make
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MissingInput(f"{missing}: {error.strerror}", where=str(path), hint=make) from error
    except (ValueError, RecursionError) as error:
        what = "the file is not JSON" if damaged == NOT_ONE else f"{damaged}: it is not JSON"
        raise DataError(what, where=str(path), hint=hint) from error
    with faults_reported(damaged, where=str(path), hint=hint):
        return model.model_validate(data)


@contextmanager
def faults_reported(what: str, *, where: str, hint: str | None = None) -> Iterator[None]:
    """Make the first fault that pydantic finds in the body a `DataError` that begins with `what`."""
    try:
        yield
    except ValidationError as error:
        raise DataError(f"{what}: {first_fault(error)}", where=where, hint=hint) from error


def write_record(path: Path, record: BaseModel) -> None:
    """Write a record as JSON that `read_record` reads, whole or not at all; equal records, equal bytes."""
    atomic_write(path, dump_json(record.model_dump()))


def unknown_name(what: str, name: str, known: Collection[str], *, lister: str) -> NotFound:
    """The error for a name that none of those known is; similar ones are named.

    Args:
        lister: the command that lists all of them.
    """
    near = get_close_matches(name, sorted(known), n=3, cutoff=0.4)
    similar = f"similar: {', '.join(near)}; " if near else ""
    return NotFound(f"no {what} has the id {name!r}", hint=f"{similar}`{lister}` lists all {len(known)}")


def first_fault(error: ValidationError) -> str:
    """The first thing that is wrong, and where in the record."""
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the whole'}: {first['msg']}"
