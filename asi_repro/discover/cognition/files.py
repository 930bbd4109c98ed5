"""Entries as files: Markdown with YAML front matter (one entry a file), or YAML (one or a list of them)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from asi_repro.discover.cognition.entry import TEXTS, Entry, parse_entry
from asi_repro.errors import DataError, MissingInput
from asi_repro.plain_yaml import plain_yaml

SUFFIXES = (".md", ".yaml", ".yml")
LARGEST_FILE = 2 << 20
_FRONT = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.S)
_SECTION = re.compile(rf"^## ({'|'.join(text.capitalize() for text in TEXTS)})[ \t]*$", re.M)


def read_text(path: Path) -> str:
    """A file from outside as text.

    Raises:
        MissingInput: where it cannot be read.
        DataError: where it is larger than 2 MiB or not UTF-8.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        raise MissingInput(f"cannot read {path}: {error.strerror}") from error
    if len(data) > LARGEST_FILE:
        raise DataError(
            f"the file is larger than {LARGEST_FILE >> 20} MiB",
            where=str(path),
            hint="split it into smaller files",
        )
    try:
        return data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        hint = "for a PDF, take its text first: `pdftotext paper.pdf paper.txt`"
        raise DataError("the file is not UTF-8 text", where=str(path), hint=hint) from error


def read_entries(path: Path) -> list[Entry]:
    """The entries in one file.

    Raises:
        MissingInput, DataError: as `read_text`, and where an entry is not what it should be.
    """
    if path.suffix not in SUFFIXES:
        raise DataError("entries must be in a .md or .yaml file", where=str(path))
    return parse_entries(read_text(path), markdown=path.suffix == ".md", where=str(path))


def parse_entries(text: str, *, markdown: bool, where: str) -> list[Entry]:
    """The entries in `text`.

    Raises:
        DataError: where it is not of the format, or an entry is not what it should be.
    """
    if markdown:
        return [parse_entry(_from_markdown(text, where), where=where)]
    values = plain_yaml(text, where=where)
    listed = values if isinstance(values, list) else [values]
    if not listed:
        raise DataError("the file contains no entry", where=where)
    return [parse_entry(value, where=f"{where}, entry {number}") for number, value in enumerate(listed, 1)]


def is_entry_file(text: str, suffix: str) -> bool:
    """Whether a file is of the entry format, rather than a paper's text: by its beginning and its ending."""
    return suffix in (".yaml", ".yml") or (suffix == ".md" and bool(_FRONT.match(text)))


def to_markdown(entry: Entry) -> str:
    """The file of one entry; `parse_entries` gives it back.

    Raises:
        DataError: for an entry that its file would not give back, as when a text has a section's heading.
    """
    front = {"id": entry.id, "source": entry.source.model_dump(exclude_none=True)}
    head = yaml.safe_dump(front, sort_keys=False, allow_unicode=True, width=100)
    texts = entry.model_dump()
    body = "\n".join(f"## {name.capitalize()}\n\n{texts[name]}\n" for name in TEXTS)
    text = f"---\n{head}---\n\n{body}"
    if parse_entries(text, markdown=True, where=entry.id) != [entry]:
        raise DataError("the entry's texts would change when written and read back", where=entry.id)
    return text


def _from_markdown(text: str, where: str) -> dict[str, Any]:
    found = _FRONT.match(text)
    if not found:
        raise DataError(
            "there is no front matter: an entry must begin with a line of ---, YAML, and another line of ---",
            where=where,
        )
    front = plain_yaml(found[1], where=where)
    if not isinstance(front, dict):
        raise DataError("the front matter is not a mapping", where=where)
    pieces = _SECTION.split(found[2])
    if pieces[0].strip():
        raise DataError("there is text before the first section", where=where, hint="put it under ## Insight")
    sections: dict[str, Any] = {}
    for title, body in zip(pieces[1::2], pieces[2::2], strict=True):
        name = title.lower()
        if name in sections or name in front:
            raise DataError(f"the section {title} appears twice", where=where)
        sections[name] = body.strip()
    return {**front, **sections}
