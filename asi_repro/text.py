"""Text from outside made safe to show, and rows of values as text."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

LATEST = 9.2e9
"""Seconds since 1970 whose nanoseconds a table can hold."""

# Control characters and lone surrogates; bidirectional controls, which reorder what is shown so that
# source reads other than it runs; line and paragraph separators; private use.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
    "\ud800-\udfff\ue000-\uf8ff\U000f0000-\U0010ffff]"
)


def terminal_safe(text: str, *, keep: str = "\n\t") -> str:
    """`text` with control, escape and bidirectional characters shown as `\\x1b`-like escapes.

    Args:
        keep: control characters to leave as they are; "" for one-line fields.
    """
    return _UNSAFE.sub(lambda found: found[0] if found[0] in keep else _escaped(found[0]), text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: 1 file, 2 files."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def one_line(text: object) -> str:
    """Text on one line, spaces single, without control, escape or bidirectional characters."""
    return " ".join(terminal_safe(str(text)).split())


def short_value(value: Any) -> str:
    """A value of a record as a table's cell has it; not escaped."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(map(short_value, value)) or "–"
    return str(value)


def instant(seconds: float | None) -> str | None:
    """Seconds since 1970 as ISO 8601 in UTC, to the millisecond; None for what is no such time."""
    if seconds is None or not 0 <= seconds < LATEST:
        return None
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")


def csv_text(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> str:
    """Rows as CSV below a line of column names, those of the first row where none are given.

    A value that a row lacks is left empty, and one that no column is for is left out.
    """
    stream = io.StringIO()
    names = list(columns or rows[0])
    writer = csv.DictWriter(stream, names, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()
