"""Ranked search in a run: names, motivations, summaries, programs and the cognition base.

The index is SQLite's FTS5, built anew by each process: a run is small, SQLite comes with Python, and nothing
can go stale. What is above 2 MiB of it stands in a temporary file that SQLite removes. Ranking is FTS5's
BM25 with a weight for each field.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any

from asi_repro.archive.reader import Archive
from asi_repro.errors import AsiReproError

# Field -> weight of a word found there. A name tells more than a long text that mentions the word.
EXPERIMENT_FIELDS = {"name": 6.0, "display_name": 6.0, "words": 4.0, "summary": 2.0, "motivation": 1.0}
COGNITION_FIELDS = {
    "design_insight": 3.0,
    "experimental_trigger_patterns": 1.5,
    "background": 1.0,
    "algorithmic_innovation": 1.0,
    "implementation_guidance": 1.0,
    "id": 3.0,
}
# Fields that a list of hits shows anyway.
TITLES = ("name", "display_name", "id", "design_insight")
PROGRAM_FIELDS = {"source": 1.0}
KINDS = ("experiment", "program", "cognition")
_FIELDS = dict(zip(KINDS, (EXPERIMENT_FIELDS, PROGRAM_FIELDS, COGNITION_FIELDS), strict=True))

# Around a found word in `Hit.snippet`; control characters, so no text can hold them after `_clean`.
MARK_START, MARK_END = "\x02", "\x03"
_SNIPPET_WORDS = 28
_SUBWORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_QUERY_PART = re.compile(r'"([^"]*)"|([^\s"]+)')


class QueryError(AsiReproError):
    """A question without a word in it."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Hit:
    """Something found.

    Attributes:
        kind: one of `KINDS`.
        key: the experiment's index (of a program too), or the cognition entry's id.
        relevance: BM25 with field weights; larger is better; comparable within one kind only.
        field: the field the snippet is from.
        snippet: where the words are, each between `MARK_START` and `MARK_END`.
    """

    kind: str
    key: int | str
    relevance: float
    field: str
    snippet: str


def search(
    archive: Archive, text: str, *, kinds: tuple[str, ...] = KINDS, limit: int | None = 20
) -> dict[str, list[Hit]]:
    """The best matches of each kind.

    Args:
        archive: where to look.
        text: words (any may match, more is better), "phrases" in quotes, beginnings as `retent*`.
        kinds: which of `KINDS` to look through.
        limit: how many of each kind at most; all where None.

    Returns:
        Hits by kind, most relevant first, ties in the order of the archive.

    Raises:
        QueryError: where `text` has no word.
        AsiReproError: where Python's SQLite was built without FTS5.
    """
    expression = _match_expression(text)  # a question without a word is refused before anything is built
    found: dict[str, list[Hit]] = {}
    for kind in kinds:
        with SearchIndex(archive, kind) as index:
            found[kind] = index._ask(expression, limit)
    return found


class SearchIndex:
    """The index of one kind, for many questions; threads may share it.

    Args:
        archive: where to look.
        kind: one of `KINDS`.

    Raises:
        AsiReproError: where Python's SQLite was built without FTS5.
    """

    def __init__(self, archive: Archive, kind: str) -> None:
        self.kind = kind
        self._fields = _FIELDS[kind]
        rows = {"experiment": _experiment_rows, "program": _program_rows, "cognition": _cognition_rows}[kind]
        self._connection = _build(list(self._fields), partial(rows, archive))
        self._one_at_a_time = Lock()

    def search(self, text: str, limit: int | None = 20) -> list[Hit]:
        """The best matches, as of the function `search`, which says what it raises."""
        return self._ask(_match_expression(text), limit)

    def _ask(self, expression: str, limit: int | None) -> list[Hit]:
        with self._one_at_a_time:
            return list(_ask(self._connection, self.kind, self._fields, expression, limit))

    def __enter__(self) -> SearchIndex:
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()


def _match_expression(text: str) -> str:
    """`text` in FTS5's query language, every word quoted, so that no operator can be smuggled in."""
    parts: list[str] = []
    for phrase, word in _QUERY_PART.findall(text):
        wanted = phrase or word
        if not re.search(r"[^\W_]", wanted):
            continue
        parts.append(_quoted(wanted.rstrip("*")) + ("*" if word.endswith("*") else ""))
        if word and (subwords := split_words(word)) != word:
            parts.append(_quoted(subwords))
    if not parts:
        raise QueryError(f"there is no word to search for in {text!r}", hint="give at least one word")
    return " OR ".join(parts)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""').replace("\0", " ") + '"'


def split_words(name: str) -> str:
    """The words of a name: `delta_net` and `DeltaNet` are both `delta net`-like."""
    return " ".join(_SUBWORD.findall(name)) or name


def _clean(text: str | None) -> str:
    # str.translate would take longer than the indexing.
    return "" if text is None else text.replace(MARK_START, "").replace(MARK_END, "")


def _experiment_rows(archive: Archive) -> Iterator[tuple[Any, ...]]:
    columns = archive.table("experiments", ["index", "name", "display_name"]).to_pydict()
    texts = archive.table("programs", ["index", "summary", "motivation"]).to_pydict()
    by_index = dict(zip(texts["index"], zip(texts["summary"], texts["motivation"], strict=True), strict=True))
    for index, name, display in zip(columns["index"], columns["name"], columns["display_name"], strict=True):
        summary, motivation = by_index.get(index, (None, None))
        words = f"{split_words(name)} {split_words(display or '')}"
        yield (index, *map(_clean, (name, display, words, summary, motivation)))


def _program_rows(archive: Archive) -> Iterator[tuple[Any, ...]]:
    for table in archive.groups("programs", ["index", "source"]):
        for row in table.to_pylist():
            yield row["index"], _clean(row["source"])


def _cognition_rows(archive: Archive) -> Iterator[tuple[Any, ...]]:
    table = archive.table("cognition", list(COGNITION_FIELDS))
    for number, row in enumerate(table.to_pylist()):
        yield (number, *(_clean(row[field]) for field in COGNITION_FIELDS))


def _build(fields: list[str], rows: Callable[[], Iterator[tuple[Any, ...]]]) -> sqlite3.Connection:
    try:
        return _filled("", fields, rows())
    except sqlite3.OperationalError:  # no room for a temporary file
        return _filled(":memory:", fields, rows())


def _filled(place: str, fields: list[str], rows: Iterator[tuple[Any, ...]]) -> sqlite3.Connection:
    index = sqlite3.connect(place, check_same_thread=False)
    index.execute("PRAGMA cache_size = -2048")
    columns = ", ".join(f'"{field}"' for field in fields)
    try:
        index.execute(f"CREATE VIRTUAL TABLE texts USING fts5({columns}, tokenize='porter unicode61')")
    except sqlite3.OperationalError as error:
        index.close()
        raise AsiReproError(
            f"this Python's SQLite has no full-text search ({error})",
            hint="use a Python whose sqlite3 module includes FTS5; those from python.org, Debian and "
            "conda do",
        ) from error
    places = ", ".join("?" * (len(fields) + 1))
    index.executemany(f"INSERT INTO texts(rowid, {columns}) VALUES ({places})", rows)  # noqa: S608
    return index


def _ask(
    index: sqlite3.Connection, kind: str, fields: dict[str, float], expression: str, limit: int | None
) -> Iterator[Hit]:
    names = list(fields)
    weights = ", ".join(map(str, fields.values()))
    ranked = index.execute(
        f"SELECT rowid, bm25(texts, {weights}) AS rank FROM texts "  # noqa: S608
        "WHERE texts MATCH ? ORDER BY rank, rowid LIMIT ?",
        (expression, -1 if limit is None else limit),
    ).fetchall()
    marks = f"char({ord(MARK_START)}), char({ord(MARK_END)})"
    snippets = ", ".join(f"snippet(texts, {n}, {marks}, '…', {_SNIPPET_WORDS})" for n in range(len(names)))
    key = "id" if kind == "cognition" else "rowid"
    # Snippets cost more than ranking: they are made for the best rows only.
    one = f"SELECT {key}, {snippets} FROM texts WHERE texts MATCH ? AND rowid = ?"  # noqa: S608
    for row, rank in ranked:
        found, *shown = index.execute(one, (expression, row)).fetchone()
        field, snippet = _best(dict(zip(names, shown, strict=True)))
        yield Hit(kind, found, round(-rank, 6), field, snippet)


def _best(shown: dict[str, str]) -> tuple[str, str]:
    """The field whose snippet has most found words; the texts before the titles, which are shown anyway."""
    order = sorted(
        (f for f in shown if f != "words"),
        key=lambda f: (f not in TITLES, shown[f].count(MARK_START)),
        reverse=True,
    )
    found = next((f for f in order if MARK_START in shown[f]), "name" if "name" in shown else order[0])
    return found, shown[found]
