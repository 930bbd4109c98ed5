"""`asi-repro cognition add`: a file of entries, or (with an LLM) a paper's text, becomes entries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from asi_repro.discover.cognition.base import OWN_ENTRIES, read_folder
from asi_repro.discover.cognition.entry import Entry
from asi_repro.discover.cognition.files import is_entry_file, parse_entries, read_text, to_markdown
from asi_repro.errors import DataError
from asi_repro.store.files import atomic_write

Distil = Callable[[str], list[Entry]]


def add_file(path: Path, folder: Path, *, distil: Distil | None = None, replace: bool = False) -> list[Path]:
    """Put the entries of `path` into `folder`, one Markdown file each; the files written.

    Nothing is written unless every entry is right.

    Args:
        path: entries (.md with front matter, .yaml), or a paper's text where `distil` is given.
        folder: where the project keeps the entries that it was given.
        distil: makes entries of a paper's text.
        replace: overwrite entries of the same id in `folder`.

    Raises:
        MissingInput: where `path` cannot be read.
        DataError: where it is not of the entry format, or an id is taken.
    """
    text = read_text(path)
    taken = _taken(folder, replace=replace)
    if is_entry_file(text, path.suffix):
        entries = parse_entries(text, markdown=path.suffix == ".md", where=str(path))
        _require_free(entries, taken, path)
    elif distil is None:
        raise DataError(
            "the file is not in the entry format, and making entries of a paper's text requires an LLM",
            where=str(path),
            hint="write it as an entry (see docs/how-to/roles.md), or pass --llm",
        )
    else:
        entries = _renamed(distil(text), taken)
    files = {folder / f"{entry.id}.md": to_markdown(entry) for entry in entries}
    for file, written in files.items():
        atomic_write(file, written)
    return list(files)


def _taken(folder: Path, *, replace: bool) -> set[str]:
    there = {note.id for note in read_folder(folder)}
    if replace:
        there = {key for key in there if not (folder / f"{key}.md").is_file()}
    return there | {note.id for note in read_folder(OWN_ENTRIES)}


def _require_free(entries: list[Entry], taken: set[str], path: Path) -> None:
    ids = [entry.id for entry in entries]
    for place, key in enumerate(ids):
        if key in taken or key in ids[:place]:
            raise DataError(
                f"there is already an entry {key!r}",
                where=str(path),
                hint="give it another id, or pass --replace to replace an entry that you added",
            )


def _renamed(entries: list[Entry], taken: set[str]) -> list[Entry]:
    """The entries with a number behind ids that are taken: the model could not know them."""
    used = set(taken)
    renamed = []
    for entry in entries:
        key = next(k for k in (entry.id, *(f"{entry.id[:76]}-{n}" for n in range(2, 999))) if k not in used)
        used.add(key)
        renamed.append(entry.model_copy(update={"id": key}))
    return renamed
