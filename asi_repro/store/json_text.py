"""JSON objects, and the text they are written as."""

from __future__ import annotations

import json
from typing import Any

JsonDict = dict[str, Any]


def dump_json(value: Any) -> str:
    """`value` as indented JSON with sorted keys and a final newline.

    Raises:
        ValueError: for NaN and infinities, which JSON does not have.
    """
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def one_line(value: Any) -> str:
    """`value` as one line of JSON with sorted keys, without its newline."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)


def canonical(value: Any) -> str:
    """`value` as ASCII JSON with sorted keys and no spaces: what the keys of recorded calls are made of."""
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
