"""The loop's values as JSON and back: what the journal, the records and the commits hold."""

from __future__ import annotations

import json
from dataclasses import is_dataclass
from typing import Any, TypeVar

from pydantic import TypeAdapter

from asi_repro.discover.types import Analysis, Judgement, Metrics, Proposal, Verdict
from asi_repro.errors import DataError
from asi_repro.store.records import faults_reported

Record = TypeVar("Record", Proposal, Verdict, Judgement, Analysis, Metrics)
_ADAPTERS: dict[Any, TypeAdapter[Any]] = {
    kind: TypeAdapter(kind) for kind in (Proposal, Verdict, Judgement, Analysis, Metrics)
}


def to_json(value: Any) -> Any:
    """A value of `discover.types` as plain JSON; timings are left out, for they differ at every run.

    Raises:
        DataError: for what JSON does not have: NaN, infinities, other objects.
    """
    try:
        plain = _ADAPTERS[type(value)].dump_python(value) if is_dataclass(value) else value
        return json.loads(json.dumps(plain, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise DataError(f"the file is not JSON: {error}", where=type(value).__name__) from error


def from_json(kind: type[Record], data: Any, where: str = "a record") -> Record:
    """A `kind` from `to_json`'s form.

    Raises:
        DataError: for a missing or an unknown field, or one of another type.
    """
    with faults_reported(kind.__name__, where=where):
        found: Record = _ADAPTERS[kind].validate_json(json.dumps(data))
    return found
