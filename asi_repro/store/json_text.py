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
