"""Entries, and recalling those whose trigger is nearest to a description of what went wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asi_repro.archive.reader import Archive
from asi_repro.discover.cognition.entry import TEXTS
from asi_repro.discover.cognition.files import SUFFIXES, read_entries
from asi_repro.discover.novelty.embedding import Embedder, ranked, shared_embedder, similarities
from asi_repro.errors import DataError

OWN_ENTRIES = Path(__file__).parent / "entries"
_RELEASE_TEXTS = {
    "trigger": "experimental_trigger_patterns",
    "insight": "design_insight",
    "mechanism": "algorithmic_innovation",
    "guidance": "implementation_guidance",
}


@dataclass(frozen=True)
class Note:
    """An entry as the agents see it, ours or the release's.

    Attributes:
        id: unique in its base.
        trigger, insight, mechanism, guidance: its texts.
        source: citation in one line; of the release's entries, the file they stand in.
    """

    id: str
    trigger: str
    insight: str
    mechanism: str
    guidance: str
    source: str


@dataclass(frozen=True)
class Recalled:
    """A note and the cosine of its trigger with the query."""

    note: Note
    similarity: float


class CognitionBase:
    """Notes by id, recalled by their trigger.

    Args:
        notes: with ids that differ.
        embedder: makes the vectors; only needed to recall.

    Raises:
        DataError: where an id stands twice.
    """

    def __init__(self, notes: Iterable[Note], embedder: Embedder | None = None) -> None:
        self.notes: dict[str, Note] = {}
        self._embedder = embedder
        for note in notes:
            if note.id in self.notes:
                raise DataError(f"two entries have the id {note.id!r}", where=note.source)
            self.notes[note.id] = note

    def __len__(self) -> int:
        return len(self.notes)

    def recall(self, query: str, count: int = 3) -> list[Recalled]:
        """The notes with the nearest triggers, nearest first; of equally near ones the smaller id first.

        Raises:
            MissingInput: where texts cannot be embedded here.
        """
        if not self.notes or not query.strip():
            return []
        vector = self._the_embedder().embed([query])[0]
        best = ranked(list(self.notes), similarities(self._triggers, vector), count)
        return [Recalled(self.notes[key], score) for key, score in best]

    def recall_any(self, queries: Sequence[str], count: int = 3) -> list[Recalled]:
        """The `count` notes nearest to any of `queries`, each once, with its best similarity."""
        best: dict[str, float] = {}
        for query in queries:
            for found in self.recall(query, count):
                best[found.note.id] = max(found.similarity, best.get(found.note.id, -1.0))
        pairs = ranked(list(best), list(best.values()), count)
        return [Recalled(self.notes[key], score) for key, score in pairs]

    @cached_property
    def _triggers(self) -> NDArray[np.float32]:
        return self._the_embedder().embed(note.trigger for note in self.notes.values())

    def _the_embedder(self) -> Embedder:
        if self._embedder is None:
            self._embedder = shared_embedder()
        return self._embedder


def read_folder(folder: Path) -> list[Note]:
    """The notes of every entry file in `folder`, in order of file name; none where there is no folder.

    Raises:
        DataError: where a file is not of the format.
    """
    files = sorted(path for path in folder.glob("*") if path.suffix in SUFFIXES) if folder.is_dir() else []
    notes = []
    for path in files:
        for entry in read_entries(path):
            texts = entry.model_dump(include=set(TEXTS))
            notes.append(Note(id=entry.id, source=entry.source.citation(), **texts))
    return notes


def own_notes() -> list[Note]:
    """The entries that come with this project, written for it."""
    return read_folder(OWN_ENTRIES)


def release_notes(archive: Archive) -> list[Note]:
    """The entries that the release has, read from an archive."""
    rows = archive.table("cognition", ["id", "file", *_RELEASE_TEXTS.values()]).to_pylist()
    return [
        Note(id=row["id"], source=row["file"], **{ours: row[name] for ours, name in _RELEASE_TEXTS.items()})
        for row in rows
    ]
