"""JSON from outside, checked for size, depth and form before anything uses it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from asi_repro.errors import DataError, MissingInput
from asi_repro.text import terminal_safe

MAX_FILE_BYTES = 512 * 2**20
MAX_TEXT_CHARACTERS = 4 * 2**20
MAX_INDEX = 2**31 - 1

T = TypeVar("T")


def _plain_name(name: str) -> str:
    if terminal_safe(name, keep="") != name:
        raise ValueError("has control or escape characters, which a name may not have")
    if "/" in name or "\\" in name or name.startswith(".") or name != name.strip():
        raise ValueError(
            "has a path separator, a leading dot or outer white space, which a name may not have"
        )
    return name


# pydantic refuses half of a surrogate pair in any text.
Text = Annotated[str, Field(max_length=MAX_TEXT_CHARACTERS)]
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_plain_name)]
Index = Annotated[int, Field(ge=0, le=MAX_INDEX)]
Score = Annotated[float, Field(allow_inf_nan=False)]


def read_json(path: Path, name: str) -> Any:
    """The value in a UTF-8 JSON file.

    Args:
        name: what to call the file in errors.

    Raises:
        MissingInput: where there is no such file.
        DataError: for a file too large, not UTF-8, not JSON, nested too deeply, or with NaN,
            Infinity or a repeated key.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise DataError(f"the file is larger than {MAX_FILE_BYTES >> 20} MiB", where=name)
        data = path.read_bytes()
    except FileNotFoundError:
        raise MissingInput(f"{name} is missing", where=str(path), hint="run `asi-repro pull`") from None
    except OSError as error:
        raise DataError(f"the file cannot be read: {error.strerror}", where=name) from error
    return parse_json(data, name)


def parse_json(data: bytes, name: str) -> Any:
    """The value of UTF-8 JSON text; errors as in `read_json`."""
    try:
        return json.loads(
            data.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_refuse_repeats
        )
    except RecursionError:
        raise DataError("the file is nested too deeply", where=name) from None
    except UnicodeDecodeError as error:
        raise DataError(f"the file is not UTF-8 (byte {error.start})", where=name) from None
    except json.JSONDecodeError as error:
        raise DataError(
            f"the file is not JSON: {error.msg}", where=f"{name}, line {error.lineno}, column {error.colno}"
        ) from None
    except ValueError as error:
        raise DataError(str(error), where=name) from None


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is not a JSON number")


def _refuse_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {terminal_safe(repeated[:80], keep='')!r} is there twice in one object")
    return value


def validate(kind: type[T], value: Any, name: str) -> T:
    """`value` as `kind` (a pydantic type).

    Raises:
        DataError: naming the file, the record (with its index where it has one) and the field.
    """
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        more = error.error_count() - 1
        also = f" (and {more} more such fault{'s' if more > 1 else ''})" if more else ""
        raise DataError(
            f"{_said(first['msg'])}: found {_shown(first['input'])}{also}",
            where=f"{name}, {_place(value, first['loc'])}",
        ) from None


def _said(message: str) -> str:
    return message.removeprefix("Value error, ")


def _shown(value: Any) -> str:
    kind = type(value).__name__
    if isinstance(value, (dict, list)):
        return f"{kind} of {len(value)}"
    shown = str(value)
    cut = shown if len(shown) <= 60 else f"{shown[:60]}… ({len(shown)} characters)"
    return f"{kind} {terminal_safe(cut, keep='')!r}"


def _place(value: Any, location: tuple[int | str, ...]) -> str:
    return ", ".join(_steps(value, location)) or "the whole file"


def _steps(value: Any, location: tuple[int | str, ...]) -> Iterator[str]:
    for step in location:
        inner = _step_into(value, step)
        if isinstance(step, int):
            key = inner.get("index") if isinstance(inner, dict) else None
            yield f"record {step}" + (f" (index {key})" if isinstance(key, int) else "")
        else:
            yield f"field {terminal_safe(str(step)[:80], keep='')}"
        value = inner


def _step_into(value: Any, step: int | str) -> Any:
    try:
        return value[step]
    except (KeyError, IndexError, TypeError):
        return None
