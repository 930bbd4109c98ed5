"""What values of a run that nobody vetted are taken for: each is of its type, or None or empty."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

NATIVE_ID_CHARACTERS, NAME_CHARACTERS = 500, 200


def finite(value: Any) -> float | None:
    """A number that can be compared, or None: of text, NaN, infinity and what is not there."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def whole(value: Any) -> int | None:
    """A whole number, or None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= 2**53 else None


def amount(value: Any) -> float | None:
    """A number from zero on, or None."""
    number = finite(value)
    return number if number is not None and number >= 0 else None


def text(value: Any, limit: int | None = None) -> str | None:
    """Text that is not empty, cut to a length, or None."""
    if not isinstance(value, str) or not value.strip():
        return None
    clean = value.encode("utf-8", "replace").decode()
    return clean[:limit]


def short(value: Any) -> str | None:
    """Text that is not empty, cut to the length of a name, or None."""
    return text(value, NAME_CHARACTERS)


def numbers(metrics: Any) -> dict[str, float | None]:
    """The metrics that are numbers, by name; NaN and infinity are None."""
    if not isinstance(metrics, Mapping):
        return {}
    return {
        str(name)[:NAME_CHARACTERS]: finite(value)
        for name, value in metrics.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }


def an_object(value: Any) -> dict[str, Any]:
    """An object, or an empty one."""
    return value if isinstance(value, dict) else {}


def a_list(value: Any) -> list[Any]:
    """A list, or an empty one."""
    return value if isinstance(value, list) else []


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; nothing of what is no list."""
    return [one for one in a_list(value) if isinstance(one, dict)]


def native_id(value: Any) -> str | None:
    """An id as text, or None."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    shown = text(str(value))
    return None if shown is None or len(shown) > NATIVE_ID_CHARACTERS else shown
