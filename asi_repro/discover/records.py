"""The loop's values as JSON and back: what the journal, the records and the commits hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from asi_repro.discover.types import Analysis, Judgement, Metrics, Proposal, Verdict
from asi_repro.errors import DataError

Record = TypeVar("Record", Proposal, Verdict, Judgement, Analysis, Metrics)


def to_json(value: Any) -> Any:
    """A value of `discover.types` as plain JSON; timings are left out, for they differ at every run.

    Raises:
        DataError: for what JSON does not have: NaN, infinities, other objects.
    """
    plain = _plain(value)
    try:
        return json.loads(json.dumps(plain, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise DataError(f"not JSON: {error}", where=type(value).__name__) from error


def from_json(kind: type[Record], data: Any, where: str = "a record") -> Record:
    """A `kind` from `to_json`'s form.

    Raises:
        DataError: for a missing or an unknown field, or one of another type.
    """
    if not isinstance(data, dict):
        raise DataError(f"{kind.__name__}: not a JSON object", where=where)
    known = {field.name for field in fields(kind)}
    if unknown := sorted(set(data) - known):
        raise DataError(f"{kind.__name__}: unknown fields {unknown}", where=where)
    try:
        return kind(**{name: _value(kind, name, value) for name, value in data.items()})
    except (TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{kind.__name__}: {error}", where=where) from error


def one_line(value: Any) -> str:
    """`value` as one line of JSON with sorted keys, without its newline."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)


_TEXTS = {"operators", "cognition", "shortcomings"}
_TEXT = {"name", "motivation", "program", "reason", "text"}
_NUMBERS = {"train_loss", "benchmark", "score", "spread", "seconds"}
_WHOLE = {"parameters", "tokens", "flops"}


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        skipped = {"seconds"} if isinstance(value, Metrics) else set()
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value) if f.name not in skipped}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _value(kind: type, name: str, value: Any) -> Any:
    if name in _TEXT:
        return _typed(value, str, name)
    if name in _NUMBERS:
        return float(_typed(value, (int, float), name))
    if name in _WHOLE:
        return int(_typed(value, int, name))
    if name == "accepted":
        return _typed(value, bool, name)
    if name in _TEXTS:
        return tuple(_typed(item, str, name) for item in _typed(value, list, name))
    if name == "samples":
        return tuple(float(item) for item in value)
    if name == "curve":
        return tuple((int(step), float(loss)) for step, loss in value)
    if name in ("scores", "parts"):
        return {_typed(key, str, name): float(number) for key, number in value.items()}
    return dict(value)  # evidence


def _typed(value: Any, kind: Any, name: str) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{name} is {type(value).__name__}")
    return value
