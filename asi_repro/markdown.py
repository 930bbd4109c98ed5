"""Markdown of outside text: escapes, code, fences and tables, for every page and note of the package."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from asi_repro.text import one_line, short_value

if TYPE_CHECKING:
    from pydantic import BaseModel

# What means something anywhere in a line, where it does (entities, mentions, addresses, :emoji:), or at its
# beginning alone (lists, rules, the underline of a heading).
_MARKUP = re.compile(
    r"[\\`*_{}\[\]<>#|~$]|&(?=#?\w+;)|@(?=\w)|:(?=//|[\w+-]+:)|(?<=www)\.|^[-+=](?=[-+=\s]|$)"
    r"|(?:(?<=^\d)|(?<=^\d\d)|(?<=^\d{3})|(?<=^\d{4}))[.)](?=\s|$)",
    re.IGNORECASE,
)
_CODE = re.compile(r"`([^`]+)`")


def escape(text: object) -> str:
    """Text as one line of Markdown that renders as this text (CommonMark, tables and mathematics)."""
    return _MARKUP.sub(r"\\\g<0>", one_line(text))


def prose(text: str) -> str:
    """Our own sentences: as `escape`, but `code` in backquotes stays code."""
    parts = _CODE.split(one_line(text))
    return "".join(f"`{part}`" if i % 2 else _MARKUP.sub(r"\\\g<0>", part) for i, part in enumerate(parts))


def code(text: object) -> str:
    """Text as code inside a line."""
    line = one_line(text)
    ticks = "`" * (_longest_run(line) + 1)
    pad = " " if len(ticks) > 1 or not line else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def fence(text: str, kind: str = "") -> list[str]:
    """Lines of a block of code that the text cannot close; its control characters are left as they are."""
    ticks = "`" * max(3, _longest_run(text) + 1)
    return [ticks + kind, text, ticks]


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, right: Collection[int] = ()) -> list[str]:
    """Lines of a table.

    Args:
        header: the columns' names, escaped.
        rows: cells, escaped.
        right: columns to align right.
    """
    rule = ["---:" if column in right else "---" for column in range(len(header))]
    return [_row(header), _row(rule), *map(_row, rows)]


def titled_table(
    title: str, header: Sequence[str], rows: Sequence[Sequence[str]], *, note: str = "", none: str = "None."
) -> list[str]:
    """Lines of a bold title and a table below it.

    Args:
        title, header, rows: not escaped.
        note: after the title, as it is.
        none: in place of a table without rows, as it is.
    """
    lines = [f"**{escape(title)}**{note}", ""]
    if not rows:
        return [*lines, none, ""]
    return [*lines, *table([*map(escape, header)], [[*map(escape, row)] for row in rows]), ""]


def record_table(records: Sequence[dict[str, Any]]) -> list[str]:
    """Lines of a table of records, a column for each key that one of them has."""
    columns = list(dict.fromkeys(column for record in records for column in record))
    rows = [[escape(short_value(record.get(column))) for column in columns] for record in records]
    return table([escape(column.replace("_", " ")) for column in columns], rows)


def field_table(model: type[BaseModel]) -> list[str]:
    """Lines of a table of a record's fields and what each means."""
    rows = [(f"`{name}`", field.description or "") for name, field in model.model_fields.items()]
    return table(("field", "meaning"), rows)


def _row(cells: Sequence[str]) -> str:
    return "".join(f"| {cell} " if cell else "| " for cell in cells) + "|"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
